"""Names of local users, for sentences that people read; rights go by the uid alone."""

import pwd
from collections.abc import Callable
from functools import lru_cache

UserOf = Callable[[int], str]
"""``user_of(uid)``: the user's name, or '' if this machine knows none."""


@lru_cache(maxsize=256)
def local_user(uid: int) -> str:
    """Return the name that this machine has for a uid, or ''; remembered, as a look-up may block.

    A container often has uids that its ``/etc/passwd`` does not list.
    """
    try:
        name = pwd.getpwuid(uid).pw_name
    except (KeyError, OSError, OverflowError):
        return ""
    return name if name.isprintable() else ""
