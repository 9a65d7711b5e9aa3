"""The only place that knows HTTP: calls with a deadline, and every failure as a typed error."""

import json
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from urllib.parse import quote, urlsplit

from ca_core.contract import (
    NotReadyError,
    OutcomeUnknownError,
    PermissionDeniedError,
    ProviderError,
    RateLimitedError,
    RequestError,
    UnavailableError,
    parse_certificates,
)

LONGEST = 10.0


class GoneError(ProviderError):
    """The backend says that it was retired."""


KINDS = {
    404: NotReadyError,
    409: RequestError,
    410: GoneError,
    412: UnavailableError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}
"""What a status means; everything else is some ``ProviderError``."""


class Client:
    """Speaks to the backend, with one connection for each call."""

    def __init__(self, address, clock):
        parts = urlsplit(address)
        self.place = (parts.hostname, parts.port)
        self.clock = clock

    def ask(self, request, method, *path, body=None):
        """Return what the backend answers.

        1. No call without time left.
        2. Not connected: nothing was done.
        3. Connected, and no answer: a write may have happened.
        """
        left = (request.deadline - self.clock.now()).total_seconds()
        if left <= 0:
            raise UnavailableError("the deadline has passed")  # (1)
        connection = HTTPConnection(*self.place, timeout=min(left, LONGEST))
        try:
            self.connect(connection)  # (2)
            return self.read(*self.exchange(connection, method, path, body))  # (3)
        finally:
            connection.close()

    def connect(self, connection):
        """Connect, or say that nothing was done."""
        try:
            connection.connect()
        except OSError as error:
            raise UnavailableError(f"not reachable: {type(error).__name__}") from error

    def exchange(self, connection, method, path, body):
        """Send, and wait for the answer: status, headers, body; and what was asked, in words."""
        where = "/" + "/".join(quote(part, safe="") for part in path)
        try:
            connection.request(method, where, body=json.dumps(body or {}))
            with connection.getresponse() as answer:
                return answer.status, answer.headers, answer.read(), f"{method} {where}"
        except (OSError, HTTPException) as error:
            raise self.lost(method, error) from error

    def lost(self, method, error):
        """Return what a lost answer means."""
        said = f"no answer: {type(error).__name__}"
        return UnavailableError(said) if method == "GET" else OutcomeUnknownError(said)

    def read(self, status, headers, body, asked):
        """Return the answer as JSON, or raise what its status says."""
        if status != 200:
            raise self.error(status, headers, asked)
        try:
            return json.loads(body)
        except ValueError:
            raise ProviderError("the backend did not answer JSON") from None

    def error(self, status, headers, asked):
        """Return what a status means."""
        if status == 403:
            return PermissionDeniedError("the backend refused", needed=[asked])
        if status == 429:
            seconds = int(headers.get("Retry-After") or 1)
            return RateLimitedError(retry_after=timedelta(seconds=seconds))
        kind = KINDS.get(status, ProviderError)
        return kind(f"the backend answered {status}")

    def certificates(self, answer, name):
        """Return the certificates in one field of an answer."""
        try:
            return tuple(parse_certificates(answer[name]))
        except (RequestError, KeyError, TypeError):
            raise ProviderError(f"the backend's {name} cannot be read") from None
