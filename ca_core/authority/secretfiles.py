"""Files of a provider's configuration that hold secrets, and that others on this host may read."""

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HOLDS_SECRETS = ("token", "key", "secret", "password", "passphrase")
_NAMES_A_FILE = ("_file", "_file_path")
_OTHERS = stat.S_IRWXO
"""Groups may read: a helper that fetches tokens often runs as another user of one group."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file with a secret that others may read.

    Attributes:
        key: where it is named, below ``ca.config``.
        path: as it stands there.
        mode: its permissions.
    """

    key: str
    path: str
    mode: int

    def __str__(self) -> str:
        return f"ca.config.{self.key}: others may read {self.path} (mode {self.mode:04o})"

    @property
    def remedy(self) -> str:
        """Return the command that closes it."""
        return f"chmod o= {self.path}"


def open_files(config: Mapping[str, Any]) -> tuple[OpenFile, ...]:
    """Return the files with secrets that others may read, in the order of the configuration.

    A file is known by its key: ``token_file``, ``secret_id_file_path``, in tables too. One that
    is not there, or that we may not look at, is none: the provider says so itself.
    """
    found = (_looked_at(key, path) for key, path in _secret_files(config))
    return tuple(one for one in found if one is not None)


def _secret_files(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _secret_files(value, f"{prefix}{key}.")
        elif isinstance(value, str) and value and _is_secret_file(key):
            yield f"{prefix}{key}", value


def _is_secret_file(key: str) -> bool:
    name = key.lower()
    return name.endswith(_NAMES_A_FILE) and any(word in name for word in _HOLDS_SECRETS)


def _looked_at(key: str, path: str) -> OpenFile | None:
    try:
        mode = stat.S_IMODE(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return None
    return OpenFile(key, path, mode) if mode & _OTHERS else None
