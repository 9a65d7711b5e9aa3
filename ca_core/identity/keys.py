"""Key types a CA may have, and what counts as strong enough in a CSR."""

from dataclasses import dataclass
from enum import StrEnum

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    CertificatePublicKeyTypes,
)

from ca_core.errors import RequestError

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
"""A private key of one of the supported types."""

_CURVES: dict[int, type[ec.EllipticCurve]] = {
    256: ec.SECP256R1,
    384: ec.SECP384R1,
    521: ec.SECP521R1,
}
_CURVE_TYPES = frozenset(_CURVES.values())
SignatureHash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None
"""What a certificate is signed with; None for EdDSA, which brings its own."""

_HASHES: dict[int, type[hashes.SHA256] | type[hashes.SHA384] | type[hashes.SHA512]] = {
    256: hashes.SHA256,
    384: hashes.SHA384,
    521: hashes.SHA512,
}
_RSA_SIZES = (2048, 3072, 4096)
_MAX_RSA_BITS = 8192  # larger keys make one signature check cost tens of milliseconds


class KeyType(StrEnum):
    """A family of keys, in Consul's words where Consul has one."""

    EC = "ec"
    RSA = "rsa"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class KeySpec:
    """One of the seven CA keys: ec 256/384/521, rsa 2048/3072/4096, ed25519 (bits 256).

    Raises:
        RequestError: any other pair.
    """

    type: KeyType = KeyType.EC
    bits: int = 256

    def __post_init__(self) -> None:
        allowed = allowed_bits(self.type)
        if self.bits not in allowed:
            choices = "/".join(str(bits) for bits in allowed)
            raise RequestError(
                f"{self.type} keys have {choices} bits, not {self.bits}", field="key_bits"
            )

    def __str__(self) -> str:
        return self.type if self.type is KeyType.ED25519 else f"{self.type}-{self.bits}"


def allowed_bits(key_type: KeyType) -> tuple[int, ...]:
    """Return the sizes a key type comes in."""
    match key_type:
        case KeyType.EC:
            return tuple(_CURVES)
        case KeyType.RSA:
            return _RSA_SIZES
        case KeyType.ED25519:
            return (256,)


ALL_KEY_SPECS = tuple(KeySpec(kind, bits) for kind in KeyType for bits in allowed_bits(kind))
"""Every supported CA key, in the order of the documentation."""


def parse_key_spec(key_type: str, bits: int | None = None) -> KeySpec:
    """Return the key named by an operator; without ``bits`` the smallest of its type.

    Raises:
        RequestError: an unknown type or size.
    """
    try:
        kind = KeyType(key_type)
    except ValueError:
        known = ", ".join(KeyType)
        raise RequestError(
            f"unknown key type {key_type!r}; one of {known}", field="key_type"
        ) from None
    return KeySpec(kind, allowed_bits(kind)[0] if bits is None else bits)


def generate_key(spec: KeySpec) -> PrivateKey:
    """Make a new private key; RSA takes tens to hundreds of milliseconds."""
    match spec.type:
        case KeyType.EC:
            return ec.generate_private_key(_CURVES[spec.bits]())
        case KeyType.RSA:
            return rsa.generate_private_key(public_exponent=65537, key_size=spec.bits)
        case KeyType.ED25519:
            return ed25519.Ed25519PrivateKey.generate()


def key_spec_of(key: CertificatePublicKeyTypes) -> KeySpec:
    """Return which of the supported keys this public key is.

    Raises:
        RequestError: none of them.
    """
    match key:
        case ec.EllipticCurvePublicKey() if type(key.curve) in _CURVE_TYPES:
            return KeySpec(KeyType.EC, key.curve.key_size)
        case rsa.RSAPublicKey():
            return KeySpec(KeyType.RSA, key.key_size)
        case ed25519.Ed25519PublicKey():
            return KeySpec(KeyType.ED25519, 256)
        case _:
            raise RequestError("key is neither EC P-256/384/521, RSA nor Ed25519", field="key_type")


def signature_hash(key: CertificateIssuerPrivateKeyTypes) -> SignatureHash:
    """Return the hash a key signs with: as strong as its curve, SHA-256 for RSA, None for EdDSA.

    It follows the *signing key*, never another certificate's algorithm (RSA may cross-sign EC).
    """
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _HASHES.get(key.curve.key_size, hashes.SHA256)()
    if isinstance(key, rsa.RSAPrivateKey):
        return hashes.SHA256()
    return None


def check_leaf_key(key: CertificatePublicKeyTypes) -> None:
    """Refuse a key too weak (or too costly) for a leaf.

    Accepted: P-256/384/521, Ed25519, RSA of 2048 to 8192 bits with a sane exponent.

    Raises:
        RequestError: any other key.
    Source: NIST SP 800-57 part 1 (112 bits of strength), RFC 8017 §3.1.
    """
    match key:
        case ec.EllipticCurvePublicKey() if type(key.curve) in _CURVE_TYPES:
            return
        case ed25519.Ed25519PublicKey():
            return
        case rsa.RSAPublicKey() if _rsa_is_sound(key):
            return
    raise RequestError(
        "key must be EC P-256/384/521, Ed25519, or RSA with 2048 to 8192 bits", field="csr.key"
    )


def _rsa_is_sound(key: rsa.RSAPublicKey) -> bool:
    exponent = key.public_numbers().e
    return _RSA_SIZES[0] <= key.key_size <= _MAX_RSA_BITS and 65537 <= exponent < 2**64  # noqa: PLR2004 - F4 is the smallest exponent in use
