"""``CA_CORE_TRACE_PLUGINS=1``: which plugin was imported, which hook was called, for how long."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pluggy

from ca_core.clock import Clock, SystemClock
from ca_core.errors import PluginOrigin

VARIABLE = "CA_CORE_TRACE_PLUGINS"

log = logging.getLogger("ca_core.plugins")


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Say whether the variable is set to anything but ``0`` or nothing."""
    return environment.get(VARIABLE, "") not in {"", "0"}


class PluginTrace:
    """Writes names and milliseconds to the log, at info; never an argument or an answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        """Return seconds of a clock that never runs backwards."""
        return self._clock.monotonic()

    def imported(self, origin: PluginOrigin, since: float) -> None:
        """Tell that a plugin was imported, or that this was tried."""
        log.info("imported %s in %.1f ms", origin, self._milliseconds(since))

    def watch(self, manager: pluggy.PluginManager, origin: PluginOrigin) -> None:
        """Tell of every hook call that ``manager`` makes from now on."""

        def before(name: str, _impls: Sequence[Any], _arguments: Mapping[str, object]) -> None:
            log.info("calling %s of %s", name, origin)

        def after(
            outcome: pluggy.Result[Any],
            name: str,
            _impls: Sequence[Any],
            _arguments: Mapping[str, object],
        ) -> None:
            raised = type(outcome.exception).__name__ if outcome.exception else ""
            ended = f"raised {raised}" if raised else "returned"
            log.info("called %s of %s: it %s", name, origin, ended)

        manager.add_hookcall_monitoring(before, after)

    def _milliseconds(self, since: float) -> float:
        return (self._clock.monotonic() - since) * 1000


def trace_wanted_by(environment: Mapping[str, str]) -> PluginTrace | None:
    """Return a trace if the variable asks for one; its lines show whatever the log's level is."""
    if not is_wanted(environment):
        return None
    log.setLevel(logging.INFO)
    return PluginTrace(SystemClock())
