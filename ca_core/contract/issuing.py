"""Issue by template: the profiles of this project, once, for any provider that holds a key.

Nothing here keeps anything. The caller guarantees that ``key`` belongs to ``issuer`` (``load_pair``
checks it once); pyca would sign without complaint under the wrong one.
"""

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ca_core.contract.requests import CrossSignRequest, IPAddress, LeafRequest
from ca_core.errors import ConfigError, ProviderError
from ca_core.identity.certificates import spki_der, subject_key_id
from ca_core.identity.csr import csr_public_key, subject_alternative_name
from ca_core.identity.keys import PrivateKey, SignatureHash, signature_hash
from ca_core.identity.spiffe import SpiffeId, TrustDomain

BACKDATE = timedelta(seconds=60)
"""NotBefore lies this far in the past: clocks of a fleet differ by seconds, sometimes a minute."""

_SERIAL_BITS = 128
_SAN = x509.SubjectAlternativeName
_LEAF_EKU = x509.ExtendedKeyUsage(
    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
)
_NOT_A_CA = x509.BasicConstraints(ca=False, path_length=None)


def new_serial() -> int:
    """Return a random positive 128-bit serial number; its first bit is set, so its length is fixed.

    Source: RFC 5280 §4.1.2.2 (at most 20 octets, positive).
    """
    return int.from_bytes(os.urandom(_SERIAL_BITS // 8), "big") | 1 << (_SERIAL_BITS - 1)


def _key_usage(*, digital_signature: bool, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


_LEAF_USAGE = _key_usage(digital_signature=True, ca=False)
_CA_USAGE = _key_usage(digital_signature=False, ca=True)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A CA certificate and its private key; made by ``load_pair`` or together: they match.

    Attributes:
        ends: the certificate's NotAfter, aware UTC.
        signs_with: the hash of its signatures.
        leaf_start: what every leaf under it has in common; builders are immutable.
    """

    certificate: x509.Certificate
    key: PrivateKey
    ends: datetime = field(init=False, repr=False, compare=False)
    signs_with: SignatureHash = field(init=False, repr=False, compare=False)
    leaf_start: x509.CertificateBuilder = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ends", self.certificate.not_valid_after_utc)
        object.__setattr__(self, "signs_with", signature_hash(self.key))
        object.__setattr__(self, "leaf_start", _leaf_start(self.certificate))

    def __repr__(self) -> str:
        return f"KeyPair({self.certificate.subject.rfc4514_string()!r})"


def load_pair(certificate: x509.Certificate, key: PrivateKey) -> KeyPair:
    """Return the pair after checking that it is one.

    Raises:
        ConfigError: the key does not belong to the certificate.
    """
    if spki_der(certificate.public_key()) != spki_der(key.public_key()):
        raise ConfigError("the private key does not belong to the certificate")
    return KeyPair(certificate, key)


def issue_leaf(issuer: KeyPair, request: LeafRequest) -> x509.Certificate:
    """Sign a leaf of the SVID profile; NotAfter is clamped to the issuer's.

    Empty subject, one critical SAN, KU digitalSignature, EKU server and client, BasicConstraints
    CA:FALSE, SKI by RFC 5280 method 1, AKI copied from the issuer's SKI.

    Raises:
        ProviderError: the issuer has no life left to give.

    Source: SPIFFE X509-SVID §4.
    """
    public_key = csr_public_key(request.csr)
    not_after = _within(issuer, request.not_after, after=request.not_before)
    names = _encoded_names(request.identity, request.dns_names, request.ip_addresses)
    builder = (
        issuer.leaf_start.public_key(public_key)
        .serial_number(new_serial())
        .not_valid_before(request.not_before)
        .not_valid_after(not_after)
        .add_extension(names, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    return builder.sign(issuer.key, issuer.signs_with)


def _within(issuer: KeyPair, asked: datetime, *, after: datetime) -> datetime:
    """Return the end asked for, clamped to the issuer's; pyca refuses one before the beginning."""
    ends = min(asked, issuer.ends)
    if ends <= after:
        raise ProviderError(
            f"the issuer expired at {issuer.ends.isoformat()}",
            hint="prepare a new signer, or rotate the root",
        )
    return ends


def _leaf_start(above: x509.Certificate) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(above.subject)
        .add_extension(_encoded(_NOT_A_CA), critical=True)
        .add_extension(_encoded(_LEAF_USAGE), critical=True)
        .add_extension(_encoded(_LEAF_EKU), critical=False)
        .add_extension(_encoded(_aki(_ski_of(above))), critical=False)
    )


def _encoded(value: x509.ExtensionType) -> x509.UnrecognizedExtension:
    """Return an extension that was encoded once, and not for every leaf again."""
    return x509.UnrecognizedExtension(value.oid, value.public_bytes())


@lru_cache(maxsize=256)
def _encoded_names(
    identity: SpiffeId, dns_names: tuple[str, ...], ip_addresses: tuple[IPAddress, ...]
) -> x509.UnrecognizedExtension:
    return _encoded(subject_alternative_name(identity, dns_names, ip_addresses))


def issue_root(
    key: PrivateKey, *, trust_domain: TrustDomain, label: str, now: datetime, ttl: timedelta
) -> x509.Certificate:
    """Self-sign a primary CA.

    No path length, so that a cross-signed CA and an intermediate fit below. ``label`` makes its
    subject unique (verifiers that search by name stumble over equal ones).
    Source: RFC 5280 §4.2.1.9, SPIFFE X509-SVID §4.
    """
    name = ca_name(trust_domain, label)
    ski = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _ca_builder(name, key.public_key(), _signing_san(trust_domain), path_length=None)
        .issuer_name(name)
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + ttl)
        .add_extension(_aki(ski.digest), critical=False)
        .sign(key, signature_hash(key))
    )


