"""Keys of passports: Ed25519, in PEM, as ``openssl genpkey -algorithm ed25519`` writes them."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ca_core.errors import ConfigError

MAX_KEY_BYTES = 64 * 1024

_BEGIN = "-----BEGIN "
_HOW_PUBLIC = "`openssl pkey -in KEY.pem -pubout` prints the public key"
_HOW_PRIVATE = "`openssl genpkey -algorithm ed25519 -out KEY.pem` makes one"


def key_id(key: Ed25519PublicKey) -> str:
    """Return SHA-256 over the key's SubjectPublicKeyInfo in DER, 64 hex digits."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def trusted_keys(
    entries: Iterable[str], *, where: str = "conformance.trusted_keys"
) -> tuple[Ed25519PublicKey, ...]:
    """Return the public keys that entries hold or name: PEM itself, or the path of a file.

    Raises:
        ConfigError: one is no Ed25519 public key, or cannot be read.
    """
    return tuple(
        public_key(entry, where=where)
        if _BEGIN in entry
        else public_key(read_pem(Path(entry), where=where), where=f"{where}: {entry}")
        for entry in entries
    )


def public_key(pem: str, *, where: str) -> Ed25519PublicKey:
    """Return the Ed25519 public key (SubjectPublicKeyInfo) in a PEM text.

    Raises:
        ConfigError: there is none; a private key in its place is refused, not shown.
    """
    if "PRIVATE KEY" in pem:
        fault = "is a private key; whoever checks passports needs the public one only"
        raise ConfigError(fault, where=where, hint=_HOW_PUBLIC)
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError("is no public key in PEM", where=where, hint=_HOW_PUBLIC) from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError("is no Ed25519 key", where=where, hint=_HOW_PRIVATE)
    return key


def private_key(path: Path, *, where: str) -> Ed25519PrivateKey:
    """Return the Ed25519 private key (PKCS #8, not encrypted) in a PEM file.

    Raises:
        ConfigError: it cannot be read, or is another key; nothing of it is shown.
    """
    pem = read_pem(path, where=where).encode()
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        fault, hint = "is encrypted", "`openssl pkey -in KEY.pem -out PLAIN.pem` decrypts it"
        raise ConfigError(fault, where=f"{where}: {path}", hint=hint) from None
    except (ValueError, UnsupportedAlgorithm):
        fault = "holds no private key in PEM"
        raise ConfigError(fault, where=f"{where}: {path}", hint=_HOW_PRIVATE) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError("is no Ed25519 key", where=f"{where}: {path}", hint=_HOW_PRIVATE)
    return key


def read_pem(path: Path, *, where: str) -> str:
    """Return the text of a key file.

    Raises:
        ConfigError: it cannot be read, is no text, or is too large for a key.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_KEY_BYTES + 1)
        if len(raw) > MAX_KEY_BYTES:
            raise ConfigError("is too large for a key", where=f"{where}: {path}")
        return raw.decode()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ConfigError(reason, where=f"{where}: {path}") from None
    except UnicodeDecodeError:
        raise ConfigError("is no PEM text", where=f"{where}: {path}") from None
