"""A CSR checked once: what it proves, and what it asks for.

Authorization is not decided here: the caller of ``check_csr`` asks ``may`` whether this principal
may have this identity and these names.
"""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.errors import RequestError
from ca_core.identity.certificates import checked_pem
from ca_core.identity.keys import check_leaf_key
from ca_core.identity.spiffe import SigningId, SpiffeId, parse_spiffe_id

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_NAMES = 64
"""DNS names and addresses one leaf may carry."""

_HEADERS = (b"-----BEGIN CERTIFICATE REQUEST-----", b"-----BEGIN NEW CERTIFICATE REQUEST-----")
_WEAK = frozenset({hashes.MD5, hashes.SHA1})
_LABEL = re.compile(r"(?!-)[a-zA-Z0-9_-]{1,63}(?<!-)\Z")  # IGNORECASE lets U+017F through
_MAX_DNS = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCsr:
    """A CSR that passed ``check_csr``.

    Attributes:
        csr: the request itself.
        identity: its one URI SAN, parsed.
        dns_names: the DNS SANs asked for, in order.
        ip_addresses: the IP SANs asked for, in order.
        plain: True if it asks for nothing else (empty subject, critical SAN, no other extension),
            so that a provider which copies CSRs may see it.
    """

    csr: x509.CertificateSigningRequest
    identity: SpiffeId
    dns_names: tuple[str, ...]
    ip_addresses: tuple[IPAddress, ...]
    plain: bool


def load_csr(text: str | bytes) -> x509.CertificateSigningRequest:
    """Return the CSR in PEM text; words around the one block (``openssl req -text``) are ignored.

    Raises:
        RequestError: not PEM, DER, truncated, another kind of PEM block, a second block (a private
            key is never sent by mistake unnoticed), or too large.
    """
    raw = checked_pem(text, "csr")
    if not any(header in raw for header in _HEADERS):
        raise RequestError("the PEM block must be a CERTIFICATE REQUEST", field="csr")
    if raw.count(b"-----BEGIN ") > 1:
        raise RequestError("one PEM block is needed, found several", field="csr")
    try:
        return x509.load_pem_x509_csr(raw)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise RequestError(f"not a certificate request: {error}", field="csr") from None


def check_csr(csr: x509.CertificateSigningRequest) -> CheckedCsr:
    """Return what the CSR asks for, once it has passed every rule.

    1. The key is strong enough for a leaf (and no costlier to check than 8192 bits of RSA).
    2. Proof of possession: it is signed by its own key, with a hash that is not broken.
    3. It does not ask to be a CA, nor to sign certificates or CRLs.
    4. Its SAN holds exactly one URI, a SPIFFE ID that is not a signing ID; besides it only DNS
       names and addresses, at most ``MAX_NAMES``, well formed, no wildcard.

    A CN and a non-critical SAN (as Go and OpenSSL write them) are accepted; they never reach a
    leaf.

    Raises:
        RequestError: naming the rule's field.
    Source: RFC 2986 §3 (proof of possession), SPIFFE X509-SVID §2 and §4.
    """
    check_leaf_key(_public_key(csr))  # (1)
    _check_possession(csr)  # (2)
    extensions = _extensions(csr)
    _refuse_ca(extensions)  # (3)
    names = _alternative_names(extensions)  # (4)
    found = _sorted_names(names.value)
    return CheckedCsr(
        csr=csr,
        identity=_identity(found),
        dns_names=tuple(found.dns),
        ip_addresses=tuple(found.addresses),
        plain=names.critical and len(extensions) == 1 and _has_empty_subject(csr),
    )


def _has_empty_subject(csr: x509.CertificateSigningRequest) -> bool:
    try:
        return not csr.subject.rdns
    except ValueError:  # a subject that cannot be read never reaches a leaf, but is not empty
        return False


def _check_possession(csr: x509.CertificateSigningRequest) -> None:
    try:
        if type(csr.signature_hash_algorithm) in _WEAK:
            raise RequestError("signed with a broken hash (MD5 or SHA-1)", field="csr.signature")
        valid = csr.is_signature_valid
    except (UnsupportedAlgorithm, ValueError, TypeError):
        valid = False
    if not valid:
        raise RequestError("not signed by its own key", field="csr.signature")
    if not csr.public_bytes(Encoding.DER).endswith(b"\0" + csr.signature):
        raise RequestError("its signature is no whole number of octets", field="csr.signature")


