"""Envelope encryption of one secret: a data key of its own, itself wrapped by a key-encryption key.

Both layers are AES-256-GCM and bind the secret's full name, so a record that was copied to another
row does not open. Pure: bytes in, bytes out.
"""

import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ca_core.errors import UnavailableError
from ca_core.state.kek import Kek, KeyRing

_NONCE_BYTES = 12
_RESTORE = "the row was damaged or moved: restore the newest backup"


class SecretRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored for one secret, as JSON; bytes are base64.

    Attributes:
        kek: id of the key-encryption key that wraps the data key.
        wrapped_key: nonce and encrypted data key.
        ciphertext: nonce and encrypted secret.
    """

    kek: str
    wrapped_key: bytes
    ciphertext: bytes


def sealed(name: str, secret: bytes, kek: Kek) -> bytes:
    """Return the record of a secret, under a new data key."""
    data_key = AESGCM.generate_key(bit_length=256)
    return msgspec.json.encode(
        SecretRecord(
            kek=kek.id,
            wrapped_key=_encrypted(kek.key, data_key, _wrap_context(name, kek.id)),
            ciphertext=_encrypted(data_key, secret, _secret_context(name)),
        )
    )


def opened(name: str, record: bytes, ring: KeyRing) -> bytes:
    """Return the secret in a record.

    Raises:
        UnavailableError: its key is not in the ring (names the id), or it does not open.
    """
    parsed = _parsed(name, record)
    data_key = _unwrapped(name, parsed, ring)
    return _decrypted(name, data_key, parsed.ciphertext, _secret_context(name))


def rewrapped(name: str, record: bytes, ring: KeyRing, kek: Kek) -> bytes:
    """Return the record with its data key wrapped by ``kek``; the ciphertext stays.

    Raises:
        UnavailableError: as ``opened``.
    """
    parsed = _parsed(name, record)
    data_key = _unwrapped(name, parsed, ring)
    wrapped = _encrypted(kek.key, data_key, _wrap_context(name, kek.id))
    return msgspec.json.encode(
        SecretRecord(kek=kek.id, wrapped_key=wrapped, ciphertext=parsed.ciphertext)
    )


def kek_id(name: str, record: bytes) -> str:
    """Return the id of the key-encryption key that a record needs.

    Raises:
        UnavailableError: it is not a record.
    """
    return _parsed(name, record).kek


def _parsed(name: str, record: bytes) -> SecretRecord:
    try:
        return msgspec.json.decode(record, type=SecretRecord)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise UnavailableError(f"secret {name!r} is not a record", hint=_RESTORE) from None


def _unwrapped(name: str, record: SecretRecord, ring: KeyRing) -> bytes:
    kek = ring.get(record.kek)
    if kek is None:
        raise UnavailableError(
            f"secret {name!r} needs the key-encryption key {record.kek}, which this server lacks",
            hint="give it the key file, variable or command that holds this id",
        )
    return _decrypted(name, kek.key, record.wrapped_key, _wrap_context(name, kek.id))


def _encrypted(key: bytes, plain: bytes, context: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


def _decrypted(name: str, key: bytes, sealed_bytes: bytes, context: bytes) -> bytes:
    nonce, ciphertext = sealed_bytes[:_NONCE_BYTES], sealed_bytes[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, context)
    except (InvalidTag, ValueError):
        raise UnavailableError(f"secret {name!r} does not open", hint=_RESTORE) from None


def _secret_context(name: str) -> bytes:
    return b"ca-core secret\0" + name.encode()


def _wrap_context(name: str, kek: str) -> bytes:
    return b"ca-core data key\0" + kek.encode() + b"\0" + name.encode()
