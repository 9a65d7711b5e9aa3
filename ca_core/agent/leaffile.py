"""The one file in which an agent keeps its leaves, if it is told to: encrypted, replaced whole."""

import logging
from pathlib import Path

import msgspec

from ca_core.agent.keptleaves import Kept, decoded
from ca_core.errors import ConfigError, Error, UnavailableError
from ca_core.state.envelope import opened, sealed
from ca_core.state.kek import KeyRing
from ca_core.state.wholefile import remove_drafts, replace_whole

FILE = "leaves.sealed"
ASIDE = "leaves.sealed.aside"

log = logging.getLogger(__name__)


class LeafFile:
    """Leaves in a folder, as a file of mode 0600. Its methods block.

    Args:
        folder: the agent's.
        agent: its SPIFFE ID; another agent's file does not open.
        keys: the first one writes, all of them read.
    """

    def __init__(self, folder: Path, agent: str, keys: KeyRing) -> None:
        self.path = folder / FILE
        self._aside = folder / ASIDE
        self._name = f"leaves of {agent}"
        self._keys = keys

    def read(self) -> Kept | None:
        """Return what is kept, or None; a file that does not open is set aside.

        Whatever is wrong with it, the agent works without it.
        """
        remove_drafts(self.path)
        try:
            return decoded(opened(self._name, self.path.read_bytes(), self._keys))
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("kept leaves: %s cannot be read: %s", self.path, error.strerror)
        except Error as error:
            self._set_aside(error)
        return None

    def write(self, kept: Kept) -> None:
        """Replace the file, durably.

        Raises:
            UnavailableError: it cannot be written; what was there is untouched.
        """
        writer = self._keys.writer
        if writer is None:
            raise UnavailableError("no key-encryption key is at hand: no leaf can be kept")
        record = sealed(self._name, msgspec.msgpack.encode(kept), writer)
        try:
            replace_whole(self.path, lambda file: _ignore(file.write(record)))
        except OSError as error:
            reason = (error.strerror or "cannot be written").lower()
            raise UnavailableError(f"{self.path}: {reason}") from error

    def _set_aside(self, error: Error) -> None:
        try:
            self.path.replace(self._aside)
        except OSError as failed:
            raise ConfigError("cannot be set aside", where=str(self.path)) from failed
        log.warning("kept leaves: %s; set aside as %s, leaves are issued anew", error, self._aside)


def _ignore(_written: int) -> None:
    """The number of bytes says nothing: the file is written whole or not at all."""
