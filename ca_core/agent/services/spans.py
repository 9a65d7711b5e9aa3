"""Durations in bodies of Consul's API: texts like ``10s``, or whole nanoseconds."""

from datetime import timedelta

from ca_core.durations import MAX_DURATION, parse_duration
from ca_core.errors import RequestError
from ca_core.wire.services import Span

_NANOSECONDS = 1000
"""In a microsecond, below which nothing is told apart."""


def span_of(value: Span, field: str) -> timedelta:
    """Return the span; zero for '' and 0.

    Raises:
        RequestError: negative, longer than 100 years, or no duration.
    """
    if isinstance(value, str):
        return parse_duration(value, field=field) if value else timedelta()
    if not 0 <= value <= MAX_DURATION // timedelta(microseconds=1) * _NANOSECONDS:
        raise RequestError("nanoseconds from 0 to 100 years", field=field)
    return timedelta(microseconds=value / _NANOSECONDS)
