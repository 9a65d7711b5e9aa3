"""Which configuration is wanted: a file's ``[ca]`` section, or what stands with some keys changed.

Values may be secrets: no message shows one.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ca_core.cli.client import Client
from ca_core.cli.operations import SETTINGS
from ca_core.config import CAConfig, find_config_file, load_config
from ca_core.errors import ConfigError
from ca_core.fields import json_in_clear, nearest_hint

_OWN = "config"
_KEYS = tuple(field.encode_name for field in msgspec.structs.fields(CAConfig))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed.

    Attributes:
        file: of ``--from-file``.
        changes: every ``--set``, as ``KEY=VALUE``.
        provider: of ``--provider``.
    """

    file: Path | None = None
    changes: tuple[str, ...] = ()
    provider: str | None = None

    @property
    def is_on_top(self) -> bool:
        """Say whether what stands is changed, instead of being replaced by a file's section."""
        return bool(self.changes) or self.provider is not None


def wanted(asked: Asked, client: Client) -> dict[str, Any]:
    """Return the body of a change request, without its wishes.

    Raises:
        ConfigError: no file, a wrong one, or a wrong key or option.
        Error: as ``Client``, if what stands is changed.
    """
    if not asked.is_on_top:
        return {"Settings": section_of(asked.file), "FromFile": True}
    if asked.file is not None:
        raise ConfigError(
            "a file is applied as it is, so --set and --provider do not go with it",
            where="--from-file",
            hint="change the file, or leave --from-file out",
        )
    standing = client.get(SETTINGS).decoded(dict)["Settings"]
    return {"Settings": changed(standing, asked.changes, asked.provider), "FromFile": False}


def section_of(named: Path | None) -> dict[str, Any]:
    """Return the ``[ca]`` section of a configuration file, environment included, every key set.

    Raises:
        ConfigError: there is no file, or it is wrong.
    """
    file = find_config_file(named)
    if file is None:
        raise ConfigError(
            "no configuration file, and nothing else says what is wanted",
            where="--from-file",
            hint="name a file, or change what stands: --provider NAME, --set KEY=VALUE",
        )
    section: dict[str, Any] = json_in_clear(msgspec.structs.asdict(load_config(file).ca))
    return section


def changed(
    standing: Mapping[str, Any], changes: tuple[str, ...], provider: str | None
) -> dict[str, Any]:
    """Return what stands with some keys changed; another provider begins with no keys of its own.

    Raises:
        ConfigError: a key that is none, or without a value.
    """
    settings = {**standing, _OWN: dict(standing.get(_OWN) or {})}
    if provider is not None and provider != settings.get("provider"):
        settings |= {"provider": provider, _OWN: {}}
    for text in changes:
        key, value = _key_and_value(text)
        _put(settings, key.split("."), value)
        if key == "key_type":
            settings.pop("key_bits", None)
    return settings


def _key_and_value(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ConfigError("write KEY=VALUE, like leaf_ttl=24h", where="--set")
    _check_key(key)
    return key, literal(value.strip())


def _check_key(key: str) -> None:
    first, *rest = key.split(".")
    if first not in _KEYS:
        own = f"; a provider's own key is {_OWN}.{key}" if not rest else ""
        raise ConfigError(f"unknown key{nearest_hint(first, _KEYS)}{own}", where=f"--set {key}")
    if bool(rest) != (first == _OWN) or not all(rest):
        raise ConfigError(
            f"only {_OWN} is a table; write {_OWN}.NAME=VALUE for a provider's own key",
            where=f"--set {key}",
        )


def literal(text: str) -> Any:
    """Return ``text`` as the value TOML has for it; text that is none stays text."""
    try:
        value = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return json_in_clear(value["value"]) if set(value) == {"value"} else text


def _put(settings: dict[str, Any], path: list[str], value: Any) -> None:
    """Set a key, making tables on the way; tables of what stands are not touched."""
    *above, last = path
    for part in above:
        inner = settings.get(part)
        settings[part] = dict(inner) if isinstance(inner, dict) else {}
        settings = settings[part]
    settings[last] = value
