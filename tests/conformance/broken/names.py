"""Providers that change the names of some leaves."""

from cryptography import x509

from ca_core.contract import AgentId
from tests.conformance.broken.spoiling import spoiled_leaf

SAN = x509.SubjectAlternativeName
A_FEW = 10


def with_names(honest, names):
    """Return the draft with these names, critical."""
    return honest.having(SAN(list(names)), critical=True)


def names_of(honest):
    """Return the names of a draft."""
    return list(honest.extensions[SAN][0])


def second_uri(honest, _request):
    """Add another identity."""
    return with_names(
        honest, [*names_of(honest), x509.UniformResourceIdentifier("spiffe://other/admin")]
    )


def lower_case(honest, request):
    """Write the identity in lower case."""
    rest = names_of(honest)[1:]
    return with_names(
        honest, [x509.UniformResourceIdentifier(str(request.identity).lower()), *rest]
    )


def service_name(honest, _request):
    """Add a host name made from the service."""
    return with_names(honest, [*names_of(honest), x509.DNSName("web.service.consul")])


def no_ipv6(honest, _request):
    """Leave addresses of the newer family out."""
    kept = [
        name
        for name in names_of(honest)
        if not isinstance(name, x509.IPAddress) or name.value.version == 4
    ]
    return with_names(honest, kept)


def reversed_names(honest, _request):
    """Put the names in another order."""
    identity, *rest = names_of(honest)
    return with_names(honest, [identity, *reversed(rest)])


def addresses_as_names(honest, request):
    """Write addresses as host names."""
    identity = names_of(honest)[0]
    addresses = [x509.DNSName(str(address)) for address in request.ip_addresses]
    return with_names(honest, [identity, *addresses])


def the_first_few(honest, _request):
    """Cut a long list."""
    return with_names(honest, names_of(honest)[:A_FEW])


def without_port(honest, request):
    """Repair host names."""
    identity = names_of(honest)[0]
    hosts = [x509.DNSName(name.partition(":")[0]) for name in request.dns_names]
    return with_names(honest, [identity, *hosts])


BROKEN = (
    spoiled_leaf("leaf-two-uris", "adds a second identity", "leaf.one-uri", second_uri),
    spoiled_leaf(
        "leaf-lower-case",
        "writes identities of agents in lower case",
        "leaf.identities",
        lower_case,
        when=lambda request: isinstance(request.identity, AgentId),
    ),
    spoiled_leaf(
        "leaf-service-name",
        "adds a host name of its own to leaves of hosts with addresses",
        "leaf.no-other-names",
        service_name,
        when=lambda request: request.dns_names and request.ip_addresses,
    ),
    spoiled_leaf("leaf-no-ipv6", "drops IPv6 addresses", "leaf.all-names", no_ipv6),
    spoiled_leaf("leaf-names-turned", "turns names around", "leaf.name-order", reversed_names),
    spoiled_leaf(
        "leaf-addresses-as-names",
        "writes addresses as host names where no host name is",
        "leaf.name-mixtures",
        addresses_as_names,
        when=lambda request: request.ip_addresses and not request.dns_names,
    ),
    spoiled_leaf(
        "leaf-ten-names",
        "cuts the list of names",
        "leaf.many-names",
        the_first_few,
        when=lambda request: len(request.dns_names) > A_FEW,
    ),
    spoiled_leaf(
        "leaf-no-port",
        "drops ports from host names",
        "leaf.host-port",
        without_port,
        when=lambda request: any(":" in name for name in request.dns_names),
    ),
)
