"""Names of local users, for sentences that people read; rights go by the uid alone."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

UserOf = Callable[[int], str]
"""``user_of(uid)``: the user's name, or '' if this machine knows none."""

PASSWD = Path("/etc/passwd")


@lru_cache(maxsize=256)
def local_user(uid: int, passwd: Path = PASSWD) -> str:
    """Return the name that a machine's own list has for a uid, or ''; remembered.

    Only the file is read, passwd(5): a directory service that hangs must not stop an event loop.
    A container often has uids that the file does not list.
    """
    try:
        lines = passwd.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    found = (line.split(":") for line in lines)
    name = next((one[0] for one in found if len(one) > 2 and one[2] == str(uid)), "")  # noqa: PLR2004 - name, password, uid
    return name if name.isprintable() else ""
