"""Spans of time as people and Consul write them: ``72h``, ``1h30m``, ``250ms``.

Source: Go's ``time.ParseDuration`` without its signs, fractions of more than three digits and
exponents; a bare number is refused, since nobody can say whether it means seconds or nanoseconds.
"""

import re
from datetime import timedelta

from ca_core.errors import RequestError

MAX_DURATION = timedelta(days=365 * 100)
"""Longer spans overflow dates; no certificate lives this long."""

_TOKEN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|h|m|s)")
_WHOLE = re.compile(rf"(?:{_TOKEN.pattern})+\Z")
_MAX_TEXT = 64  # four units of the longest numbers; more would overflow before it is refused
_UNITS = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}


def parse_duration(text: str, *, field: str = "duration") -> timedelta:
    """Return the span that ``text`` names; zero is allowed, negative is not.

    Raises:
        RequestError: no unit (``72``), a sign, an exponent, an unknown unit, or above 100 years.
    """
    if len(text) > _MAX_TEXT or not _WHOLE.match(text):
        raise RequestError(
            f"{text[:40]!r} is not a duration; write for example '72h', '90m' or '1h30m'",
            field=field,
        )
    span = sum((float(n) * _UNITS[unit] for n, unit in _TOKEN.findall(text)), timedelta())
    if span > MAX_DURATION:
        raise RequestError(f"{text[:40]!r} is longer than 100 years", field=field)
    return span


def format_duration(span: timedelta) -> str:
    """Return the shortest text that parses to ``span``, to the millisecond: ``72h``, ``1h30m``.

    A negative span has a leading ``-``: it is for reading, and is not parsed.
    """
    if span < timedelta():
        return f"-{format_duration(-span)}"
    milliseconds = span // timedelta(milliseconds=1)
    parts = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        amount, milliseconds = divmod(milliseconds, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"