@lru_cache(maxsize=128)  # those in flight, also while many leaves are issued anew
def csr_public_key(csr: x509.CertificateSigningRequest) -> CertificatePublicKeyTypes:
    """Return the key of a CSR, remembered: pyca decodes it anew for every look, three per leaf.

    Raises:
        ValueError, UnsupportedAlgorithm: no key that pyca knows.
    """
    return csr.public_key()


def _public_key(csr: x509.CertificateSigningRequest) -> CertificatePublicKeyTypes:
    try:
        return csr_public_key(csr)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RequestError(f"unusable key: {error}", field="csr.key") from None


def _extensions(csr: x509.CertificateSigningRequest) -> x509.Extensions:
    try:
        return csr.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise RequestError(f"unreadable extensions: {error}", field="csr.extensions") from None


def _refuse_ca(extensions: x509.Extensions) -> None:
    for extension in extensions:
        if type(extension.value) is x509.SubjectAlternativeName:
            continue  # asked first, since isinstance is slow for pyca's abstract classes
        match extension.value:
            case x509.BasicConstraints(ca=True):
                raise RequestError("asks to be a CA", field="csr.basic_constraints")
            case x509.KeyUsage() as usage if usage.key_cert_sign or usage.crl_sign:
                raise RequestError(
                    "asks for the right to sign certificates or CRLs", field="csr.key_usage"
                )


def _alternative_names(
    extensions: x509.Extensions,
) -> x509.Extension[x509.SubjectAlternativeName]:
    try:
        return extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        raise RequestError(
            "no subject alternative name; one SPIFFE URI is needed", field="csr.san"
        ) from None


@dataclass(slots=True)
class _Names:
    uris: list[str]
    dns: list[str]
    addresses: list[IPAddress]


def _sorted_names(names: x509.SubjectAlternativeName) -> _Names:
    found = _Names([], [], [])
    for name in names:
        if type(name) is x509.UniformResourceIdentifier:
            found.uris.append(name.value)
        elif type(name) is x509.DNSName:
            check_dns_name(name.value)
            found.dns.append(name.value)
        elif type(name) is x509.IPAddress:
            found.addresses.append(_address(name.value))
        else:
            kind = type(name).__name__
            raise RequestError(
                f"only URI, DNS and IP names are signed, not {kind}", field="csr.san"
            )
    return found


def _identity(names: _Names) -> SpiffeId:
    if len(names.uris) != 1:
        raise RequestError(
            f"exactly one URI is needed, found {len(names.uris)}", field="csr.san.uri"
        )
    if len(names.dns) + len(names.addresses) > MAX_NAMES:
        raise RequestError(f"more than {MAX_NAMES} names", field="csr.san")
    identity = parse_spiffe_id(names.uris[0])
    if isinstance(identity, SigningId):
        raise RequestError("a signing ID is never a leaf's identity", field="csr.san.uri")
    return identity


def check_dns_name(name: str) -> None:
    """Refuse what is not a plain host name: wildcards, ports, empty labels, over 253 characters.

    Raises:
        RequestError: with the name.
    Source: RFC 1123 §2.1; underscores are let through, since service names carry them.
    """
    if len(name) > _MAX_DNS or not all(_LABEL.match(label) for label in name.split(".")):
        raise RequestError(f"{name[:80]!r} is not a host name", field="csr.san.dns")


def _address(value: object) -> IPAddress:
    if not isinstance(value, IPAddress):
        raise RequestError("a network is not an address", field="csr.san.ip")
    return value


@lru_cache(maxsize=256)
def subject_alternative_name(
    identity: SpiffeId,
    dns_names: tuple[str, ...] = (),
    ip_addresses: tuple[IPAddress, ...] = (),
) -> x509.SubjectAlternativeName:
    """Return the SAN of our profile: the one URI, then DNS names, then addresses, in order.

    Remembered: a service asks for the same names at each renewal, and the guard compares with them.
    """
    return x509.SubjectAlternativeName(
        [
            x509.UniformResourceIdentifier(str(identity)),
            *(x509.DNSName(name) for name in dns_names),
            *(x509.IPAddress(address) for address in ip_addresses),
        ]
    )
