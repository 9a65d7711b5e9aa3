"""The built-in provider's configuration: whose root it is."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from ca_core.contract import ConfigError, Secret, parse_struct

WHERE = "ca.config"
"""Where these keys stand in the configuration file; prefix of every error."""


def _meta(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


class BuiltinConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may set; empty means: make our own root and sign it ourselves.

    An existing CA is adopted from two files or from two inline values, never from a mixture.
    """

    root_cert_file: Annotated[
        str,
        _meta("PEM file with an existing CA to adopt, its own certificate first, then its issuers"),
    ] = ""
    private_key_file: Annotated[
        str, _meta("PEM file with that CA's private key; mode 0600 or 0400, owned by us or root")
    ] = ""
    private_key_passphrase_file: Annotated[
        str, _meta("file with the passphrase of private_key_file; same mode and owner")
    ] = ""
    private_key_passphrase: Annotated[
        Secret | None, _meta("the passphrase itself; better in the environment than in a file")
    ] = None
    root_cert: Annotated[str, _meta("the CA to adopt as inline PEM, as Consul takes it")] = ""
    private_key: Annotated[
        Secret | None, _meta("its private key as inline PEM, as Consul takes it")
    ] = None
    external_issuer: Annotated[
        bool, _meta("make a key and a CSR, and wait for another CA's signature on our root")
    ] = False
    intermediates: Annotated[
        bool, _meta("sign leaves with an intermediate below the root; false: with the root itself")
    ] = True
    disable_cross_signing: Annotated[
        bool, _meta("refuse to cross-sign a new authority's root; for tests")
    ] = False

    @property
    def adopts(self) -> bool:
        """Say whether an existing CA is named."""
        return bool(self.root_cert_file or self.root_cert)


CONSUL_NAMES: Mapping[str, str] = {
    "root_cert_file": "RootCertFile",
    "private_key_file": "PrivateKeyFile",
    "private_key_passphrase_file": "PrivateKeyPassphraseFile",
    "private_key_passphrase": "PrivateKeyPassphrase",
    "root_cert": "RootCert",
    "private_key": "PrivateKey",
    "external_issuer": "ExternalIssuer",
    "intermediates": "Intermediates",
    "disable_cross_signing": "DisableCrossSigning",
}
"""Our key → the spelling on Consul's API; the first column of Consul's own keys is kept exactly."""


def parse_config(raw: Mapping[str, Any]) -> BuiltinConfig:
    """Return the configuration, once its parts fit together; reads no file.

    Raises:
        ConfigError: an unknown key, a wrong type, half of an existing CA, or two of them.
    """
    config = parse_struct(BuiltinConfig, raw, where=WHERE)
    _check_pairs(config)
    if config.adopts and config.external_issuer:
        raise ConfigError(
            "an adopted CA has its signature already; remove one of the two",
            where=f"{WHERE}.external_issuer",
        )
    return config


def _check_pairs(config: BuiltinConfig) -> None:
    inline = bool(config.root_cert), config.private_key is not None
    files = bool(config.root_cert_file), bool(config.private_key_file)
    _need_both(inline, ("root_cert", "private_key"))
    _need_both(files, ("root_cert_file", "private_key_file"))
    if all(inline) and all(files):
        raise ConfigError("is also given inline as root_cert", where=f"{WHERE}.root_cert_file")
    passphrases = (
        bool(config.private_key_passphrase_file),
        config.private_key_passphrase is not None,
    )
    if all(passphrases):
        raise ConfigError(
            "is also given as private_key_passphrase_file", where=f"{WHERE}.private_key_passphrase"
        )
    if any(passphrases) and not config.adopts:
        raise ConfigError("has no private key to open", where=f"{WHERE}.private_key_passphrase")


def _need_both(given: tuple[bool, bool], names: tuple[str, str]) -> None:
    if any(given) and not all(given):
        missing, present = names if given[1] else names[::-1]
        raise ConfigError(
            f"is missing: {present} is given, and an existing CA needs both",
            where=f"{WHERE}.{missing}",
        )
