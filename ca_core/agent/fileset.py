"""Several files that change together: a versioned folder, and one rename.

``DIR/current`` is a symbolic link to a folder that holds one complete set; ``DIR/NAME`` is a link
to ``current/NAME`` and never changes. Readers that want two files of one set open ``current`` once.
A crash at any moment leaves the old set or the new one, never a mixture.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ca_core.errors import ConfigError

CURRENT = "current"
_VERSION = ".set-"


@dataclass(frozen=True, slots=True)
class FileContent:
    """What one file holds and who may read it; never shown, since it may be a key."""

    raw: bytes
    mode: int = 0o600

    def __repr__(self) -> str:
        return f"FileContent({len(self.raw)} bytes, {self.mode:o})"


def swap(directory: Path, files: Mapping[str, FileContent], *, folder_mode: int = 0o700) -> None:
    """Replace the whole set in ``directory`` by ``files``, durably, in one rename.

    1. Write the new set into its own folder, every file with its mode from the start, and sync it.
    2. Point ``current`` at it by renaming a link over the old one.
    3. Make sure that every name has its stable link.
    4. Remove sets older than the previous one (a reader may still be reading that).

    Args:
        directory: made if it is missing, 0755: it holds links, and perhaps a socket for others.
        files: plain names → contents.
        folder_mode: mode of the folder that holds the set, 0700 or 0755.

    Raises:
        ConfigError: the folder cannot be written, or a name is taken by something that is not ours.
    """
    try:
        with _alone(directory):
            _refuse_foreign(directory, files)
            previous = _current(directory)
            version = _write_version(directory, files, folder_mode)  # (1)
            _link(directory, CURRENT, version)  # (2)
            for name in files:
                _link(directory, name, f"{CURRENT}/{name}")  # (3)
            _sync(directory)
            _prune(directory, keep={version, previous})  # (4)
    except OSError as error:
        raise ConfigError(
            f"cannot be written ({error.strerror or error})",
            where=str(error.filename or directory),
        ) from error


def read_set(directory: Path, names: tuple[str, ...]) -> dict[str, bytes] | None:
    """Return the contents of one set, all from the same version; None if there is no set yet.

    Raises:
        ConfigError: a file cannot be read.
    """
    while version := _current(directory):
        try:
            return {name: (directory / version / name).read_bytes() for name in names}
        except OSError as error:
            if _current(directory) == version:  # else it was replaced and removed under our eyes
                raise ConfigError(
                    f"cannot read: {error.strerror}", where=str(error.filename)
                ) from error
    return None


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Hold the folder's lock: two writers would remove each other's unfinished sets."""
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _refuse_foreign(directory: Path, files: Mapping[str, FileContent]) -> None:
    for name in (CURRENT, *files):
        path = directory / name
        if path.exists() and not path.is_symlink():
            raise ConfigError(
                "exists and was not written by ca-core",
                where=str(path),
                hint="move it away, or choose another folder",
            )


def _write_version(directory: Path, files: Mapping[str, FileContent], folder_mode: int) -> str:
    version = directory / f"{_VERSION}{secrets.token_hex(8)}"
    version.mkdir(mode=folder_mode)
    for name, content in files.items():
        _write(version / name, content)
    _sync(version)
    return version.name


def _write(path: Path, content: FileContent) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, content.mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content.raw)
        file.flush()
        os.fsync(file.fileno())


def _link(directory: Path, name: str, target: str) -> None:
    path = directory / name
    if path.is_symlink() and str(path.readlink()) == target:
        return
    fresh = directory / f".{name}-{secrets.token_hex(8)}"
    fresh.symlink_to(target)
    fresh.replace(path)


def _current(directory: Path) -> str:
    path = directory / CURRENT
    return str(path.readlink()) if path.is_symlink() else ""


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _prune(directory: Path, keep: set[str]) -> None:
    for old in directory.glob(f"{_VERSION}*"):
        if old.name not in keep:
            shutil.rmtree(old, ignore_errors=True)
