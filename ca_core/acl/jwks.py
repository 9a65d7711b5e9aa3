"""Keys that verify JWTs: from PEM, or from a JWKS; asymmetric ones alone.

Source: RFC 7517, RFC 7518, RFC 8725 §3.1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ca_core.errors import RequestError

MOST_JWKS = 262_144
"""Bytes of a JWKS."""

MOST_KEYS = 64
"""Keys of a JWKS."""

LEAST_RSA_BITS = 2048
MOST_RSA_BITS = 8192

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

_CURVES: Mapping[str, type] = MappingProxyType(
    {"ES256": SECP256R1, "ES384": SECP384R1, "ES512": SECP521R1}
)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", *_CURVES, "EdDSA")
"""Every algorithm that an auth method may accept; all asymmetric."""

_KINDS = frozenset({"RSA", "EC", "OKP"})
"""Kinds of keys in a JWKS that are looked at; ``oct`` is a secret, and never one of ours."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key; ``kid`` and ``algorithm`` are '' where its JWKS says nothing."""

    key: PublicKey
    kid: str = ""
    algorithm: str = ""


def public_key(pem: str, field: str) -> VerifyingKey:
    """Return a PEM public key.

    Raises:
        RequestError: it is none, or of a kind or size that is not served.
    """
    try:
        found = load_pem_public_key(pem.encode(errors="replace"))
    except (ValueError, UnsupportedAlgorithm):
        raise RequestError("is no PEM public key", field=field) from None
    key = _sound(found)
    if key is None:
        raise RequestError(
            f"must be RSA of {LEAST_RSA_BITS} to {MOST_RSA_BITS} bits, EC on a NIST curve, or"
            " Ed25519",
            field=field,
        )
    return VerifyingKey(key)


def keys_of(jwks: bytes) -> tuple[VerifyingKey, ...]:
    """Return the public keys of a JWKS for signatures; what is of no use here is left out.

    Raises:
        RequestError: it is no JWKS, or has too many keys.
    """
    try:
        found = json.loads(jwks)
        entries = found["keys"]
        known = [entry for entry in entries if entry.get("kty") in _KINDS]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise RequestError("is no JWKS", field="JWKS") from None
    if len(known) > MOST_KEYS:
        raise RequestError(f"{len(known)} keys, at most {MOST_KEYS}", field="JWKS")
    return tuple(key for entry in known if (key := _key_of(entry)) is not None)


def fits(key: VerifyingKey, algorithm: str) -> bool:
    """Say whether an algorithm is one of this kind of key, and the one its JWKS names if any."""
    if key.algorithm not in ("", algorithm):
        return False
    match key.key:
        case RSAPublicKey():
            return algorithm[:2] in {"RS", "PS"}
        case EllipticCurvePublicKey():
            return isinstance(key.key.curve, _CURVES.get(algorithm, type(None)))
        case _:
            return algorithm == "EdDSA"


def _key_of(entry: Mapping[str, Any]) -> VerifyingKey | None:
    """Return a JWKS entry's key, or None: not for signatures, private, unknown or unsound."""
    kid, algorithm = entry.get("kid", ""), entry.get("alg", "")
    texts = isinstance(kid, str) and isinstance(algorithm, str)
    if not texts or entry.get("use", "sig") != "sig":
        return None
    if algorithm and algorithm not in ALGORITHMS:
        return None
    try:
        found = jwt.PyJWK(dict(entry), algorithm or None).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        return None
    key = _sound(found)
    return None if key is None else VerifyingKey(key, kid, algorithm)


def _sound(key: object) -> PublicKey | None:
    """Return a public key of a kind and size that is served, or None."""
    match key:
        case RSAPublicKey() if LEAST_RSA_BITS <= key.key_size <= MOST_RSA_BITS:
            return key
        case EllipticCurvePublicKey() if isinstance(key.curve, tuple(_CURVES.values())):
            return key
        case Ed25519PublicKey():
            return key
        case _:
            return None
