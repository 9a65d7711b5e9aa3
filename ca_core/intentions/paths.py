"""The one way to write the path of a request; what two readers could read differently is refused.

A rule on ``/admin`` must not be passed by as ``/%61dmin``, ``//admin`` or ``/x/../admin``, and no
guess is made where servers differ: an encoded slash, a backslash, ``..`` after an empty segment.
Source: RFC 3986 §2.1, §5.2.4, §6.2.2; CVE-2024-10005.
"""

import re
from urllib.parse import unquote_to_bytes

from ca_core.errors import RequestError

MOST_PATH = 16 * 1024
"""Characters of a path, as received and without its query."""

_PLAIN = re.compile(r"(?:/[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9._~!$&'()*+,=:@-]*)+/?\Z|/\Z")
"""What is in its one form already: no escapes, empty segments, or segments that begin with dots."""

_KEPT = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@")
"""Characters that stand for themselves in a segment (RFC 3986 §3.3, pchar); others are escaped."""

_SPLIT = frozenset("/\\")
_CUT = frozenset("?#")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_TWICE = re.compile(r"%25[0-9A-Fa-f]{2}")
_PARAMETERS = re.compile(r";[^/]*")
_SLASHES = re.compile(r"//+")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


def normal_path(target: str, field: str = "Path") -> str:
    """Return the path of a request's target, without its query.

    1. The query is cut off.
    2. Escapes of characters that need none are decoded; all others are written alike.
    3. Empty segments go, ``.`` and ``..`` are resolved.

    Raises:
        RequestError: it has no one meaning: not beginning with ``/``; control characters, blanks,
            backslashes, ``#``, escapes that are broken, hide one of these or a slash, are escaped
            twice, or are no UTF-8 (an overlong ``/`` is none); ``..`` above the root, after an
            empty segment or before ``;``.
    """
    path = target.partition("?")[0]
    if len(path) > MOST_PATH:
        raise _ambiguous("is longer than any honest one", field)
    if _PLAIN.match(path):
        return path
    if not path.startswith("/"):
        raise _ambiguous("does not begin with '/'", field)
    return _resolved(_spelled(path, field), field)


def path_readings(path: str) -> tuple[str, ...]:
    """Return every way in which servers read a normal path: as it is, and without parameters.

    ``/admin;x`` is ``/admin`` to some, ``/;x/admin`` too (RFC 3986 §3.3 leaves it to them).
    """
    if ";" not in path:
        return (path,)
    return (path, _SLASHES.sub("/", _PARAMETERS.sub("", path)))


def require_normal(text: str, field: str, *, prefix: bool) -> None:
    """Refuse the path of a rule that no request's path could ever be, or begin with.

    Raises:
        RequestError: says how to write it, if that can be said.
    """
    probe = f"{text}x" if prefix else text
    normal = normal_path(probe, field)
    if normal == probe and "?" not in text:
        return
    wanted = normal.removesuffix("x") if prefix else normal
    raise RequestError(
        f"would match no request: {text[:80]!r} is not how paths are compared",
        field=field,
        hint=f"write {wanted[:80]!r}",
    )


def _spelled(path: str, field: str) -> str:
    """Return the path with each character written in its one way."""
    if "#" in path or "\\" in path or _CONTROL.search(path):
        raise _ambiguous("holds a control character, a blank, '\\' or '#'", field)
    try:
        octets = "".join(char if char.isascii() else _escaped(char.encode()) for char in path)
    except UnicodeEncodeError:
        raise _ambiguous("is no text", field) from None
    spelled = _ESCAPE.sub(lambda found: _decoded(found, field), octets)
    if _TWICE.search(spelled):
        raise _ambiguous("is escaped twice", field)
    try:
        unquote_to_bytes(spelled).decode()
    except UnicodeDecodeError:
        raise _ambiguous("escapes what is no UTF-8", field) from None
    return "/".join(map(_outside_kept, spelled.split("/")))


def _decoded(found: re.Match[str], field: str) -> str:
    if found[1] is None:
        raise _ambiguous("holds a broken escape", field)
    char = chr(int(found[1], 16))
    if char in _SPLIT or char in _CUT or char < " " or char == "\x7f":
        raise _ambiguous(f"hides a character as {found[0]}", field)
    return char if char in _KEPT else found[0].upper()


def _outside_kept(segment: str) -> str:
    """Return the segment with every character escaped that does not stand for itself."""
    return "".join(
        char if char in _KEPT or char == "%" else _escaped(char.encode()) for char in segment
    )


def _escaped(octets: bytes) -> str:
    return "".join(f"%{octet:02X}" for octet in octets)


def _resolved(path: str, field: str) -> str:
    """Return the path without empty segments and dots, if their order does not matter."""
    segments = path.split("/")[1:]
    bare = [segment.partition(";")[0] for segment in segments]
    for at, segment in enumerate(segments):
        if bare[at] in (".", "..") and ";" in segment:
            raise _ambiguous("has parameters on a '.' or '..'", field)
        if segment == ".." and "" in bare[:at]:
            raise _ambiguous("has a '..' after an empty segment", field)
    found: list[str] = []
    for segment in segments:
        if segment == ".." and not found:
            raise _ambiguous("goes above the root", field)
        if segment == "..":
            found.pop()
        elif segment not in ("", "."):
            found.append(segment)
    end = "/" if found and segments[-1] in ("", ".", "..") else ""
    return "/" + "/".join(found) + end


def _ambiguous(fault: str, field: str) -> RequestError:
    return RequestError(f"the path {fault}", field=field)
