"""Running checks: the one engine behind pytest, the command line and the library call."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from importlib import metadata
from typing import Any

from ca_core.authority.judge import place_of
from ca_core.authority.registry import InstalledPlugin, Registry
from ca_core.clock import SystemClock
from ca_core.contract import Capability, ConfigError, Error, ProviderPlugin, Role
from ca_core.fields import nearest_hint
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.catalogue import CHECKS
from ca_core.testing.conformance.check import Check
from ca_core.testing.conformance.mesh import Cluster
from ca_core.testing.conformance.results import Report, Result
from ca_core.testing.conformance.subject import ProviderUnderTest
from ca_core.testing.conformance.tempo import Tempo
from ca_core.testing.conformance.verdict import Inapplicable, Violation
from ca_core.testing.conformance.words import Level, Need, Outcome

CHECK_LIMIT = timedelta(seconds=60)
"""A check that is not done by then has failed, and is left behind; L4 has ten minutes."""

OPEN_LIMIT = timedelta(seconds=60)
"""A provider that is not open by then does not open."""

SOAK_LIMIT = timedelta(minutes=10)

OnResult = Callable[[Result, int, int], None]
"""``(result, how many are done, how many there are)``, on the thread that runs the checks."""


def _ignore(_result: Result, _done: int, _total: int) -> None:
    """Nobody watches."""


def run_conformance(
    subject: ProviderUnderTest,
    *,
    level: Level = Level.L2,
    checks: Iterable[Check] | None = None,
    on_result: OnResult = _ignore,
    registry: Registry | None = None,
) -> Report:
    """Run every check up to ``level`` and return what was found. Blocks.

    A check that fails stops nothing.

    Args:
        subject: the provider and what may be done to it.
        level: the highest level to ask for.
        checks: other checks than those of ``CHECKS``.
        on_result: told of each result as it comes.
        registry: where ``subject.provider`` is looked up by name.

    Raises:
        ConfigError: no provider of that name can be loaded, or an excuse is for no check.
    """
    runner = Runner(subject, registry=registry)
    chosen = CHECKS.up_to(level) if checks is None else tuple(checks)
    check_excuses(subject, [check.id for check in (*CHECKS, *chosen)])
    started, began = SystemClock().now(), time.perf_counter()
    results = []
    for check in chosen:
        results.append(runner.result_of(check))
        on_result(results[-1], len(results), len(chosen))
    return runner.report(level, results, started=started, seconds=time.perf_counter() - began)


def check_excuses(subject: ProviderUnderTest, known: Sequence[str]) -> None:
    """Refuse known deviations from checks that do not exist: they would excuse nothing.

    Raises:
        ConfigError: names the nearest check.
    """
    for check_id in subject.known_deviations:
        if check_id not in known:
            raise ConfigError(
                f"there is no check {check_id!r}{nearest_hint(check_id, known)}",
                where="known_deviations",
            )


class Runner:
    """Runs checks on one provider, one at a time.

    Attributes:
        installed: what metadata says of the provider, or None if it is not installed.

    Raises:
        ConfigError: no provider of that name can be loaded.
    """

    def __init__(self, subject: ProviderUnderTest, *, registry: Registry | None = None) -> None:
        self.subject = subject
        self.plugin: ProviderPlugin[Any]
        self.installed: InstalledPlugin | None = None
        if isinstance(subject.provider, str):
            found = registry or Registry()  # reads the metadata of every package there is
            self.plugin = found.get(subject.provider)
            self.installed = next(
                (p for p in found.installed() if p.name == subject.provider), None
            )
        else:
            self.plugin = subject.provider
        self.tempo: Tempo = Tempo(subject.clock, subject.keys[0])
        self._declared: dict[Role, frozenset[Capability] | BaseException] = {}

    def report(
        self, level: Level, results: Sequence[Result], *, started: datetime, seconds: float
    ) -> Report:
        """Return results as a report.

        Args:
            level: that was asked for.
            results: in the order in which the checks ran.
            started: aware UTC.
            seconds: how long the run took.
        """
        about = self.installed
        ran = {result.check.id for result in results}
        declared = self.declared(Role.PRIMARY) | self.declared(Role.SECONDARY)
        return Report(
            provider=self.subject.name,
            distribution=about.distribution if about else "",
            version=about.version if about else "",
            entry_point=about.entry_point if about else "",
            contract=self.plugin.api_version,
            core=metadata.version("ca-core"),
            level=level,
            started=started,
            seconds=seconds,
            declared=tuple(sorted(declared)),
            results=tuple(results),
            left_out=sum(check.id not in ran for check in CHECKS.up_to(level)),
        )

    def result_of(self, check: Check) -> Result:
        """Run one check, unless something it needs is missing; its author's deviations count."""
        reason = self._not_run(check)
        if reason is not None:
            return Result(check=check, outcome=reason[0], detail=reason[1])
        if Need.RESET in check.needs and self.subject.reset is not None:
            self.subject.reset()
        return self._excused(self._tried(check))

    def declared(self, role: Role) -> frozenset[Capability]:
        """Return what the provider declares in ``role``; nothing if it does not open."""
        found = self._opened_as(role)
        return frozenset() if isinstance(found, BaseException) else found

    def _not_run(self, check: Check) -> tuple[Outcome, str] | None:
        missing = sorted(need.value for need in check.needs - self.subject.supplied)
        if missing:
            return Outcome.NOT_RUN, f"needs {', '.join(missing)}"
        if check.level is Level.L0:
            return None  # these say what is wrong with a provider that does not open
        opened = self._opened_as(check.role)
        if isinstance(opened, BaseException) and check.role is Role.PRIMARY:
            return Outcome.NOT_RUN, "needs a provider that opens"
        undeclared = sorted(check.capabilities - self.declared(check.role))
        if undeclared:
            return Outcome.SKIPPED, f"not declared: {', '.join(undeclared)}"
        return None

    def _opened_as(self, role: Role) -> frozenset[Capability] | BaseException:
        if role not in self._declared:
            found: list[frozenset[Capability]] = []
            done, error = _within(OPEN_LIMIT, lambda: found.append(self._ability(role)))
            late = TimeoutError("it does not open in time")
            self._declared[role] = (error or found[0]) if done else late
        return self._declared[role]

    def _ability(self, role: Role) -> frozenset[Capability]:
        arena = Arena(self.subject, self.plugin, self.tempo, frozenset())
        try:
            server = Cluster(open=arena.open, tempo=self.tempo, role=role).server()
            return frozenset(server.provider.capabilities)
        finally:
            arena.close()

    def _tried(self, check: Check) -> Result:
        arena = Arena(self.subject, self.plugin, self.tempo, self.declared(check.role))
        began = time.perf_counter()
        limit = SOAK_LIMIT if check.level is Level.L4 else CHECK_LIMIT
        done, error = _within(limit, lambda: _run(check, arena))
        seconds = time.perf_counter() - began
        if not done:
            detail = f"not done after {limit.total_seconds():.0f} s"
            return Result(check=check, outcome=Outcome.FAILED, detail=detail, seconds=seconds)
        if error is None:
            return Result(check=check, outcome=Outcome.PASSED, seconds=seconds)
        if isinstance(error, Inapplicable):
            detail = str(error)
            return Result(check=check, outcome=Outcome.SKIPPED, detail=detail, seconds=seconds)
        return Result(
            check=check,
            outcome=Outcome.FAILED,
            detail=arena.discreet(_sentence(error)),
            seconds=seconds,
            error=error,
        )

    def _excused(self, result: Result) -> Result:
        reason = self.subject.known_deviations.get(result.check.id)
        if reason is None or result.outcome is Outcome.SKIPPED:
            return result
        if result.outcome is Outcome.FAILED:
            detail = f"{result.detail} (known: {reason})"
            return dataclasses.replace(result, outcome=Outcome.KNOWN_DEVIATION, detail=detail)
        detail = f"passed, but is listed as a known deviation: {reason}"
        return dataclasses.replace(result, outcome=Outcome.FAILED, detail=detail)


def _run(check: Check, arena: Arena) -> None:
    try:
        check.body(arena)
    finally:
        arena.close()


def _within(limit: timedelta, call: Callable[[], None]) -> tuple[bool, BaseException | None]:
    """Run ``call`` in a thread; return whether it ended in time, and what it raised."""
    raised: list[BaseException] = []

    def catch() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - a provider may raise SystemExit too
            raised.append(error)

    thread = threading.Thread(target=catch, name="conformance-check", daemon=True)
    thread.start()
    thread.join(limit.total_seconds())
    return not thread.is_alive(), raised[0] if raised else None


def _sentence(error: BaseException) -> str:
    """Say what was seen; a foreign exception's own text may hold a secret and stays out."""
    if isinstance(error, Violation):
        return str(error)
    if isinstance(error, (Error, TimeoutError)):
        return f"raised {type(error).__name__}: {error}"
    place = place_of(error) if isinstance(error, Exception) else "an unknown place"
    return f"raised {type(error).__name__} at {place}"
