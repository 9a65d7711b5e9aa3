"""The form in which a private key is kept in the secret store."""

from cryptography.hazmat.primitives import serialization

from ca_core.errors import ConfigError
from ca_core.identity.keys import PrivateKey


def key_bytes(key: PrivateKey) -> bytes:
    """Return the key as PKCS#8 DER, unencrypted: for the secret store and nothing else."""
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def load_key(raw: bytes) -> PrivateKey:
    """Return the key that ``key_bytes`` wrote.

    Raises:
        ConfigError: these bytes are no key of a supported type.
    """
    try:
        key = serialization.load_der_private_key(raw, password=None)
    except (ValueError, TypeError):
        raise ConfigError("stored bytes are not a PKCS#8 private key") from None
    if not isinstance(key, PrivateKey):
        raise ConfigError("the stored key has an unsupported type")
    return key
