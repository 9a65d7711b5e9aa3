"""The only table from error class to HTTP status, and how an error looks on the wire.

Problem documents (RFC 9457) when ``Accept`` names JSON, plain text otherwise, as Consul's clients
expect.
"""

import math
from datetime import timedelta
from http import HTTPStatus

import msgspec

from ca_core.api.http import Response
from ca_core.errors import (
    CapabilityUnsupportedError,
    ConfigError,
    ConflictError,
    DeniedError,
    Error,
    GuardError,
    NotFoundError,
    OutcomeUnknownError,
    PendingError,
    ProviderError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)
from ca_core.telemetry.logs import redacted

STATUS: tuple[tuple[type[Error], int], ...] = (
    (DeniedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (RequestError, 400),
    (ConfigError, 400),
    (RateLimitedError, 429),
    (CapabilityUnsupportedError, 501),
    (GuardError, 502),
    (UnavailableError, 503),
    (PendingError, 503),
    (OutcomeUnknownError, 504),
    (ProviderError, 502),
    (Error, 500),
)
"""First match wins; subclasses stand above their parents."""

PROBLEM_JSON = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document; ``hint`` is the next step, ``field`` the part of the request at fault."""

    type: str
    title: str
    status: int
    detail: str
    hint: str = ""
    field: str = ""


def status_of(error: Error) -> int:
    """Return the HTTP status of an error."""
    return next(status for kind, status in STATUS if isinstance(error, kind))


def retry_after_of(error: Error) -> timedelta | None:
    """Return when to come back, for the errors that know it."""
    match error:
        case RateLimitedError() | UnavailableError() | PendingError():
            return error.retry_after
        case _:
            return None


def problem_response(error: Error, accept: str) -> Response:
    """Return the answer for an error, in the form that the client's ``Accept`` asks for.

    What a backend said may repeat a credential: it is hidden.
    """
    status = status_of(error)
    headers = {"x-ca-core-error": type(error).__name__}
    said = str(error) if status < HTTPStatus.INTERNAL_SERVER_ERROR else redacted(str(error))
    pause = retry_after_of(error)
    if pause is not None:
        headers["retry-after"] = str(max(1, math.ceil(pause.total_seconds())))
    if "json" not in accept.lower():
        text = said + (f" ({error.hint})" if error.hint else "")
        return Response(
            status=status,
            headers=headers,
            body=text.encode(),
            content_type="text/plain; charset=utf-8",
        )
    document = Problem(
        type=f"urn:ca-core:problem:{type(error).__name__}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=said,
        hint=error.hint,
        field=error.field if isinstance(error, RequestError) else "",
    )
    return Response(
        status=status,
        headers=headers,
        body=msgspec.json.encode(document),
        content_type=PROBLEM_JSON,
    )
