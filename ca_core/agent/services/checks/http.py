"""HTTP checks: is a request answered well? One connection each; redirects are not followed."""

import ssl
from collections.abc import AsyncIterable
from functools import lru_cache
from http import HTTPStatus

import httpcore

from ca_core.agent.services.checks.frugal import FrugalBackend
from ca_core.agent.services.checks.outcome import Outcome
from ca_core.agent.services.checks.resolving import Resolver
from ca_core.agent.services.definitions import Http
from ca_core.agent.services.standing import MAX_OUTPUT
from ca_core.wire.catalog import CheckStatus

_DEFAULTS = (("User-Agent", "ca-core health check"), ("Accept", "text/plain, text/*, */*"))


async def http_outcome(check: Http, names: Resolver) -> Outcome:
    """Send the request and read the beginning of the answer. The caller limits the time.

    Args:
        check: what is asked.
        names: looks hosts up.
    """
    context = _context(check.skip_verify) if check.url.startswith("https") else None
    try:
        async with (
            _pool(context, names) as pool,
            pool.stream(
                check.method,
                check.url,
                headers=_headers(check),
                content=check.body.encode() or None,
                extensions={"sni_hostname": check.server_name} if check.server_name else {},
            ) as response,
        ):
            return _outcome(check, response.status, await _beginning(response.aiter_stream()))
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        return _failed(check, error)
    except (OSError, httpcore.UnsupportedProtocol) as error:  # TLS that breaks after its handshake
        return _failed(check, error)


def _pool(context: ssl.SSLContext | None, names: Resolver) -> httpcore.AsyncConnectionPool:
    backend = FrugalBackend(names)
    return httpcore.AsyncConnectionPool(ssl_context=context, network_backend=backend)


def _failed(check: Http, error: Exception) -> Outcome:
    reason = str(error) or type(error).__name__
    return Outcome(CheckStatus.CRITICAL, f"HTTP {check.method} {check.url}: {reason}"[:MAX_OUTPUT])


def _outcome(check: Http, status: int, body: bytes) -> Outcome:
    """Return what an answer means: 2xx is passing, 429 a warning, everything else critical."""
    head = f"HTTP {check.method} {check.url}: {status} {_phrase(status)} Output: "
    output = (head + body.decode(errors="replace"))[:MAX_OUTPUT]
    if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110 §15.3
        return Outcome(CheckStatus.PASSING, output)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Outcome(CheckStatus.WARNING, output)
    return Outcome(CheckStatus.CRITICAL, output)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


async def _beginning(parts: AsyncIterable[bytes]) -> bytes:
    """Return at most what an output may hold; the rest is not waited for."""
    found = bytearray()
    async for part in parts:
        found += part
        if len(found) >= MAX_OUTPUT:
            break
    return bytes(found[:MAX_OUTPUT])


def _headers(check: Http) -> list[tuple[bytes, bytes]]:
    named = {name.lower() for name, _ in check.headers}
    pairs = (*check.headers, *(pair for pair in _DEFAULTS if pair[0].lower() not in named))
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


@lru_cache(maxsize=2)
def _context(skip_verify: bool) -> ssl.SSLContext:  # noqa: FBT001 - two contexts, made once each
    """Return how TLS is spoken: against the roots of this machine, unless that is skipped."""
    context = ssl.create_default_context()
    if skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
