"""Services on disk, so that they survive a restart: one file, ``services.json``, mode 0600.

It holds no token and no grant. Headers of HTTP checks are in it, and these may hold a password.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from ca_core.agent.services.definitions import Registration, Ttl
from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.standing import LocalCheck, Report, told
from ca_core.errors import UnavailableError
from ca_core.state.wholefile import remove_drafts, replace_whole
from ca_core.wire.catalog import CheckStatus

FILE = "services.json"
_FORMAT = 1

log = logging.getLogger(__name__)


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds."""

    format: int
    services: tuple[Registration, ...]
    checks: tuple[LocalCheck, ...]


class Keeping(Protocol):
    """Where services are kept. Used from one event loop."""

    def restored(self, now: datetime, at: float) -> LocalState:
        """Return what was kept; ``at`` is the monotonic time. Blocks."""
        ...

    async def keep(self, state: Callable[[], LocalState]) -> None:
        """Return once what ``state`` gives, or what it gave later, is kept.

        Raises:
            UnavailableError: it cannot be.
        """
        ...


class KeptNowhere:
    """Services that go with the process."""

    def restored(self, now: datetime, at: float) -> LocalState:
        """Return nothing."""
        return LocalState()

    async def keep(self, state: Callable[[], LocalState]) -> None:
        """Do nothing."""


class KeptInFile:
    """Services in a folder; callers that come while it is written share the next writing."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._turn = asyncio.Lock()
        self._kept: LocalState | None = None

    def restored(self, now: datetime, at: float) -> LocalState:
        """Return what was kept; a file that cannot be read is put aside, and nothing is returned.

        A TTL check that expired meanwhile is critical; the others stand as they stood.
        """
        remove_drafts(self._path)
        try:
            kept = _decoded(self._path.read_bytes())
        except FileNotFoundError:
            return LocalState()
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            self._put_aside(error, now)
            return LocalState()
        self._kept = LocalState.of(kept.services, (_awake(each, now, at) for each in kept.checks))
        return self._kept

    async def keep(self, state: Callable[[], LocalState]) -> None:
        """Write what ``state`` gives, durably, unless it stands there.

        Raises:
            UnavailableError: it cannot be written; what was there before is untouched.
        """
        async with self._turn:
            latest = state()
            if latest is self._kept:
                return
            try:
                await asyncio.to_thread(self._write, latest)
            except OSError as error:
                raise UnavailableError(
                    f"registered, but not kept for the next start: {error.strerror} ({self._path})"
                ) from error
            self._kept = latest

    def _write(self, state: LocalState) -> None:
        kept = _Kept(
            format=_FORMAT,
            services=tuple(state.services.values()),
            checks=tuple(state.checks.values()),
        )
        self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        replace_whole(self._path, partial(_write_into, msgspec.json.encode(kept)))

    def _put_aside(self, error: Exception, now: datetime) -> None:
        aside = self._path.with_name(f"{FILE}.unreadable-{now:%Y%m%dT%H%M%SZ}")
        try:
            self._path.replace(aside)
        except OSError as again:
            aside, error = self._path, again
        log.error("registered services cannot be read (%s); the file is %s now", error, aside)


def _write_into(raw: bytes, file: BinaryIO) -> None:
    file.write(raw)


def _decoded(raw: bytes) -> _Kept:
    kept = msgspec.json.decode(raw, type=_Kept)
    if kept.format != _FORMAT:
        raise ValueError(f"format {kept.format}, not {_FORMAT}")
    return kept


def _awake(check: LocalCheck, now: datetime, at: float) -> LocalCheck:
    """Return how a check stands after the time in which nobody looked."""
    critical = check.status is CheckStatus.CRITICAL
    check = msgspec.structs.replace(check, critical_since=at if critical else None)
    if not isinstance(check.definition.kind, Ttl):
        return check
    if check.ends is None or check.ends > now:
        left = check.definition.kind.ttl if check.ends is None else check.ends - now
        return msgspec.structs.replace(check, deadline=at + left.total_seconds())
    if critical:
        return check
    output = "no report came while the agent was away"
    return told(check, Report(status=CheckStatus.CRITICAL, output=output, at=at))
