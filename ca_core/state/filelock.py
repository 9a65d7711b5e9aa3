"""One process per state file: a lock beside it that the kernel drops when its holder dies."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from ca_core.errors import ConfigError


class FileLock:
    """The lock on ``<path>.lock``, held from construction to ``release``.

    The lock file stays when the lock is released: removing it would let two processes lock two
    different files of one name.

    Raises:
        ConfigError: somebody else holds it (says which process, when known), or it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        place = path.with_name(path.name + ".lock")
        try:
            self._descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"cannot be locked ({error.strerror})", where=str(path)) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = self._holder()
            self.release()
            raise ConfigError(
                f"in use by {holder}",
                where=str(path),
                hint="stop that process, or give this one a data folder of its own",
            ) from error
        with suppress(OSError):  # a full disk: the lock holds, only its note is missing
            os.truncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let somebody else have it; safe to repeat."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _holder(self) -> str:
        written = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip()
        return f"process {written}" if written.isdigit() else "another process"
