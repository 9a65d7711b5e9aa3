"""What may happen to a request on its way to a backend."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

_GARBAGE = b"<html><body>Please sign in to the guest network</body></html>"
REFUSED = b'{"errors": ["refused by the fault proxy"]}'
"""The body of an ``Answer``."""

_KEPT = 0.6
"""The part of a PEM block that is left of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer in the backend's place; it never sees the request."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reset:
    """Cut the connection.

    Attributes:
        forwarded: the backend has done what was asked, only its answer is lost.
    """

    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Hang:
    """Answer nothing until the proxy is healed or closed; then cut the connection."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Forward only after ``span``, or once the proxy is healed or closed."""

    span: timedelta


@dataclass(frozen=True, slots=True)
class Mangle:
    """Forward, and spoil the body of the answer; its status and its framing stay right."""

    spoil: Callable[[bytes], bytes]


Fault = Answer | Reset | Hang | Slow | Mangle

LOST = Reset(forwarded=True)
"""The backend did it, and the answer is lost."""


def rate_limited(seconds: int) -> Answer:
    """Return the answer 429 with ``Retry-After``."""
    return Answer(429, {"Retry-After": str(seconds)})


def garbage(_body: bytes) -> bytes:
    """Return what a captive portal says, whatever the backend did."""
    return _GARBAGE


def truncated(body: bytes) -> bytes:
    """Return a JSON body whose PEM blocks end in the middle; other bodies end in the middle."""
    try:
        found = json.loads(body)
    except ValueError:
        return body[: len(body) // 2]
    return json.dumps(_cut(found)).encode()


def _cut(value: Any) -> Any:
    match value:
        case str() if "-----BEGIN " in value:
            return value[: int(len(value) * _KEPT)]
        case list():
            return [_cut(one) for one in value]
        case dict():
            return {key: _cut(one) for key, one in value.items()}
        case _:
            return value
