"""Moments on the wire: RFC 3339, UTC, whole seconds."""

from datetime import UTC, datetime

from ca_core.errors import RequestError


def wire_time(moment: datetime) -> str:
    """Return ``2026-11-22T18:00:00Z``; below a second is cut off."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_wire_time(text: str, *, field: str = "time") -> datetime:
    """Return the aware moment that ``text`` names.

    Raises:
        RequestError: not RFC 3339, or without an offset.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RequestError(f"{text[:40]!r} is not an RFC 3339 time with offset", field=field)
    return moment.astimezone(UTC)
