"""Readers that are processes of this host: how they are named, and whether they have ended."""

import os

_PREFIX = "pid "


def reader_of(pid: int) -> str:
    """Return the name of the reader that is a process."""
    return f"{_PREFIX}{pid}"


def has_ended(reader: str) -> bool:
    """Say whether a reader is a process that is known to have ended.

    Only the kernel's word is proof: nobody has that number. A number that was given to another
    process since, a process that nobody has waited for yet, one of another container (0), and
    whatever is no process count as alive.
    """
    if not reader.startswith(_PREFIX):
        return False
    digits = reader.removeprefix(_PREFIX)
    if not digits.isdecimal() or not int(digits):  # 0 would mean our own process group
        return False
    try:
        os.kill(int(digits), 0)  # nothing is sent
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):  # somebody else's, and alive; no process's number
        pass
    return False
