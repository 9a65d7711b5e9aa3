"""Outages of a backend that is reached by HTTP: nobody waits for ever, and they end."""

import time
from collections.abc import Callable
from datetime import timedelta

from ca_core.contract import OutcomeUnknownError, PendingError, UnavailableError
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.leaking import CYCLES, files, growth, threads
from ca_core.testing.conformance.proxying import proxied
from ca_core.testing.conformance.trying import Running, attempt
from ca_core.testing.conformance.verdict import raised_by, require
from ca_core.testing.conformance.words import Level, Need
from ca_core.testing.faultproxy import FaultProxy
from ca_core.testing.faults import Answer, Fault, Hang, Mangle, Reset, garbage, truncated

CHECKS = Catalogue()

_BACKEND = (Need.BACKEND,)
_SOON = timedelta(milliseconds=300)
_TOLERANCE = timedelta(seconds=1)
_SHALLOW = 0.05
"""Seconds that a shallow health may take."""


_EIGHT: tuple[Fault, ...] = (
    Answer(403),
    Answer(429, {"Retry-After": "1"}),
    Answer(500),
    Answer(503),
    Reset(),
    Reset(forwarded=True),
    Mangle(garbage),
    Mangle(truncated),
)


@CHECKS.check(
    "fault.deadline",
    Level.L3,
    why="Calls that wait for a backend which hangs use up every signing thread.",
    sources=("Consul GH-12048", "SPIRE GH-6590"),
    fix="Give every connection a timeout, at most what is left until `request.deadline`.",
    needs=_BACKEND,
)
def fault_deadline(arena: Arena) -> None:
    """When the backend hangs, a call ends at its deadline, with an error to retry."""
    with proxied(arena) as here:
        request = here.mesh.ask.leaf(here.mesh.signer)
        here.proxy.plan(Hang())
        late = here.soon(request, _SOON)
        call = Running(lambda: here.mesh.provider.sign_leaf(late), "sign_leaf()")
        in_time = call.is_done_within(_SOON + _TOLERANCE)
        here.proxy.heal()
        found = call.result()
        require(in_time, "sign_leaf() waits for a backend that hangs longer than its deadline")
        retried = (PendingError, OutcomeUnknownError, UnavailableError)
        require(found.error is None or found.is_one_of(*retried), f"it came to {found}")


@CHECKS.check(
    "fault.shallow-health",
    Level.L3,
    why="A health check that hangs with the backend takes down every server at once.",
    sources=("SPIRE GH-5771", "Consul GH-16779"),
    fix="Answer a shallow `health()` from memory; ask the backend only when `deep`.",
    needs=_BACKEND,
)
def fault_shallow_health(arena: Arena) -> None:
    """Shallow health is answered at once though the backend hangs."""
    with proxied(arena) as here:
        here.proxy.plan(Hang())
        asked = Running(lambda: _fastest(here.mesh.provider.health), "health()")
        in_time = asked.is_done_within(_TOLERANCE)
        here.proxy.heal()
        taken = asked.result().answer or 0.0
        require(in_time and taken < _SHALLOW, "a shallow health() waits for the backend")


@CHECKS.check(
    "fault.deep-health",
    Level.L3,
    why="A health check that raises takes the page down on which the operator would look.",
    sources=("S28", "Consul GH-16779"),
    fix="Catch every error in `health`, and say it in `Health.message`.",
    needs=_BACKEND,
)
def fault_deep_health(arena: Arena) -> None:
    """Deep health says that the backend fails, and raises nothing."""
    with proxied(arena) as here:
        for fault in (Answer(503), Answer(403), Reset(), Mangle(garbage)):
            here.proxy.plan(fault)
            error = raised_by(lambda: here.mesh.provider.health(deep=True))
            require(error is None, f"health(deep=True) raised {type(error).__name__}")


@CHECKS.check(
    "fault.recovers",
    Level.L3,
    why="After an outage of minutes servers had to be restarted, one by one.",
    sources=("S15", "S26", "Consul GH-10630", "cert-manager GH-6378"),
    fix="Remember no failure; throw away a connection that failed.",
    needs=_BACKEND,
)
def fault_recovers(arena: Arena) -> None:
    """Once the backend works again, the same object signs again."""
    with proxied(arena) as here:
        for fault in (Answer(503), Answer(403), Reset(), Mangle(garbage)):
            here.proxy.plan(fault)
            for _ in range(3):
                raised_by(here.signs_soon)
            here.proxy.heal()
            found = attempt(here.mesh.leaf, "sign_leaf()")
            require(found.error is None, f"when the fault was over, sign_leaf() came to {found}")


@CHECKS.check(
    "fault.replaced",
    Level.L3,
    why="A provider that failed to start could not be replaced by one that would have worked.",
    sources=("S15", "Consul GH-10630"),
    fix="Keep what belongs to one object on the object, not in the module or the class.",
    needs=_BACKEND,
)
def fault_replaced(arena: Arena) -> None:
    """An object that failed is replaced by another one, which works."""
    with FaultProxy(arena.subject.backend or "") as proxy:
        failing = arena.unmade(address=proxy.address)
    for _ in range(3):
        raised_by(lambda: failing.provider.ensure_authority(failing.ask.authority()))
    failing.provider.close()
    fresh = failing.another()
    found = attempt(lambda: (fresh.ensure(), fresh.prepare(), fresh.leaf()), "the replacement")
    require(found.error is None, f"the object that replaces one that failed came to {found}")


@CHECKS.check(
    "fault.leaks",
    Level.L3,
    why="Every failed call left a connection behind, until the server had no more of them.",
    sources=("S11", "Consul GH-12607", "Consul GH-14908"),
    fix="Close connections in `finally`, whatever went wrong on them.",
    needs=_BACKEND,
)
def fault_leaks(arena: Arena) -> None:
    """Failed calls, dozens of them, leave no thread and no connection behind."""
    with proxied(arena) as here:

        def fails() -> None:
            for fault in _EIGHT:
                here.proxy.plan(fault)
                raised_by(here.signs_soon)
            here.proxy.heal()

        grown = growth(lambda: threads() | files(), fails)
        require(grown < CYCLES, f"{grown} threads and connections more after dozens of failures")


def _fastest(call: Callable[[], object]) -> float:
    """Return the seconds of the fastest of three calls: others use this machine too."""
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return min(taken)
