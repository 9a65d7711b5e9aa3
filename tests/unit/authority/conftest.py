"""What tests of the authority room share."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from ca_core.clock import SystemClock
from ca_core.contract.issuing import KeyPair, issue_intermediate, new_serial
from ca_core.identity.keys import KeySpec, generate_key
from tests.unit.authority.cluster import DOMAIN


class FastClock(SystemClock):
    """The machine's clock, on which sleeping takes next to no time."""

    async def sleep(self, seconds: float) -> None:
        """Let others run."""
        await asyncio.sleep(min(seconds, 0.001))


@pytest.fixture
def fast_clock() -> FastClock:
    """A clock whose pauses are short, for loops that back off."""
    return FastClock()


class CorporateCA:
    """A corporate root that signs primary CAs for departments."""

    def __init__(self) -> None:
        self.key = generate_key(KeySpec())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Corporate Root")])
        now = datetime.now(UTC)
        self.root = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(new_serial())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=7300))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(False, False, False, False, False, True, True, False, False),
                critical=True,
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )

    def sign(self, csr_pem: str) -> tuple[x509.Certificate, ...]:
        """Sign a primary CA; return it and the corporate root."""
        csr = x509.load_pem_x509_csr(csr_pem.encode())
        return (self._primary(csr.public_key(), csr.subject), self.root)

    def sign_another_key(self) -> tuple[x509.Certificate, ...]:
        """Return a chain for a key that nobody here has."""
        pair = KeyPair(self.root, self.key)
        other = issue_intermediate(
            pair,
            generate_key(KeySpec()).public_key(),
            trust_domain=DOMAIN,
            label="other",
            now=datetime.now(UTC),
            ttl=timedelta(days=30),
        )
        return (other, self.root)

    def _primary(self, public_key, subject) -> x509.Certificate:
        now = datetime.now(UTC)
        ski = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.root.subject)
            .public_key(public_key)
            .serial_number(new_serial())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=2), critical=True)
            .add_extension(
                x509.KeyUsage(False, False, False, False, False, True, True, False, False),
                critical=True,
            )
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"spiffe://{DOMAIN}")]),
                critical=False,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )


@pytest.fixture
def corporate_ca() -> CorporateCA:
    """A corporate CA above ours."""
    return CorporateCA()
