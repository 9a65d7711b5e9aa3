"""Name constraints of a CA, evaluated over the names below it.

Old roots of Consul and many corporate CAs carry them; pyca's verifier refuses those for URIs.
Source: RFC 5280 §4.2.1.10.
"""

from collections.abc import Iterable

from cryptography import x509


def name_fault(constraints: x509.NameConstraints, names: Iterable[x509.GeneralName]) -> str | None:
    """Return why a CA with these constraints may not stand above these names, or None.

    An excluded subtree wins over a permitted one; a kind of name with permitted subtrees must lie
    in one of them.

    Raises:
        ValueError: constraints on a kind that is not URI, DNS, IP or directory name meet such a
            name; they cannot be evaluated.
    """
    for name in names:
        if any(_within(name, base) for base in _of_kind(name, constraints.excluded_subtrees)):
            return f"name constraints exclude {name.value}"
        permitted = _of_kind(name, constraints.permitted_subtrees)
        if permitted and not any(_within(name, base) for base in permitted):
            return f"name constraints do not permit {name.value}"
    return None


def constrained_names(certificate: x509.Certificate) -> tuple[x509.GeneralName, ...]:
    """Return the names that constraints above apply to: the subject, unless empty, and the SAN."""
    subject = (x509.DirectoryName(certificate.subject),) if certificate.subject.rdns else ()
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return subject
    return (*subject, *found.value)


def _of_kind(
    name: x509.GeneralName, subtrees: Iterable[x509.GeneralName] | None
) -> list[x509.GeneralName]:
    return [base for base in subtrees or () if type(base) is type(name)]


def _within(name: x509.GeneralName, base: x509.GeneralName) -> bool:
    match name, base:
        case x509.UniformResourceIdentifier(), x509.UniformResourceIdentifier():
            return _uri_within(name.value, base.value.lower())
        case x509.DNSName(), x509.DNSName():
            return _host_within(name.value.lower(), base.value.lower())
        case x509.IPAddress(), x509.IPAddress():
            return name.value in base.value  # type: ignore[operator] # a constraint is a network
        case x509.DirectoryName(), x509.DirectoryName():
            return name.value.rdns[: len(base.value.rdns)] == base.value.rdns
        case _:
            raise ValueError(f"constraints on {type(name).__name__} are not evaluated")


def _uri_within(uri: str, base: str) -> bool:
    """Compare hosts: a leading dot asks for a subdomain, anything else for exactly this host."""
    host = uri.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0].lower()
    return host.endswith(base) and len(host) > len(base) if base.startswith(".") else host == base


def _host_within(host: str, base: str) -> bool:
    """Return whether the host is the base or below it; an empty base holds every host."""
    if not base or host == base:
        return True
    return host.endswith(base if base.startswith(".") else f".{base}")
