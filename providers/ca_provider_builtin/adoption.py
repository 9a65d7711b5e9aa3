"""An existing CA as the operator names it: read and checked."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ca_core.contract import (
    ConfigError,
    PrivateKey,
    ProviderContext,
    RequestError,
    authority_faults,
    checked_pem,
    parse_certificates,
)
from ca_provider_builtin.config import WHERE, BuiltinConfig
from ca_provider_builtin.pemfiles import read_private, read_public


@dataclass(frozen=True, slots=True)
class ExistingCA:
    """A CA handed over by the operator.

    ``chain`` is the CA first, its issuers after it; ``where`` names the setting it came from.
    """

    chain: tuple[x509.Certificate, ...]
    key: PrivateKey
    where: str


def read_existing(config: BuiltinConfig, context: ProviderContext, *, now: datetime) -> ExistingCA:
    """Return the CA that the configuration names, once everything about it fits.

    Raises:
        ConfigError: a file cannot be read or is open to others, a part is no PEM, the passphrase is
            missing or wrong, or one of ``authority_faults`` holds.
    """
    existing = _read_files(config) if config.root_cert_file else _read_inline(config)
    faults = authority_faults(
        existing.chain,
        key=existing.key,
        trust_domain=context.trust_domain,
        now=now,
        signs_leaves=not config.intermediates,
    )
    if faults:
        raise ConfigError("; ".join(faults), where=existing.where, hint=_hint(faults))
    return existing


def _read_files(config: BuiltinConfig) -> ExistingCA:
    where = f"{WHERE}.root_cert_file"
    text = read_public(config.root_cert_file, where=where)
    key_where = f"{WHERE}.private_key_file"
    key_text = read_private(config.private_key_file, where=key_where)
    passphrase = _passphrase(config)
    return ExistingCA(_chain(text, where), _key(key_text, passphrase, key_where), where)


def _read_inline(config: BuiltinConfig) -> ExistingCA:
    where, key_where = f"{WHERE}.root_cert", f"{WHERE}.private_key"
    text = config.private_key.reveal() if config.private_key else ""
    key = _key(text.encode(), _passphrase(config), key_where)
    return ExistingCA(_chain(config.root_cert.encode(), where), key, where)


def _passphrase(config: BuiltinConfig) -> bytes | None:
    if config.private_key_passphrase_file:
        where = f"{WHERE}.private_key_passphrase_file"
        return read_private(config.private_key_passphrase_file, where=where).rstrip(b"\r\n")
    secret = config.private_key_passphrase
    return secret.reveal().encode() if secret else None


def _chain(text: bytes, where: str) -> tuple[x509.Certificate, ...]:
    try:
        return parse_certificates(text, field="")
    except RequestError as error:
        raise ConfigError(str(error), where=where) from None


def _key(text: bytes, passphrase: bytes | None, where: str) -> PrivateKey:
    try:
        key = load_pem_private_key(checked_pem(text, ""), password=passphrase)
    except RequestError as error:
        raise ConfigError(str(error), where=where) from None
    except TypeError:
        raise ConfigError(_passphrase_fault(passphrase), where=where) from None
    except (ValueError, UnsupportedAlgorithm):  # their text may quote what they could not read
        raise ConfigError("not a PEM private key, or a wrong passphrase", where=where) from None
    if not isinstance(key, PrivateKey):
        raise ConfigError("the key is neither EC, RSA nor Ed25519", where=where)
    return key


def _passphrase_fault(passphrase: bytes | None) -> str:
    if passphrase is None:
        return "the key is encrypted: set private_key_passphrase_file"
    return "the key is not encrypted, but a passphrase is given"


def _hint(faults: tuple[str, ...]) -> str:
    if any("no room for a signer" in fault for fault in faults):
        return "set intermediates = false, so that this CA signs leaves itself"
    if any("issuer name differs" in fault for fault in faults):
        return "the CA's own certificate comes first, then its issuers in order"
    return ""
