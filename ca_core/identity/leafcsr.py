"""Making a leaf's key and CSR, where the key is used."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.identity.csr import IPAddress, subject_alternative_name
from ca_core.identity.spiffe import SpiffeId


def new_leaf_key() -> ec.EllipticCurvePrivateKey:
    """Make a P-256 key; leaves have it whatever key the CA has."""
    return ec.generate_private_key(ec.SECP256R1())


def leaf_csr(
    key: ec.EllipticCurvePrivateKey,
    identity: SpiffeId,
    dns_names: tuple[str, ...] = (),
    ip_addresses: tuple[IPAddress, ...] = (),
) -> x509.CertificateSigningRequest:
    """Return a CSR with an empty subject and one critical SAN (some backends copy it as it is)."""
    names = subject_alternative_name(identity, dns_names, ip_addresses)
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(names, critical=True)
        .sign(key, hashes.SHA256())
    )


def csr_pem(csr: x509.CertificateSigningRequest) -> str:
    """Return the CSR as PEM text."""
    return csr.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the private key as unencrypted ``EC PRIVATE KEY`` PEM, as Consul's agent answers it.

    Source: RFC 5915.
    """
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
