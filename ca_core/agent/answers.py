"""What an HTTP answer of a server means: its index, its errors; pure.

The table of design and ``docs/consul.md`` read backwards: status to class.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from ca_core.errors import (
    CapabilityUnsupportedError,
    ConflictError,
    DeniedError,
    Error,
    NotFoundError,
    NotReadyError,
    OutcomeUnknownError,
    PendingError,
    ProviderError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)

Headers = Sequence[tuple[bytes, bytes]]
"""Names and values as they came; names in any case."""

_LONGEST_RETRY = timedelta(hours=1)
_LONGEST_DETAIL = 500


class _Problem(msgspec.Struct):
    """The parts of a problem document (RFC 9457) that are read."""

    title: str = ""
    detail: str = ""
    hint: str = ""


def header(headers: Headers, name: str) -> str:
    """Return the value of a header, or an empty text."""
    wanted = name.lower().encode()
    return next((v.decode("latin-1") for n, v in headers if n.lower() == wanted), "")


def index_of(headers: Headers) -> int:
    """Return ``X-Consul-Index``; 0 if it is missing or no number."""
    text = header(headers, "X-Consul-Index")
    return int(text) if text.isascii() and text.isdigit() else 0


def retry_after_of(headers: Headers) -> timedelta:
    """Return ``Retry-After`` in seconds, one if it is missing or a date, at most an hour.

    Source: RFC 9110 §10.2.3.
    """
    text = header(headers, "Retry-After")
    if not (text.isascii() and text.isdigit()):
        return timedelta(seconds=1)
    return min(timedelta(seconds=int(text[:9])), _LONGEST_RETRY)


def error_of(status: int, headers: Headers, body: bytes, *, speaker: str = "the server") -> Error:
    """Return the typed error that a refusing answer stands for.

    What ``speaker`` says of itself, not of the request, is told as its words: whoever reads them
    in a log shall not think that another process stops, or is not ready.
    """
    problem = _problem_in(body)
    words = problem.detail or problem.title
    quoted = f"{speaker} says: {words}" if words else f"{speaker} answered {status}"
    if status in (429, 503):
        return _later(status, quoted, problem.hint, headers)
    if status == 501:  # noqa: PLR2004 - the table of the API
        return CapabilityUnsupportedError(words or quoted)
    if status == 404 and _named(headers) != "NotFoundError":  # noqa: PLR2004 - the table of the API
        return UnavailableError(quoted, hint="is this address the API of ca-core?")
    kind = _CLASSES.get(status, _class_of(status))
    said = words if issubclass(kind, RequestError) else ""
    return kind(said or quoted, hint=problem.hint)


_CLASSES: Mapping[int, type[Error]] = {
    401: DeniedError,
    403: DeniedError,
    404: NotFoundError,
    409: ConflictError,
    504: OutcomeUnknownError,
}


def _class_of(status: int) -> type[Error]:
    return RequestError if status < 500 else ProviderError  # noqa: PLR2004 - whose fault it is


def _later(status: int, detail: str, hint: str, headers: Headers) -> Error:
    retry_after = retry_after_of(headers)
    if status == 429:  # noqa: PLR2004 - the table of the API
        return RateLimitedError(detail, retry_after=retry_after)
    if _named(headers) == "PendingError":
        return PendingError(detail, token="", poll_after=retry_after)
    kind = NotReadyError if _named(headers) == "NotReadyError" else UnavailableError
    return kind(detail, retry_after=retry_after, hint=hint)


def _named(headers: Headers) -> str:
    """Return the class of the error as the server named it, or an empty text."""
    return header(headers, "X-Ca-Core-Error")


def _problem_in(body: bytes) -> _Problem:
    try:
        return msgspec.json.decode(body, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Problem(detail=body[:_LONGEST_DETAIL].decode(errors="replace").strip())
