"""The keys of auth methods: read from files, fetched from issuers, kept a while."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ca_core.acl.jwks import MOST_JWKS, VerifyingKey, keys_of, public_key
from ca_core.acl.methods import JwtConfig
from ca_core.clock import Clock
from ca_core.errors import Error, RequestError, UnavailableError

if TYPE_CHECKING:
    import httpx

REFRESH_SECONDS = 60.0
"""Between two looks at one source: an unknown ``kid`` asks at most so often."""

KEPT_SECONDS = 3600.0
"""After which known keys are read again, since an issuer may have withdrawn one."""

FETCH_SECONDS = 5.0
"""What one look may take in all."""

MOST_SOURCES = 256
"""Sources whose keys are kept; more than there are auth methods in honest clusters."""

_HEADERS = {"accept": "application/json", "accept-encoding": "identity"}
"""Nothing compressed: what a few bytes would grow to is not known before."""

_log = logging.getLogger("ca_core.acl")

Keys = tuple[VerifyingKey, ...]
Fetch = Callable[[JwtConfig], Awaitable[bytes]]
"""Returns the JWKS that a method names; raises ``Error`` if it cannot be had."""


@dataclass(slots=True)
class _Source:
    """One JWKS: its keys as last seen, and when it was last looked at."""

    keys: Keys = ()
    looked: float | None = None
    seen: float | None = None
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


async def fetched(config: JwtConfig) -> bytes:
    """Return the JWKS that a method names: a file's bytes, or a URL's.

    Raises:
        UnavailableError: it cannot be read, is too large, or takes too long.
    """
    if config.jwks_file:
        return await asyncio.to_thread(_of_file, Path(config.jwks_file))
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            return await _of_url(config)
    except (TimeoutError, OSError) as error:
        raise _unreachable(error) from None


class KeySets:
    """Knows the keys of auth methods. Used from one event loop.

    What is known is used for an hour; an unknown ``kid`` looks again, at most once a minute. When
    a source is away, what was last seen of it holds.

    Args:
        clock: measures.
        fetch: reads a JWKS.
    """

    def __init__(self, clock: Clock, fetch: Fetch = fetched) -> None:
        self._clock = clock
        self._fetch = fetch
        self._sources: dict[tuple[str, str, str], _Source] = {}

    async def keys(self, config: JwtConfig, kid: str) -> Keys:
        """Return a method's keys; those of a JWKS are looked at anew if ``kid`` is not there.

        Raises:
            UnavailableError: they were never seen, and cannot be had now.
        """
        if config.public_keys:
            return tuple(public_key(pem, "JWTValidationPubKeys") for pem in config.public_keys)
        source = self._source(config)
        async with source.busy:
            if self._due(source, kid):
                await self._look(source, config)
        if source.seen is None:
            raise UnavailableError("the keys of this auth method cannot be had now")
        return source.keys

    def _source(self, config: JwtConfig) -> _Source:
        where = (config.jwks_file, config.jwks_url, config.jwks_ca_cert)
        while where not in self._sources and len(self._sources) >= MOST_SOURCES:
            del self._sources[next(iter(self._sources))]
        return self._sources.setdefault(where, _Source())

    def _due(self, source: _Source, kid: str) -> bool:
        now = self._clock.monotonic()
        if source.looked is not None and now < source.looked + REFRESH_SECONDS:
            return False
        known = not kid or any(key.kid in ("", kid) for key in source.keys)
        return source.seen is None or not known or now >= source.seen + KEPT_SECONDS

    async def _look(self, source: _Source, config: JwtConfig) -> None:
        source.looked = self._clock.monotonic()
        try:
            source.keys = keys_of(await self._fetch(config))
        except Error as error:
            where = config.jwks_file or config.jwks_url
            _log.warning("keys of an auth method (%s): %s", where, error)
            return
        source.seen = source.looked


def _of_file(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UnavailableError("the JWKS file is no file")
        with path.open("rb") as file:
            found = file.read(MOST_JWKS + 1)
    except OSError as error:
        raise UnavailableError(f"the JWKS file cannot be read: {error.strerror}") from None
    return _bounded(found)


async def _of_url(config: JwtConfig) -> bytes:
    import httpx  # noqa: PLC0415 - 60 ms that agents, and servers without logins, do not need

    trust = await asyncio.to_thread(_trust, config)
    try:
        async with (
            httpx.AsyncClient(verify=trust, trust_env=False) as client,
            client.stream("GET", config.jwks_url, headers=_HEADERS) as answer,
        ):
            return await _read(answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unreachable(error) from None


async def _read(answer: "httpx.Response") -> bytes:
    if not answer.is_success:
        raise UnavailableError(f"the JWKS URL answers {answer.status_code}")
    found = bytearray()
    async for part in answer.aiter_raw():
        found += part
        _bounded(found)
    return bytes(found)


def _unreachable(error: Exception) -> UnavailableError:
    return UnavailableError(f"the keys cannot be fetched: {type(error).__name__}")


def _trust(config: JwtConfig) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=config.jwks_ca_cert or None)


def _bounded(found: bytes | bytearray) -> bytes:
    if len(found) > MOST_JWKS:
        raise RequestError(f"more than {MOST_JWKS} bytes", field="JWKS")
    return bytes(found)
