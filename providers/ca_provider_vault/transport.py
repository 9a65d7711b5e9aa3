"""Requests to the server and its answers: pooled connections, one deadline, only safe repeats."""

import ssl
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from ca_core.contract import (
    OutcomeUnknownError,
    ProviderError,
    RequestError,
    Secret,
    UnavailableError,
)
from ca_provider_vault.config import VaultConfig
from ca_provider_vault.connections import Answer, LostError, Place, Pool, UnsentError
from ca_provider_vault.tls import TlsSettings

__all__ = ["READS", "Answer", "Headers", "Transport"]

Headers = Mapping[str, str | Secret]
"""Name → value; what is secret stays hidden until its bytes are written."""

READS = frozenset({"GET", "LIST", "HEAD"})
"""Methods that change nothing: sent once more if their answer is lost."""

_PORTS = {"http": 80, "https": 443}


class Transport:
    """Requests to one server. Thread-safe; opens nothing before the first request.

    Raises:
        ConfigError: a file of the TLS settings cannot be read, or is not what it should be.
    """

    def __init__(self, config: VaultConfig) -> None:
        address = urlsplit(config.address.rstrip("/"))
        self._shown = f"{address.scheme}://{address.netloc.rpartition('@')[2]}"
        self._prefix = address.path
        self._host = address.netloc.rpartition("@")[2]
        place = Place(
            host=address.hostname or "",
            port=address.port or _PORTS[address.scheme],
            name=config.tls_server_name,
            tls=TlsSettings(config).context if address.scheme == "https" else None,
        )
        # one more than sign at once: for the token, whatever they do
        self._pool = Pool(place, limit=config.concurrency + 1)

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Headers,
        body: Secret | None,
        seconds: float,
        repeatable: bool = False,
    ) -> Answer:
        """Send one request and return the whole answer, whatever its status.

        It is sent a second time if the first did not leave as a whole on a connection that had
        been idle, or, for reads and what is ``repeatable``, if its answer was lost.

        Args:
            method: ``GET``, ``POST``, ``PUT``, ``DELETE`` or ``LIST``.
            path: from ``/v1/`` on.
            headers: beside those of HTTP itself.
            body: JSON, or None.
            seconds: how long all of it may take.
            repeatable: whether a write may safely arrive twice.

        Raises:
            UnavailableError: nothing was done: it was not sent, or it was a read.
            OutcomeUnknownError: a write was sent, and no whole answer came.
            RequestError: method, path or headers hold what HTTP does not allow.
        """
        deadline = time.monotonic() + seconds
        if seconds <= 0:
            raise UnavailableError("no time is left to ask the server")
        request = self._request(method, path, headers, body)
        try:
            return self._answer(method, request, deadline, again=repeatable or method in READS)
        except (OSError, UnsentError, ValueError) as error:  # Value: no name, for DNS or TLS
            raise self._unreachable(error) from None
        except LostError as error:
            raise _lost(method, path, error) from None

    def close(self) -> None:
        """Close every connection; requests that wait for an answer fail at once."""
        self._pool.close()

    def _answer(self, method: str, request: Secret, deadline: float, *, again: bool) -> Answer:
        connection = self._pool.take(deadline)
        try:
            answer = connection.exchange(method, request, deadline)
        except (UnsentError, LostError) as error:
            safe = again if isinstance(error, LostError) else connection.reused
            self._pool.drop(connection)
            if not safe or deadline <= time.monotonic():
                raise
        except BaseException:
            self._pool.drop(connection)
            raise
        else:
            self._pool.give_back(connection)
            return answer
        return self._second(method, request, deadline)

    def _second(self, method: str, request: Secret, deadline: float) -> Answer:
        connection = self._pool.take(deadline)
        try:
            answer = connection.exchange(method, request, deadline)
        except BaseException:
            self._pool.drop(connection)
            raise
        self._pool.give_back(connection)
        return answer

    def _request(self, method: str, path: str, headers: Headers, body: Secret | None) -> Secret:
        target = self._prefix + path
        if not _is_printable(method + target) or " " in method + target:
            raise RequestError("the path holds characters that HTTP does not allow")
        if not all(map(_is_printable, (*headers, *headers.values()))):
            raise RequestError("a header holds characters that HTTP does not allow")
        sent: dict[str, str | Secret] = {"Host": self._host, **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        if body is not None or method not in READS:
            sent["Content-Length"] = str(len(_text(body or "").encode()))
        return _written(f"{method} {target} HTTP/1.1", sent, body or Secret(""))

    def _unreachable(self, error: Exception) -> UnavailableError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return UnavailableError(
                f"{self._shown}: its certificate was not accepted: {error.verify_message}",
                hint="see ca_file, ca_path and tls_server_name",
            )
        reason = str(error) if isinstance(error, UnsentError) else type(error).__name__
        return UnavailableError(f"{self._shown} cannot be reached ({reason})")


def _lost(method: str, path: str, error: LostError) -> ProviderError:
    text = f"{method} {path}: no whole answer came ({error})"
    return UnavailableError(text) if method in READS else OutcomeUnknownError(text)


def _text(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _is_printable(value: str | Secret) -> bool:
    """Say whether it is ASCII without line breaks and the like; it raises nothing."""
    return _text(value).isascii() and _text(value).isprintable()


def _written(first: str, headers: Headers, body: Secret) -> Secret:
    """Return a request as it goes out."""
    lines = (first, *(f"{name}: {_text(value)}" for name, value in headers.items()))
    return Secret("\r\n".join((*lines, "", body.reveal())))
