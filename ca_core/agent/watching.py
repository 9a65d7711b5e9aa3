"""The engine of ``ca-core leaf watch``: follows the agent and keeps files current.

Two blocking queries, one for the leaf and one for the roots, run side by side; whenever one brings
something new the three files are replaced by one rename, and then the program that reads them is
told. An agent that is away or restarts changes nothing: the files stay, and the queries go on.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec

from ca_core.agent.answers import error_of, index_of
from ca_core.agent.backoff import backoff
from ca_core.agent.leaffiles import write_leaf_files
from ca_core.agent.pauses import HOT_SECONDS
from ca_core.agent.waiting import stopped
from ca_core.clock import Clock
from ca_core.durations import format_duration
from ca_core.errors import ConfigError, Error, ProviderError, RequestError, UnavailableError
from ca_core.wire.leaf import IssuedCert
from ca_core.wire.roots import CARoots

log = logging.getLogger(__name__)

OnChange = Callable[[], Awaitable[None]]
"""Told after every change of the files, once they are in place; what it raises is logged."""
ValueT = TypeVar("ValueT")

QUERY_WAIT = timedelta(minutes=1)
"""Short, so that a connection that died silently is noticed within about a minute."""
COMMAND_SECONDS = 60.0
"""A command that tells a program to read its files again is done in this time, or ended."""


def next_index(asked: int, answered: int) -> int:
    """Return the index to ask with next: 0 after one that ran backwards, never 0 otherwise."""
    found = max(answered, 1)
    return 0 if found < asked else found


async def watch_leaf(
    client: httpx.AsyncClient,
    service: str,
    out: Path,
    on_change: OnChange,
    clock: Clock,
    *,
    names: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Keep ``out`` current with the leaf of ``service`` until cancelled.

    ``client`` speaks to the local agent; its base URL is the agent's address. ``names`` are the
    query arguments for further names (``dns-san``, ``ip-san``; comma between several). Files that
    are already right are left alone, and nobody is told.

    Raises:
        RequestError: refused from the first (no right, impossible name).
        ConfigError: ``out`` could not be written from the first.
    """
    watch = _Watch(client, out, on_change, clock)
    leaf = httpx.URL(f"/v1/agent/connect/ca/leaf/{quote(service, safe='')}", params=dict(names))
    roots = httpx.URL("/v1/agent/connect/ca/roots")
    tasks = [
        asyncio.create_task(watch.follow(leaf, IssuedCert, watch.take_leaf)),
        asyncio.create_task(watch.follow(roots, CARoots, watch.take_roots)),
    ]
    try:
        await asyncio.gather(*tasks)
    finally:
        await stopped(*tasks)


class _Watch:
    """What one watch knows: the last leaf, the last roots, and whether it ever wrote."""

    def __init__(
        self, client: httpx.AsyncClient, out: Path, on_change: OnChange, clock: Clock
    ) -> None:
        self._client = client
        self._out = out
        self._on_change = on_change
        self._clock = clock
        self._leaf: IssuedCert | None = None
        self._roots: CARoots | None = None
        self._wrote = False
        self._writing = asyncio.Lock()

    async def follow(
        self, path: httpx.URL, kind: type[ValueT], take: Callable[[ValueT], Awaitable[None]]
    ) -> None:
        """Ask for ever; hand every new value to ``take``, again until it accepted it."""
        index, failures, taken = 0, 0, None
        while True:
            began = self._clock.monotonic()
            try:
                value, answered = await self._asked(path, kind, index)
                fresh = value != taken
                if fresh:
                    await take(value)
            except Error as error:
                self._report(path, error, failures)
                index, failures = 0, failures + 1
                await self._pause(failures, error)
                continue
            if failures:
                log.info("%s: answered again", path)
            index, failures, taken = next_index(index, answered), 0, value
            if not fresh and self._clock.monotonic() - began < HOT_SECONDS:
                await self._clock.sleep(HOT_SECONDS)

    async def take_leaf(self, leaf: IssuedCert) -> None:
        """Write the files with this leaf."""
        self._leaf = leaf
        await self._write()

    async def take_roots(self, roots: CARoots) -> None:
        """Write the files with these roots."""
        self._roots = roots
        await self._write()

    async def _write(self) -> None:
        async with self._writing:
            if self._leaf is None or self._roots is None:
                return
            changed = await asyncio.to_thread(write_leaf_files, self._out, self._leaf, self._roots)
            self._wrote = True
            if not changed:
                return
            log.info("%s: new files, leaf valid until %s", self._out, self._leaf.valid_before)
            await self._tell()

    async def _tell(self) -> None:
        try:
            await self._on_change()
        except Exception:
            log.exception("the files are in place, but nobody could be told")

    async def _asked(self, path: httpx.URL, kind: type[ValueT], index: int) -> tuple[ValueT, int]:
        query = {"index": str(index), "wait": format_duration(QUERY_WAIT)} if index else {}
        url = path.copy_merge_params(query)
        seconds = (QUERY_WAIT * 17 / 16).total_seconds() + 7.0
        limits = httpx.Timeout(seconds, connect=5.0)
        headers = {"Accept": "application/json"}
        try:
            found = await self._client.get(url, timeout=limits, headers=headers)
        except (httpx.HTTPError, OSError) as error:
            raise UnavailableError(
                f"no agent at {self._client.base_url}: {str(error) or type(error).__name__}",
                hint="is `ca-core agent` (or `ca-core dev`) running?",
            ) from error
        if not found.is_success:
            said = found.status_code, found.headers.raw, found.content
            raise error_of(*said, speaker="the agent")
        return _decoded(found.content, kind), index_of(found.headers.raw)

    async def _pause(self, failures: int, error: Error) -> None:
        asked = getattr(error, "retry_after", timedelta())
        jitter = random.random()  # noqa: S311 - no secret
        await self._clock.sleep(backoff(failures, jitter, at_least=asked))

    def _report(self, path: httpx.URL, error: Error, failures: int) -> None:
        """Log the first failure of a run; raise what only a person can mend at the start.

        Raises:
            RequestError: refused before anything was written.
            ConfigError: the folder refused before anything was written.
        """
        if isinstance(error, RequestError | ConfigError) and not self._wrote:
            raise error
        if not failures:
            log.warning("%s: %s; the files stay as they are", path, error)


def _decoded(body: bytes, kind: type[ValueT]) -> ValueT:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProviderError(f"the agent answered something else than expected: {error}") from None


def running(command: Sequence[str]) -> OnChange:
    """Return an ``on_change`` that runs ``command`` (no shell) and logs how it ended.

    A command that is not done after ``COMMAND_SECONDS`` is ended.
    """

    async def run() -> None:
        process = await asyncio.create_subprocess_exec(*command)
        try:
            status = await asyncio.wait_for(process.wait(), COMMAND_SECONDS)
        except TimeoutError:
            process.kill()
            status = await process.wait()
            log.warning("%s: ended after %d s", command[0], COMMAND_SECONDS)
        if status:
            log.error("%s: exit status %d", command[0], status)

    return run
