"""Runs checks when they are due, and sees when programs no longer report."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakValueDictionary

from ca_core.agent.joining import Draw
from ca_core.agent.services.checks.http import http_outcome
from ca_core.agent.services.checks.outcome import Counted, Outcome
from ca_core.agent.services.checks.resolving import Resolver
from ca_core.agent.services.checks.schedule import Schedule
from ca_core.agent.services.checks.tcp import tcp_outcome
from ca_core.agent.services.definitions import CheckDefinition, Http, Run, Tcp, Ttl
from ca_core.agent.services.services import Services
from ca_core.agent.waiting import Gathering, stopped, within
from ca_core.clock import Clock
from ca_core.durations import format_duration
from ca_core.errors import NotFoundError, UnavailableError
from ca_core.wire.catalog import CheckStatus

MOST_AT_ONCE: Final = 64
"""Checks that are run at the same time; the others wait for their turn."""

MOST_OF_ONE: Final = 16
"""Of one service by name, whatever its instances: checks that hang hold up no other service's."""

_LONGEST_SLEEP = 3600.0
_SHORTEST_SLEEP = 0.01
"""However often something is due, others have their turn."""

Probe = Callable[[Run], Coroutine[Any, Any, Outcome]]
"""Runs one check; ends when it is cancelled."""

log = logging.getLogger(__name__)


def prober() -> Probe:
    """Return what runs checks over the network."""
    names = Resolver()

    async def probe(check: Run) -> Outcome:
        match check:
            case Tcp():
                return await tcp_outcome(check, names)
            case Http():
                return await http_outcome(check, names)

    return probe


@dataclass(slots=True)
class _Running:
    """A check that is watched; its first results count anew when it is defined anew."""

    definition: CheckDefinition
    counted: Counted = field(default_factory=Counted)
    task: asyncio.Task[None] | None = None


class CheckRunner:
    """Runs the checks of ``services``, for ever. Used from one event loop.

    The first run of each is drawn within its interval, so that those that were registered together
    do not run together.
    """

    def __init__(
        self, services: Services, clock: Clock, draw: Draw, *, run_one: Probe | None = None
    ) -> None:
        self._services = services
        self._clock = clock
        self._draw = draw
        self._probe = run_one or prober()
        self._turn = asyncio.Semaphore(MOST_AT_ONCE)
        self._turns_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._checks: dict[str, _Running] = {}
        self._due = Schedule()
        self._removals = Schedule()
        self._bell = Gathering()
        self._shape = -1
        services.subscribe(self._bell.wake)

    async def run(self) -> None:
        """Run what is due, for ever; cancel to end."""
        try:
            while True:
                self._follow()
                self._start_due()
                await self._remove_due()
                if self._services.state.shape == self._shape:
                    await self._bell.changed(self._until_due(), self._clock)
        finally:
            running = [each.task for each in self._checks.values() if each.task is not None]
            self._shape, self._checks = -1, {}
            await stopped(*running)

    def _follow(self) -> None:
        """Take over which checks there are, if they are others than before."""
        state = self._services.state
        if state.shape == self._shape:
            return
        self._shape = state.shape
        for check_id in self._checks.keys() - state.checks.keys():
            self._forget(check_id)
        for check_id, check in state.checks.items():
            running = self._checks.get(check_id)
            if running is None or running.definition != check.definition:
                self._watch(check.definition, check.deadline)

    def _watch(self, definition: CheckDefinition, deadline: float) -> None:
        self._forget(definition.id)
        self._checks[definition.id] = _Running(definition)
        now, kind = self._clock.monotonic(), definition.kind
        if isinstance(kind, Run):
            self._due.enter(definition.id, now + kind.interval.total_seconds() * self._draw())
        elif isinstance(kind, Ttl):
            self._due.enter(definition.id, deadline)
        if definition.deregister_after is not None:
            self._removals.enter(definition.id, now + definition.deregister_after.total_seconds())

    def _forget(self, check_id: str) -> None:
        gone = self._checks.pop(check_id, None)
        if gone is not None and gone.task is not None:
            gone.task.cancel()
        self._due.drop(check_id)
        self._removals.drop(check_id)

    def _until_due(self) -> float:
        moments = [due for due in (self._due.next_due(), self._removals.next_due()) if due]
        left = min([_LONGEST_SLEEP, *(due - self._clock.monotonic() for due in moments)])
        return max(left, _SHORTEST_SLEEP)

    def _start_due(self) -> None:
        for check_id in tuple(self._due.taken(self._clock.monotonic())):
            running = self._checks[check_id]
            if isinstance(running.definition.kind, Ttl):
                self._look_at_ttl(check_id, running.definition.kind)
            else:
                name = f"check {check_id}"
                running.task = asyncio.create_task(self._run_once(running), name=name)

    def _look_at_ttl(self, check_id: str, kind: Ttl) -> None:
        """Let a TTL check expire, unless a report came; look again when the next one is missing."""
        check, now = self._services.state.checks[check_id], self._clock.monotonic()
        if check.deadline > now:
            self._due.enter(check_id, check.deadline)
            return
        self._due.enter(check_id, now + kind.ttl.total_seconds())
        if check.status is not CheckStatus.CRITICAL:
            output = f"TTL expired: no report for {format_duration(kind.ttl)}"
            self._services.found(check_id, CheckStatus.CRITICAL, output)

    async def _run_once(self, running: _Running) -> None:
        definition = running.definition
        async with self._turn_of(definition.service_id), self._turn:
            outcome = await self._outcome(definition)
        running.counted = running.counted.after(outcome.status)
        status = running.counted.means(outcome.status, definition.thresholds)
        if status is not None:
            self._services.found(definition.id, status, outcome.output)
        running.task = None
        if isinstance(definition.kind, Run) and self._checks.get(definition.id) is running:
            pause = definition.kind.interval.total_seconds()
            self._due.enter(definition.id, self._clock.monotonic() + pause)
            self._bell.wake()

    def _turn_of(self, service_id: str) -> asyncio.Semaphore:
        """Return what the checks of a service share, by its name; it goes with the last of them."""
        name = self._services.state.name_of(service_id)
        return self._turns_of.setdefault(name, asyncio.Semaphore(MOST_OF_ONE))

    async def _outcome(self, definition: CheckDefinition) -> Outcome:
        kind = definition.kind
        assert isinstance(kind, Run)  # noqa: S101 - others are not started
        try:
            return await within(self._probe(kind), kind.timeout, self._clock, what="the check")
        except UnavailableError as error:
            return Outcome(CheckStatus.CRITICAL, str(error))
        except Exception as error:
            log.exception("check %s failed in a way it should not", definition.id)
            return Outcome(CheckStatus.CRITICAL, f"the check broke: {type(error).__name__}")

    async def _remove_due(self) -> None:
        """Deregister services whose checks were critical for longer than they may."""
        for check_id in tuple(self._removals.taken(self._clock.monotonic())):
            check = self._services.state.checks.get(check_id)
            if check is None or check.definition.deregister_after is None:
                continue
            after, now = check.definition.deregister_after, self._clock.monotonic()
            since = now if check.critical_since is None else check.critical_since
            due = since + after.total_seconds()
            if due > now:
                self._removals.enter(check_id, due)
            else:
                await self._remove(check.definition, format_duration(after))

    async def _remove(self, definition: CheckDefinition, after: str) -> None:
        service_id = definition.service_id
        log.warning(
            "%s is deregistered: its check %s was critical for %s", service_id, definition.id, after
        )
        with contextlib.suppress(NotFoundError, UnavailableError):
            await self._services.deregister(service_id)
