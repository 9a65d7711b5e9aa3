"""The configuration that a process follows: read at the start, and again whenever it is told to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ca_core.config.load import Check, find_config_file, is_there, load_config
from ca_core.config.model import Config
from ca_core.errors import ConfigError


class FollowedConfig:
    """File, environment and flags of a process. A file that was read must not go away.

    Defaults and environment alone are never taken in its place, nor is another file: nobody who
    moves a file for a moment wants a server or an agent to forget what it says.

    Args:
        named: the file that was named, or None for the first of ``SEARCH_PATH``.
        flags: as ``load_config``.
        also: likewise; at the start and each time after.
    """

    def __init__(
        self,
        named: Path | None,
        flags: Mapping[str, Any] | None = None,
        *,
        also: Check | None = None,
    ) -> None:
        self._named = named
        self._flags = flags or {}
        self._also = also
        self._read: Path | None = None
        self._when = "at the start"

    def load(self) -> Config:
        """Return what holds now; a file that was not there before is looked for again. Blocks.

        Raises:
            ConfigError: as ``load_config``; also if the file that was read before is gone.
        """
        file = self._read or find_config_file(self._named)
        if self._read is not None and not is_there(self._read):
            raise ConfigError(
                f"it was read {self._when} and is gone",
                where=str(self._read),
                hint="put it back; what it said holds until then, but not over a restart",
            )
        config = load_config(file, flags=self._flags, also=self._also)
        if file is None:
            self._when = "before"
        self._read = file
        return config
