"""Certificates taken apart, altered in one thing, and signed again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from ca_core.contract.issuing import (
    KeyPair,
    issue_intermediate,
    issue_root,
)
from ca_core.identity.keys import KeySpec, PrivateKey, generate_key, signature_hash
from ca_core.identity.spiffe import ServiceId, TrustDomain
from ca_core.testing.clock import START

DOMAIN = TrustDomain("11111111-2222-3333-4444-555555555555.consul")
WEB = ServiceId(trust_domain=DOMAIN, datacenter="dc1", service="web")
DAY = timedelta(days=1)
DEADLINE = START + DAY


P256 = KeySpec()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A certificate taken apart; ``signed`` puts it together again."""

    subject: x509.Name
    issuer: x509.Name
    key: Any
    serial: int
    begins: datetime
    ends: datetime
    extensions: Mapping[type, tuple[x509.ExtensionType, bool]]

    def but(self, **changes: Any) -> "Draft":
        """Return the draft with other fields."""
        return replace(self, **changes)

    def having(self, value: x509.ExtensionType, *, critical: bool = True) -> "Draft":
        """Return the draft with this extension instead of the one of its kind."""
        return self.but(extensions={**self.extensions, type(value): (value, critical)})

    def without(self, kind: type) -> "Draft":
        """Return the draft without this extension."""
        return self.but(extensions={k: v for k, v in self.extensions.items() if k is not kind})

    def usage(self, **bits: bool) -> "Draft":
        """Return the draft with other key usage bits."""
        value, critical = self.extensions[x509.KeyUsage]
        names = [
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
        ]
        now = {name: getattr(value, name) for name in names}
        usage = x509.KeyUsage(**{**now, **bits}, encipher_only=False, decipher_only=False)
        return self.having(usage, critical=critical)

    def signed(self, key: PrivateKey, algorithm: Any = ...) -> x509.Certificate:
        """Return the certificate, signed by ``key``."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(self.issuer)
            .public_key(self.key)
            .serial_number(self.serial)
            .not_valid_before(self.begins)
            .not_valid_after(self.ends)
        )
        for value, critical in self.extensions.values():
            builder = builder.add_extension(value, critical=critical)
        return builder.sign(key, signature_hash(key) if algorithm is ... else algorithm)


def draft(certificate: x509.Certificate) -> Draft:
    """Take a certificate apart."""
    return Draft(
        subject=certificate.subject,
        issuer=certificate.issuer,
        key=certificate.public_key(),
        serial=certificate.serial_number,
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
        extensions={type(e.value): (e.value, e.critical) for e in certificate.extensions},
    )


def new_root(label: str = "ca-1", spec: KeySpec = P256, ttl: timedelta = 365 * DAY) -> KeyPair:
    """Make a primary CA with its key."""
    key = generate_key(spec)
    root = issue_root(key, trust_domain=DOMAIN, label=label, now=START, ttl=ttl)
    return KeyPair(root, key)


def new_intermediate(
    root: KeyPair,
    *,
    spec: KeySpec = P256,
    ttl: timedelta = 30 * DAY,
    key: Any = None,
) -> KeyPair:
    """Make an intermediate with its key."""
    key = key or generate_key(spec)
    made = issue_intermediate(
        root, key.public_key(), trust_domain=DOMAIN, label="signer", now=START, ttl=ttl
    )
    return KeyPair(made, key)
