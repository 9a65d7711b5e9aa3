"""What a secondary's intermediate must be, when this authority signs it."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from cryptography import x509

from ca_core.authority.carules import IntermediateFacts
from ca_core.contract import Capability, KeySpec, RequestError, TrustDomain, ca_csr, generate_key
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.oracle import hold
from ca_core.testing.conformance.scenes import Scene, scene
from ca_core.testing.conformance.verdict import require
from ca_core.testing.conformance.words import Level
from ca_core.testing.lending import TRUST_DOMAIN

CHECKS = Catalogue()

_SIGNS = (Capability.SIGN_INTERMEDIATE,)
_LIVES = (timedelta(days=30), timedelta(days=365))
_TEMPLATE = "Set it in the backend's template, or issue by `contract.issue_intermediate`."
_FOREIGN = TrustDomain("99999999-2222-3333-4444-555555555555.consul")


def _csr(
    key: KeySpec, *, trust_domain: TrustDomain = TRUST_DOMAIN
) -> x509.CertificateSigningRequest:
    return ca_csr(generate_key(key), trust_domain=trust_domain, label="secondary")


def _signed(here: Scene, keys: tuple[KeySpec, ...]) -> Iterator[IntermediateFacts]:
    """Have intermediates signed: a short-lived one, and one for each key that there may be."""
    short, long = _LIVES
    for key, ttl in ((keys[0], short), *((key, long) for key in keys)):
        yield here.intermediate(here.mesh.ask.intermediate(_csr(key), ttl=ttl))


def _every_one_holds(arena: Arena, *rules: str) -> None:
    for facts in _signed(scene(arena), arena.keys):
        hold(facts, *rules)


@CHECKS.check(
    "intermediate.signature",
    Level.L1,
    why="A whole datacenter's leaves end at this signature.",
    sources=("RFC 5280 §6.1.3", "Consul GH-6542"),
    fix="Sign with the primary CA's key, under its subject, with a hash that fits *that* key.",
    capabilities=_SIGNS,
)
def intermediate_signature(arena: Arena) -> None:
    """An intermediate is issued by the primary CA: issuer name and signature."""
    _every_one_holds(arena, "intermediate.2")


@CHECKS.check(
    "intermediate.authority-key-id",
    Level.L1,
    why="Key identifiers by two methods in one chain break it between providers.",
    sources=("S10", "RFC 5280 §4.2.1.1"),
    fix="Copy the primary CA's subject key identifier.",
    capabilities=_SIGNS,
)
def intermediate_authority_key_id(arena: Arena) -> None:
    """An intermediate's authority key identifier is the primary CA's subject key identifier."""
    _every_one_holds(arena, "intermediate.3")


@CHECKS.check(
    "intermediate.key",
    Level.L1,
    why="The secondary's key never leaves it; a certificate for another key is of no use there.",
    sources=("RFC 2986 §3", "Consul GH-6542"),
    fix="Take the public key from the CSR.",
    capabilities=_SIGNS,
)
def intermediate_key(arena: Arena) -> None:
    """An intermediate carries the CSR's public key."""
    _every_one_holds(arena, "intermediate.4")


@CHECKS.check(
    "intermediate.trust-domain",
    Level.L1,
    why="An intermediate lacked the URI and was refused; the check added then refused good ones.",
    sources=("S19", "Consul GH-6491", "SPIRE GH-4352", "SPIFFE X509-SVID §3"),
    fix="Set exactly one name, the URI `spiffe://<request.trust_domain>`.",
    capabilities=_SIGNS,
)
def intermediate_trust_domain(arena: Arena) -> None:
    """An intermediate's only name is our trust domain's URI."""
    _every_one_holds(arena, "intermediate.5")


@CHECKS.check(
    "intermediate.ca",
    Level.L1,
    why="Without both marks, verifiers refuse every leaf below; where they are not critical, old"
    " ones may ignore them.",
    sources=("RFC 5280 §4.2.1.9", "RFC 5280 §4.2.1.3"),
    fix=_TEMPLATE,
    capabilities=_SIGNS,
)
def intermediate_ca(arena: Arena) -> None:
    """An intermediate has critical CA:TRUE and critical keyCertSign."""
    _every_one_holds(arena, "intermediate.6")


@CHECKS.check(
    "intermediate.path-length",
    Level.L1,
    why="A secondary that may sign CAs can make datacenters of its own.",
    sources=("RFC 5280 §4.2.1.9",),
    fix=_TEMPLATE,
    capabilities=_SIGNS,
)
def intermediate_path_length(arena: Arena) -> None:
    """An intermediate has path length 0."""
    _every_one_holds(arena, "intermediate.7")


