"""Moments and spans as people say them."""

from datetime import UTC, datetime, timedelta

from ca_core.errors import RequestError
from ca_core.wire.times import parse_wire_time

_UNITS = (
    ("y", timedelta(days=365)),
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("min", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
)


def span_text(span: timedelta) -> str:
    """Return a span in its two largest units: ``2 d 23 h``, ``59 s``; below a second ``0 s``."""
    rest = abs(span)
    parts: list[tuple[int, str]] = []
    for name, size in _UNITS:
        amount, rest = divmod(rest, size)
        if amount or parts:
            parts.append((amount, name))
    return " ".join(f"{amount} {name}" for amount, name in parts[:2] if amount) or "0 s"


def relative(moment: datetime, now: datetime) -> str:
    """Return ``in 2 d 23 h`` or ``5 min ago``."""
    text = span_text(moment - now)
    return f"in {text}" if moment >= now else f"{text} ago"


def relative_text(wire: str, now: datetime | None = None) -> str:
    """Return an RFC 3339 time as ``in 9 y 364 d``; text that is none stays as it is."""
    try:
        return relative(parse_wire_time(wire), datetime.now(UTC) if now is None else now)
    except RequestError:
        return wire
