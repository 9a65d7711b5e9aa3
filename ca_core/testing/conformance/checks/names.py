"""What stands in a leaf's subject alternative name: the identity, the names granted, no other."""

from cryptography import x509

from ca_core.contract import (
    AgentId,
    Error,
    GatewayId,
    RequestError,
    ServerId,
    ServiceId,
    SpiffeId,
)
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.oracle import hold
from ca_core.testing.conformance.scenes import ADDRESSES, DNS_NAMES, scene
from ca_core.testing.conformance.verdict import Violation, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.lending import TRUST_DOMAIN

CHECKS = Catalogue()

_IDENTITIES: tuple[SpiffeId, ...] = (
    ServiceId(trust_domain=TRUST_DOMAIN, namespace="Team-1", datacenter="dc1", service="web_2.x"),
    AgentId(trust_domain=TRUST_DOMAIN, datacenter="dc1", node="Node-7.example"),
    ServerId(trust_domain=TRUST_DOMAIN, datacenter="dc1"),
    GatewayId(trust_domain=TRUST_DOMAIN, datacenter="dc1"),
)
_MOST_NAMES = 64  # what the core lets through


@CHECKS.check(
    "leaf.one-uri",
    Level.L1,
    why="With two URIs one verifier reads the first and the next the last: two identities in one"
    " certificate.",
    sources=("S23", "Consul GH-14579", "SPIFFE X509-SVID §2"),
    fix="Put exactly `str(request.identity)` there as the one URI.",
)
def leaf_one_uri(arena: Arena) -> None:
    """A leaf has exactly one URI, the identity that was asked."""
    for facts in scene(arena).leaves():
        hold(facts, "leaf.5")


@CHECKS.check(
    "leaf.identities",
    Level.L1,
    why="Agents, servers and gateways have leaves too; a rule made for services refused or mangled"
    " theirs.",
    sources=("SPIRE GH-3971", "SPIFFE-ID §2"),
    fix="Copy the identity as it is: letter case, dots, dashes and underscores included.",
)
def leaf_identities(arena: Arena) -> None:
    """Every kind of identity comes back unchanged: service, agent, server, gateway."""
    here = scene(arena)
    for identity in _IDENTITIES:
        hold(here.leaf(here.mesh.ask.leaf(here.signer.id, identity=identity)), "leaf.5")


@CHECKS.check(
    "leaf.no-other-names",
    Level.L1,
    why="A host name that nobody granted lets its holder stand in for that host.",
    sources=("SPIFFE X509-SVID §2", "OpenBao GHSA-g892"),
    fix="Add no name of your own: no host name made from the service, none of a role's defaults.",
)
def leaf_no_other_names(arena: Arena) -> None:
    """A leaf has no name beyond those asked for."""
    for facts in scene(arena).leaves():
        hold(facts, "leaf.6")


@CHECKS.check(
    "leaf.all-names",
    Level.L1,
    why="A gateway whose leaf lost a host name or its IPv6 address is refused by the clients that"
    " use it.",
    sources=("S09", "Consul GH-7597", "RFC 5280 §4.2.1.6"),
    fix="Copy all of `request.dns_names` and `request.ip_addresses`, both families.",
)
def leaf_all_names(arena: Arena) -> None:
    """Every DNS name and address that was asked for stands in the leaf."""
    for facts in scene(arena).leaves():
        hold(facts, "leaf.7")


@CHECKS.check(
    "leaf.name-order",
    Level.L1,
    why="Programs show and log the first name; a leaf whose names move at each renewal looks"
    " changed.",
    sources=("S32", "ca_core.contract LeafRequest"),
    fix="Keep the order of the request; do not sort, and do not pass names through a set.",
)
def leaf_name_order(arena: Arena) -> None:
    """DNS names and addresses stand in the order in which they were asked for."""
    for facts in scene(arena).leaves():
        dns = [name.value for name in facts.names if isinstance(name, x509.DNSName)]
        addresses = [name.value for name in facts.names if isinstance(name, x509.IPAddress)]
        for found, asked in (
            (dns, facts.request.dns_names),
            (addresses, facts.request.ip_addresses),
        ):
            if set(found) == set(asked):  # other checks ask for the names themselves
                require(found == list(asked), f"the names are {found}, asked were {list(asked)}")


@CHECKS.check(
    "leaf.name-mixtures",
    Level.L1,
    why="Some backends turn an address into a DNS name when no DNS name is there, or ask for at"
    " least one.",
    sources=("S09", "Consul GH-7597", "RFC 5280 §4.2.1.6"),
    fix="Treat DNS names and addresses each by themselves; either may be empty.",
)
def leaf_name_mixtures(arena: Arena) -> None:
    """Only DNS names, or only addresses of one family: each comes back as asked."""
    here = scene(arena)
    ask, signer = here.mesh.ask, here.signer.id
    for request in (
        ask.leaf(signer, dns_names=DNS_NAMES[:1]),
        ask.leaf(signer, ip_addresses=ADDRESSES[:1]),
        ask.leaf(signer, ip_addresses=ADDRESSES[1:]),
    ):
        hold(here.leaf(request), "leaf.6", "leaf.7")


@CHECKS.check(
    "leaf.many-names",
    Level.L1,
    why="A gateway in front of a large mesh has dozens of names; a limit found by dropping the"
    " rest is found in production.",
    sources=("S09", "RFC 5280 §4.2.1.6"),
    fix="Copy every name; if the backend has a limit, raise RequestError.",
)
def leaf_many_names(arena: Arena) -> None:
    """A leaf with 64 names has all 64."""
    here = scene(arena)
    names = tuple(f"gateway-{number}.example" for number in range(_MOST_NAMES))
    hold(here.leaf(here.mesh.ask.leaf(here.signer.id, dns_names=names)), "leaf.7")


@CHECKS.check(
    "leaf.host-port",
    Level.L1,
    why="`host:port` as a DNS name was signed by one provider and refused by another; a swap of"
    " the provider broke the services that had it.",
    sources=("S20", "Consul GH-15320"),
    fix="Sign a name exactly as it stands or raise RequestError; never repair it.",
)
def leaf_host_port(arena: Arena) -> None:
    """A DNS name with a port is refused or signed as it stands, never changed."""
    here = scene(arena)
    request = here.mesh.ask.leaf(here.signer.id, dns_names=("web.example:8443",))
    try:
        facts = here.leaf(request)
    except RequestError:
        return
    except Error as error:
        raise Violation(f"it raised {type(error).__name__}, not RequestError") from error
    hold(facts, "leaf.6", "leaf.7")
