"""Bytes to the server and back: pooled keep-alive connections, a deadline on every request."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpcore

from ca_core.contract import ConfigError, OutcomeUnknownError, UnavailableError
from ca_provider_vault.config import WHERE, VaultConfig

LONGEST_CONNECT = 5.0
"""Seconds for a connection; what listens answers at once."""

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes; a CRL of twenty thousand entries is below one million."""

_NOT_SENT = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.UnsupportedProtocol,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Transport:
    """Requests to one server. Thread-safe; opens nothing before the first request.

    Raises:
        ConfigError: a file of the TLS settings cannot be read, or is not what it should be.
    """

    def __init__(self, config: VaultConfig) -> None:
        self._address = config.address.rstrip("/")
        self._extensions = (
            {"sni_hostname": config.tls_server_name} if config.tls_server_name else {}
        )
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls_context(config) if self._address.startswith("https") else None,
            max_connections=config.concurrency + 1,  # one for the token, whatever signs
            max_keepalive_connections=config.concurrency + 1,
            keepalive_expiry=60,
        )

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        seconds: float,
    ) -> Answer:
        """Send one request and return the whole answer, whatever its status.

        Args:
            method: ``GET``, ``POST``, ``PUT``, ``DELETE`` or ``LIST``.
            path: from ``/v1/`` on.
            headers: beside those of HTTP itself.
            body: JSON, or None.
            seconds: how long all of it may take.

        Raises:
            UnavailableError: nothing was sent.
            OutcomeUnknownError: it was sent, and no whole answer came.
        """
        if seconds <= 0:
            raise UnavailableError("no time is left to ask the server")
        timeout = dict.fromkeys(("read", "write", "pool"), seconds)
        timeout["connect"] = min(seconds, LONGEST_CONNECT)
        try:
            return self._answer(method, path, headers, body, timeout)
        except _NOT_SENT as error:
            reason = type(error).__name__
            raise UnavailableError(f"{self._address} cannot be reached ({reason})") from error
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            what = f"{method} {path}: no whole answer came ({type(error).__name__})"
            raise OutcomeUnknownError(what) from error

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def _answer(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: Mapping[str, float],
    ) -> Answer:
        sent = dict(headers)
        if body is not None:
            sent["Content-Type"] = "application/json"
        with self._pool.stream(
            method,
            self._address + path,
            headers=sent,
            content=body,
            extensions={"timeout": timeout, **self._extensions},
        ) as response:
            found = {name.decode().lower(): value.decode() for name, value in response.headers}
            return Answer(response.status, found, _whole(response))


def _whole(response: httpcore.Response) -> bytes:
    parts, size = [], 0
    for part in response.iter_stream():
        size += len(part)
        if size > LARGEST_ANSWER:
            raise httpcore.RemoteProtocolError("the answer is too large")
        parts.append(part)
    return b"".join(parts)


def tls_context(config: VaultConfig) -> ssl.SSLContext:
    """Return how the server is verified and who we are.

    Raises:
        ConfigError: a file cannot be read, or is not what it should be.
    """
    if config.unsafe_tls_skip_verify:
        context = ssl._create_unverified_context()  # noqa: S323, SLF001 - the key says unsafe
    else:
        context = _verifying(config)
    if config.cert_file:
        try:
            context.load_cert_chain(config.cert_file, config.key_file)
        except (OSError, ssl.SSLError) as error:
            raise _unusable("cert_file", config.cert_file, error) from error
    return context


def _verifying(config: VaultConfig) -> ssl.SSLContext:
    for key, path in (("ca_file", config.ca_file), ("ca_path", config.ca_path)):
        if path and not Path(path).exists():
            raise ConfigError(f"{path} does not exist", where=f"{WHERE}.{key}")
    try:
        return ssl.create_default_context(
            cafile=config.ca_file or None, capath=config.ca_path or None
        )
    except (OSError, ssl.SSLError) as error:
        raise _unusable("ca_file", config.ca_file, error) from error


def _unusable(key: str, path: str, error: Exception) -> ConfigError:
    return ConfigError(f"{path} cannot be used ({type(error).__name__})", where=f"{WHERE}.{key}")
