"""What an operator may set, below [ca.config]."""

import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from ca_core.contract import ConfigError, Secret, parse_struct

WHERE = "ca.config"
"""Where these keys stand; prefix of every error."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach cfssl, and what it may be asked for."""

    address: Annotated[str, msgspec.Meta(description="URL of cfssl; http:// only on this machine")]
    profiles: Annotated[
        dict[str, timedelta],
        msgspec.Meta(description="cfssl's profiles for leaves, each with its expiry there"),
    ]
    auth_key: Annotated[
        Secret | None, msgspec.Meta(description="hex, as in cfssl's auth_keys; signs by authsign")
    ] = None
    timeout: Annotated[timedelta, msgspec.Meta(description="for one call")] = timedelta(seconds=10)


def parse_config(raw: Mapping[str, Any]) -> Settings:
    """Return the configuration; reads no file and asks nobody.

    Raises:
        ConfigError: an unknown key, a wrong type, or a value that will not do.
    """
    settings = parse_struct(Settings, raw, where=WHERE)
    if settings.timeout <= timedelta():
        raise ConfigError("write a span above zero", where=f"{WHERE}.timeout")
    if not settings.profiles:
        raise ConfigError("name at least one profile", where=f"{WHERE}.profiles")
    if not _is_hex(settings.auth_key):
        raise ConfigError("write an even number of hex digits", where=f"{WHERE}.auth_key")
    if not _is_safe(settings.address):
        text = "write https://HOST:PORT, or http://127.0.0.1:PORT"
        raise ConfigError(text, where=f"{WHERE}.address")
    return settings


def _is_hex(key: Secret | None) -> bool:
    try:
        return key is None or bool(bytes.fromhex(key.reveal()))
    except ValueError:
        return False


def _is_safe(address: str) -> bool:
    """Whoever stands between us and cfssl could show another CA to adopt."""
    try:
        url = urlsplit(address)
        host, plain = url.hostname or "", url.scheme == "http"
    except ValueError:
        return False
    return bool(host) and (url.scheme == "https" or (plain and _is_here(host)))


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
