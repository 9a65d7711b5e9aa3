"""From a file, the environment and flags to one ``Config``: flag > environment > file > default."""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ca_core.config.described import meaning_of
from ca_core.config.environment import environment_values
from ca_core.config.model import CAConfig, Config, RawConfig
from ca_core.config.rules import check_ca, check_config
from ca_core.errors import ConfigError
from ca_core.fields import parse_struct
from ca_core.identity.keys import KeyType, allowed_bits

SEARCH_PATH = (Path("ca-core.toml"), Path("/etc/ca-core/ca-core.toml"))
"""Where the file is looked for when no flag names it; the first that exists is read."""

MAX_FILE_BYTES = 1024 * 1024

Check = Callable[[Config], None]
"""Refuses what cannot be followed with a ``ConfigError`` that names the key."""


def find_config_file(named: Path | None = None) -> Path | None:
    """Return the file to read: the named one, else the first of ``SEARCH_PATH``, else None."""
    if named is not None:
        return named
    return next((path for path in SEARCH_PATH if is_there(path)), None)


def is_there(path: Path) -> bool:
    """Say whether there is such a file; one in a folder we may not enter counts as there.

    Reading it then says so, instead of a server that starts without its configuration.
    """
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def load_config(
    file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    also: Check | None = None,
) -> Config:
    """Return the configuration that holds now.

    Args:
        file: the TOML file, or None for defaults only; see ``find_config_file``.
        environ: the environment; the process's own if None.
        flags: dotted key → value as TOML has it (``{"server.data_dir": "./data"}``); None is unset.
        also: checks what the parts of the program mean that read a configuration.

    Raises:
        ConfigError: an unreadable file, wrong TOML (with the line), an unknown key (with the
            nearest known one), a wrong type, a broken rule. The message names the file, variable
            or flag and the key; it shows no value of the provider's table.
    """
    raw, origins = _layered(file, os.environ if environ is None else environ, flags or {})
    try:
        config = parse_struct(Config, _with_key_bits(raw))
        check_config(config)
        if also is not None:
            also(config)
    except ConfigError as error:
        raise _located(error, origins, file) from None
    return config


def parse_ca(raw: RawConfig) -> CAConfig:
    """Return a ``[ca]`` section that came from elsewhere, under the rules of the file.

    Args:
        raw: as TOML has it; what is left out has its default.

    Raises:
        ConfigError: as ``load_config``; ``where`` is the dotted key, ``ca.`` included.
    """
    section = parse_struct(CAConfig, _with_key_bits({"ca": dict(raw)})["ca"], where="ca")
    check_ca(section)
    return section


Origins = dict[str, str]
"""Dotted key → the environment variable or flag that set it; keys of the file are absent."""


def _layered(
    file: Path | None, environ: Mapping[str, str], flags: Mapping[str, Any]
) -> tuple[RawConfig, Origins]:
    raw = {} if file is None else read_toml(file)
    origins: Origins = {}
    for variable, key, value in environment_values(environ):
        _put(raw, key, value)
        origins[key] = variable
    for key, value in flags.items():
        if value is not None:
            _put(raw, key, value)
            origins[key] = "--" + key.rpartition(".")[2].replace("_", "-")
    return raw, origins


def read_toml(file: Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises:
        ConfigError: missing, unreadable, too large, not UTF-8, or not TOML; names the file.
    """
    try:
        raw = file.read_bytes()
        if len(raw) > MAX_FILE_BYTES:
            raise ConfigError(f"larger than {MAX_FILE_BYTES} bytes", where=str(file))
        return tomllib.loads(raw.decode())
    except OSError as error:
        hint = "name another with --config FILE" if isinstance(error, FileNotFoundError) else ""
        reason = error.strerror or "cannot be read"
        raise ConfigError(reason.lower(), where=str(file), hint=hint) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"not UTF-8 at byte {error.start}", where=str(file)) from None
    except (ValueError, RecursionError) as error:  # numbers and nesting beyond measure too
        raise ConfigError(f"not valid TOML: {error}", where=str(file)) from None


def _put(raw: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key, making tables on the way; a scalar in the way is replaced."""
    *parents, last = key.split(".")
    for part in parents:
        inner = raw.get(part)
        if not isinstance(inner, dict):
            inner = raw[part] = {}
        raw = inner
    raw[last] = value


def _with_key_bits(raw: RawConfig) -> RawConfig:
    """Fill in the smallest size of the key type that was named without one."""
    ca = raw.get("ca")
    if not isinstance(ca, dict) or "key_bits" in ca or ca.get("key_type") not in list(KeyType):
        return raw  # a list, since what stands there may be anything
    return {**raw, "ca": {**ca, "key_bits": allowed_bits(KeyType(ca["key_type"]))[0]}}


def _located(error: ConfigError, origins: Origins, file: Path | None) -> ConfigError:
    """Return the error with the file, variable or flag before the key."""
    message = str(error).removeprefix(f"{error.where}: ")
    key = re.sub(r"\[.*", "", error.where)
    source = _origin(key, origins) or (f"{file}: {error.where}" if file else error.where)
    return ConfigError(message, where=source, hint=error.hint or _type_hint(message, key))


def _origin(key: str, origins: Origins) -> str:
    """Return what set ``key`` or the nearest table above it, or empty if that was the file."""
    parts = key.split(".")
    above = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((origins[name] for name in above if name in origins), "")


def _type_hint(message: str, key: str) -> str:
    if "`duration`" in message or "not a duration" in message:
        return 'write a span with its unit, for example "72h", "90m" or "1h30m"'
    return meaning_of(key) if message.startswith("Expected ") else ""