@CHECKS.check(
    "intermediate.subject",
    Level.L1,
    why="Leaves below a nameless CA have an empty issuer, which no verifier accepts.",
    sources=("RFC 5280 §4.1.2.4", "RFC 5280 §4.1.2.6"),
    fix="Give it a subject; the CSR's own will do.",
    capabilities=_SIGNS,
)
def intermediate_subject(arena: Arena) -> None:
    """An intermediate has a subject."""
    _every_one_holds(arena, "intermediate.8")


@CHECKS.check(
    "intermediate.key-id",
    Level.L1,
    why="Leaves below it copy this identifier; signing keys are told apart by it.",
    sources=("S10", "RFC 5280 §4.2.1.2"),
    fix=_TEMPLATE,
    capabilities=_SIGNS,
)
def intermediate_key_id(arena: Arena) -> None:
    """An intermediate has a subject key identifier."""
    _every_one_holds(arena, "intermediate.9")


@CHECKS.check(
    "intermediate.life",
    Level.L1,
    why="One provider signed for a year whatever was asked; secondaries ran into it unprepared.",
    sources=("S03", "Consul GH-6542", "Consul GH-9308"),
    fix="Give `request.ttl` to the backend.",
    capabilities=_SIGNS,
)
def intermediate_life(arena: Arena) -> None:
    """An intermediate lives at most as long as was asked, and at least half of it."""
    here = scene(arena)
    for ttl in _LIVES:
        facts = here.intermediate(here.mesh.ask.intermediate(_csr(arena.keys[0]), ttl=ttl))
        hold(facts, "intermediate.10")
        left = facts.not_after - facts.now
        require(left > ttl / 2, f"asked were {ttl}, it lives {left}")


@CHECKS.check(
    "intermediate.within-authority",
    Level.L1,
    why="Below an authority that ends first, a datacenter's leaves die before their own end.",
    sources=("S31", "cert-manager GH-1038", "RFC 5280 §6.1.3"),
    fix="Clamp NotAfter to every certificate above.",
    capabilities=_SIGNS,
)
def intermediate_within_authority(arena: Arena) -> None:
    """An intermediate ends with the primary CA at the latest, whatever was asked."""
    here = scene(arena)
    ends = here.authority.primary.not_valid_after_utc
    asked = ends - here.mesh.cluster.tempo.clock.now() + timedelta(days=100)
    request = here.mesh.ask.intermediate(_csr(arena.keys[0]), ttl=asked)
    hold(here.intermediate(request), "intermediate.11")


@CHECKS.check(
    "intermediate.not-before",
    Level.L1,
    why="A secondary that installs what is not yet valid stops signing.",
    sources=("Istio GH-32176", "RFC 5280 §4.1.2.5"),
    fix="Backdate NotBefore by a minute.",
    capabilities=_SIGNS,
)
def intermediate_not_before(arena: Arena) -> None:
    """An intermediate is valid from the moment it is given out."""
    _every_one_holds(arena, "intermediate.12")


@CHECKS.check(
    "intermediate.serial",
    Level.L1,
    why="A counter that began anew after a restore gave two CAs one number.",
    sources=("S22", "Consul GH-4463", "RFC 5280 §4.1.2.2"),
    fix="Draw at least 64 random bits, at most 20 octets, positive.",
    capabilities=_SIGNS,
)
def intermediate_serial(arena: Arena) -> None:
    """An intermediate's serial number can be a random one."""
    _every_one_holds(arena, "intermediate.13")


@CHECKS.check(
    "intermediate.profile",
    Level.L1,
    why="A constraint or policy that the backend adds binds every leaf of that datacenter.",
    sources=("RFC 5280 §4.2.1.10",),
    fix="Switch off what the backend adds.",
    capabilities=_SIGNS,
)
def intermediate_profile(arena: Arena) -> None:
    """An intermediate has no extension outside the profile."""
    _every_one_holds(arena, "intermediate.14")


@CHECKS.check(
    "intermediate.foreign-domain",
    Level.L1,
    why="Whoever signs CAs of another trust domain lets that domain speak in ours.",
    sources=("SPIFFE X509-SVID §3", "SPIRE GH-3971"),
    fix="Refuse it (`contract.checked_intermediate` does), or copy no name from the CSR.",
    capabilities=_SIGNS,
)
def intermediate_foreign_domain(arena: Arena) -> None:
    """A CSR that names another trust domain is refused, or signed for ours alone."""
    here = scene(arena)
    request = here.mesh.ask.intermediate(_csr(arena.keys[0], trust_domain=_FOREIGN))
    with suppress(RequestError):
        hold(here.intermediate(request), "intermediate.5")
