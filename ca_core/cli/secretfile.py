"""Secrets in files: read for sending, written once, never shown on the way."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ca_core.errors import ConfigError

MOST_SECRET = 65_536
"""Bytes of a file that holds a token or a JWT."""

STANDARD_INPUT = Path("-")

_KEPT = "name another file, or remove this one once nobody needs the secret in it"


def read_secret(path: Path, where: str) -> str:
    """Return the one line that a file holds; ``-`` is standard input. It is in no error.

    Raises:
        ConfigError: it cannot be read, is empty, or holds something else.
    """
    try:
        if path == STANDARD_INPUT:
            raw = sys.stdin.buffer.read(MOST_SECRET + 1)
        else:
            with path.open("rb") as file:
                raw = file.read(MOST_SECRET + 1)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ConfigError(reason, where=f"{where} {path}") from None
    text = raw.strip()
    if not text or len(raw) > MOST_SECRET or not all(0x21 <= byte <= 0x7E for byte in text):  # noqa: PLR2004 - what can be seen of ASCII
        raise ConfigError("must hold one secret and nothing else", where=f"{where} {path}")
    return text.decode()


@contextmanager
def kept_secret(path: Path | None) -> Iterator[Callable[[str], None]]:
    """Yield what writes a secret into a new file that only its owner can read.

    The file is made before the secret is, so that none is made that cannot be kept; it goes again
    if nothing was written. Without a path nothing is written.

    Raises:
        ConfigError: the file is there already, or cannot be made.
    """
    if path is None:
        yield lambda _secret: None
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        reason = (error.strerror or "cannot be made").lower()
        hint = _KEPT if isinstance(error, FileExistsError) else ""
        raise ConfigError(reason, where=f"--secret-file {path}", hint=hint) from None
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            yield lambda secret: _write(file, secret)
    finally:
        if not path.stat().st_size:
            path.unlink()


def _write(file: TextIO, secret: str) -> None:
    file.write(f"{secret}\n")
    file.flush()
