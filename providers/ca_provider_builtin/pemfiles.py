"""Reading an operator's files: certificates always, keys only if nobody else can."""

import os
import stat

from ca_core.contract import ConfigError

MAX_BYTES = 256 * 1024
"""More than any chain or key; a larger file is a mistake (or a device)."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_public(path: str, *, where: str) -> bytes:
    """Return the file's content.

    Raises:
        ConfigError: it cannot be read, is no regular file, or is too large; names ``where``.
    """
    return _read(path, where, private=False)


def read_private(path: str, *, where: str) -> bytes:
    """Return the file's content, if only its owner may read it, and that is us or root.

    Raises:
        ConfigError: as ``read_public``; or others may read it, with the command that changes that.
    """
    return _read(path, where, private=True)


def _read(path: str, where: str, *, private: bool) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:  # everything below looks at the open file, so that what was checked is what is read
            status = os.fstat(descriptor)
            _check_kind(status, path, where)
            if private:
                _check_private(status, path, where)
            return _content(descriptor, path, where)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise ConfigError(f"cannot read {path!r}: {reason}", where=where) from None


def _check_kind(status: os.stat_result, path: str, where: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path!r} is not a regular file", where=where)


def _check_private(status: os.stat_result, path: str, where: str) -> None:
    if status.st_mode & _OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        raise ConfigError(
            f"{path!r} may be read by others (mode {mode:04o})",
            where=where,
            hint=f"chmod 600 {path}",
        )
    if status.st_uid not in {0, os.geteuid()}:
        raise ConfigError(
            f"{path!r} belongs to user {status.st_uid}",
            where=where,
            hint=f"chown {os.geteuid()} {path}",
        )


def _content(descriptor: int, path: str, where: str) -> bytes:
    content = b""
    while len(content) <= MAX_BYTES and (part := os.read(descriptor, MAX_BYTES + 1)):
        content += part
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path!r} is larger than {MAX_BYTES} bytes", where=where)
    return content
