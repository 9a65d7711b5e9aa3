"""Private files that appear whole or not at all, however the process ends."""

import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

Write = Callable[[BinaryIO], None]
"""Writes the content into an open file."""


def create_whole(path: Path, write: Write) -> None:
    """Make the file (0600), durably; of two processes that try, one succeeds.

    Raises:
        FileExistsError: there is one already; it is untouched.
        OSError: it cannot be made.
    """
    _publish(path, write, os.link)


def replace_whole(path: Path, write: Write) -> None:
    """Put a new file (0600) in the place of what is there, if anything, durably.

    Raises:
        OSError: it cannot be written; what was there is untouched.
    """
    _publish(path, write, os.replace)


def remove_drafts(path: Path) -> None:
    """Remove what killed processes left on their way to ``path``; nobody may be writing it now.

    A draft of a key file is a key that nobody knows of. What cannot be removed stays.
    """
    draft = re.compile(re.escape(path.name) + r"\.[0-9a-f]{8}\.new")
    with suppress(OSError):
        for found in path.parent.iterdir():
            if draft.fullmatch(found.name):
                found.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(path: Path, write: Write, publish: Callable[[Path, Path], None]) -> None:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        _write_draft(draft, write)
        publish(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def _write_draft(draft: Path, write: Write) -> None:
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        write(file)
        file.flush()
        os.fsync(descriptor)