def issue_intermediate(
    issuer: KeyPair,
    public_key: CertificatePublicKeyTypes,
    *,
    trust_domain: TrustDomain,
    label: str,
    now: datetime,
    ttl: timedelta,
) -> x509.Certificate:
    """Sign an intermediate that signs leaves: path length 0, our trust domain, clamped life.

    Raises:
        ProviderError: the issuer has no life left to give.
    Source: RFC 5280 §4.2.1.9, SPIFFE X509-SVID §4.
    """
    above = issuer.certificate
    name = ca_name(trust_domain, label)
    not_after = _within(issuer, now + ttl, after=now)
    return (
        _ca_builder(name, public_key, _signing_san(trust_domain), path_length=0)
        .issuer_name(above.subject)
        .not_valid_before(max(now - BACKDATE, above.not_valid_before_utc))
        .not_valid_after(not_after)
        .add_extension(_aki(_ski_of(above)), critical=False)
        .sign(issuer.key, signature_hash(issuer.key))
    )


def issue_cross_certificate(
    issuer: KeyPair, request: CrossSignRequest, *, now: datetime
) -> x509.Certificate:
    """Re-issue another CA's certificate: same subject, key, SANs and SKI (RFC 5280 §3.2)."""
    theirs, above = request.certificate, issuer.certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(theirs.subject)
        .issuer_name(above.subject)
        .public_key(theirs.public_key())
        .serial_number(new_serial())
        .not_valid_before(max(now - BACKDATE, above.not_valid_before_utc))
        .not_valid_after(min(request.not_after, above.not_valid_after_utc))
        .add_extension(
            x509.BasicConstraints(ca=True, path_length=request.path_length), critical=True
        )
        .add_extension(_CA_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier(_ski_of(theirs)), critical=False)
        .add_extension(_aki(_ski_of(above)), critical=False)
    )
    for extension in theirs.extensions:
        if isinstance(extension.value, _SAN):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(issuer.key, signature_hash(issuer.key))


def ca_csr(
    key: PrivateKey, *, trust_domain: TrustDomain, label: str
) -> x509.CertificateSigningRequest:
    """Return the CSR of a CA: its name, its trust domain as URI SAN, and CA:TRUE (RFC 2986)."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(ca_name(trust_domain, label))
        .add_extension(_signing_san(trust_domain), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_CA_USAGE, critical=True)
        .sign(key, signature_hash(key))
    )


def cross_sign_csr(pair: KeyPair) -> x509.CertificateSigningRequest:
    """Return a CSR (RFC 2986) by a CA's key with its subject and SAN, for another CA to sign."""
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(pair.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_CA_USAGE, critical=True)
    )
    for extension in pair.certificate.extensions:
        if isinstance(extension.value, _SAN):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(pair.key, signature_hash(pair.key))


def ca_name(trust_domain: TrustDomain, label: str) -> x509.Name:
    """Return a CA's subject, for example ``O=ca-core, CN=ca-9f3b… 07933a13.consul``; CN ≤ 64."""
    common = f"{label} {trust_domain.name.split('.', maxsplit=1)[0][:8]}"
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "ca-core"),
            x509.NameAttribute(NameOID.COMMON_NAME, common[:64]),
        ]
    )


def _ca_builder(
    name: x509.Name, public_key: CertificatePublicKeyTypes, san: _SAN, *, path_length: int | None
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(public_key)
        .serial_number(new_serial())
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_CA_USAGE, critical=True)
        .add_extension(san, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _signing_san(trust_domain: TrustDomain) -> _SAN:
    return _SAN([x509.UniformResourceIdentifier(f"spiffe://{trust_domain}")])


def _ski_of(certificate: x509.Certificate) -> bytes:
    found = subject_key_id(certificate)
    if found is None:  # corporate CAs without an SKI exist; method 1 is what verifiers fall back to
        return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    return found


def _aki(key_identifier: bytes) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier(key_identifier, None, None)
