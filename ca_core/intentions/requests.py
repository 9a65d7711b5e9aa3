"""Requests as permissions look at them: one method, one path, and every reading of each header."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ca_core.errors import RequestError
from ca_core.intentions.paths import normal_path

MOST_LINES = 256
"""Lines of headers, and values in the lines of one header."""

MOST_HEADER_TEXT = 64 * 1024
"""Characters of all headers together."""

SINGLE = frozenset(
    {
        "authorization", "content-location", "content-type", "cookie", "date", "expires", "from",
        "host", "if-modified-since", "if-range", "if-unmodified-since", "last-modified", "location",
        "origin", "proxy-authorization", "referer", "retry-after", "server", "set-cookie",
        "user-agent",
    }
)  # fmt: skip
"""Headers that are no lists: a comma in them is a part of the value. Source: RFC 9110 §5.6.1."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}\Z")
"""Source: RFC 9110 §5.6.2."""

UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
"""What no value of a header holds: control characters but the tab (RFC 9110 §5.5), and no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as it was received; nothing is checked.

    Attributes:
        path: the target, escapes as they came; a query has no effect.
        headers: name and value of every line, in order; a name may be there often.
    """

    method: str = "GET"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Readings:
    """Every way in which the lines of one header can be read.

    Attributes:
        whole: all lines as one, as RFC 9110 §5.3 joins them, with and without a blank.
        lines: each line.
        single: each value of each line.
    """

    whole: tuple[str, ...]
    lines: tuple[str, ...]
    single: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NormalRequest:
    """A request that has one meaning.

    Attributes:
        method: upper case.
        path: as ``normal_path`` writes it.
        headers: by name, lower case.
    """

    method: str
    path: str
    headers: Mapping[str, Readings] = field(default_factory=lambda: MappingProxyType({}))


def normalised(request: HttpRequest) -> NormalRequest:
    """Return the request as rules are compared with it.

    Raises:
        RequestError: it can be read in several ways, or is larger than any honest one; ``field``
            is ``Method``, ``Path`` or ``Headers``.
    """
    if not _TOKEN.match(request.method):
        raise RequestError("is no method", field="Method")
    path = normal_path(request.path)
    return NormalRequest(request.method.upper(), path, _headers(request.headers))


def _headers(given: tuple[tuple[str, str], ...]) -> Mapping[str, Readings]:
    if len(given) > MOST_LINES or sum(len(value) for _, value in given) > MOST_HEADER_TEXT:
        raise RequestError(
            f"more than {MOST_LINES} lines or {MOST_HEADER_TEXT} characters", field="Headers"
        )
    lines: dict[str, list[str]] = {}
    for name, value in given:
        _require_header(name, value)
        lines.setdefault(name.lower(), []).append(value.strip(" \t"))
    return MappingProxyType({name: _readings(name, tuple(lines[name])) for name in lines})


def _require_header(name: str, value: str) -> None:
    if not _TOKEN.match(name):
        raise RequestError(f"{name[:80]!r} is no name of a header", field="Headers")
    if UNSENDABLE.search(value):
        raise RequestError(f"the value of {name} holds a control character", field="Headers")


def _readings(name: str, lines: tuple[str, ...]) -> Readings:
    single = lines if name in SINGLE else _values(lines)
    if len(single) > MOST_LINES:
        raise RequestError(f"{name} has more than {MOST_LINES} values", field="Headers")
    whole = tuple({",".join(lines), ", ".join(lines)})
    return Readings(whole, lines, single)


def _values(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(part.strip(" \t") for line in lines for part in line.split(","))
