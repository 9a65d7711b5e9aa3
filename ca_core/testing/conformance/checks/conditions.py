"""Looking without touching: health, and what a probe finds."""

import time
from collections.abc import Callable

from ca_core.authority.healthrules import credential_fault
from ca_core.contract import Findings, Health
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.counting import objects
from ca_core.testing.conformance.mesh import Cluster, Mesh
from ca_core.testing.conformance.verdict import Violation, raised_by, require
from ca_core.testing.conformance.words import Level

CHECKS = Catalogue()

_QUICK_SECONDS = 0.05
_TRIES = 5


@CHECKS.check(
    "health.answers",
    Level.L0,
    why="A health check that raises is reported as a crash of the server, and hides what it saw.",
    sources=("S13", "ca_core.contract Provider.health"),
    fix="Catch everything in `health`, and say it in `Health.message`.",
)
def health_answers(arena: Arena) -> None:
    """`health` answers a `Health` before and after the authority exists, and never raises."""
    mesh = arena.unmade()
    _is_healthy_answer(mesh)
    mesh.ensure()
    _is_healthy_answer(mesh)


def _is_healthy_answer(mesh: Mesh) -> None:
    for deep in (False, True):
        answer: object = _health(mesh, deep=deep)
        name = f"health(deep={deep})"
        require(isinstance(answer, Health), f"{name} returned a {type(answer).__name__}")
        if isinstance(answer, Health):
            text = [answer.message, *answer.details, *answer.details.values()]
            require(isinstance(answer.ok, bool), f"{name}: ok is a {type(answer.ok).__name__}")
            require(all(isinstance(part, str) for part in text), f"{name} holds what is no text")


def _health(mesh: Mesh, *, deep: bool) -> Health:
    try:
        return mesh.provider.health(deep=deep)
    except Exception as error:
        raise Violation(f"health(deep={deep}) raised {type(error).__name__}") from error


@CHECKS.check(
    "health.credential",
    Level.L0,
    why="Operators are warned by the hours that a credential has left; a time without a zone, or"
    " a count below zero, warns at the wrong hour or never.",
    sources=("S11", "ca_core.contract Credential"),
    fix="Give `Credential.ends` in aware UTC (None: it never expires), `failures` from 0.",
)
def health_credential(arena: Arena) -> None:
    """The credential in `health` ends at a time in UTC or never, and counts failures from 0."""
    mesh = arena.unmade()
    _is_credential(mesh)
    mesh.ensure()
    _is_credential(mesh)


def _is_credential(mesh: Mesh) -> None:
    for deep in (False, True):
        fault = credential_fault(_credential_of(mesh, deep=deep))
        require(not fault, f"health(deep={deep}): {fault}")


def _credential_of(mesh: Mesh, *, deep: bool) -> object:
    found: list[object] = []
    raised_by(lambda: found.append(mesh.provider.health(deep=deep)))  # others ask if it raises
    return getattr(found[0], "credential", None) if found else None


@CHECKS.check(
    "health.quick",
    Level.L0,
    why="A health check that asks a slow backend makes its caller time out, and a working server"
    " is taken out of service.",
    sources=("ca_core.contract Provider.health", "S11"),
    fix="Answer the shallow question from memory; only `deep` may ask the backend.",
)
def health_quick(arena: Arena) -> None:
    """Shallow `health` takes less than 50 ms."""
    mesh = arena.unmade()
    spent = min(_seconds(lambda: raised_by(mesh.provider.health)) for _ in range(_TRIES))
    require(spent < _QUICK_SECONDS, f"the quickest of {_TRIES} took {spent * 1000:.0f} ms")


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@CHECKS.check(
    "probe.exists",
    Level.L0,
    why="A plan that takes an authority for new, or for there, is a plan for something else.",
    sources=("S13", "S02", "ca_core.contract Findings"),
    fix="Set `Findings.exists` by whether `trust_chain` would answer.",
)
def probe_exists(arena: Arena) -> None:
    """A probe finds nothing before the authority exists, and finds it afterwards."""
    mesh = arena.unmade()
    require(not _findings(mesh).exists, "it exists, says the probe, before it was made")
    mesh.ensure()
    require(_findings(mesh).exists, "it does not exist, says the probe, after it was made")


def _findings(mesh: Mesh) -> Findings:
    answer: object = mesh.probe()
    if not isinstance(answer, Findings):
        raise Violation(f"probe() returned a {type(answer).__name__}, not Findings")
    return answer


@CHECKS.check(
    "probe.changes-nothing",
    Level.L0,
    why="An operator plans a swap and looks at it; a probe that mounts, logs in for good or makes"
    " a key has begun it.",
    sources=("S11", "S14", "Consul GH-13090"),
    fix="Only read in `probe`.",
)
def probe_changes_nothing(arena: Arena) -> None:
    """A probe changes no state and makes nothing in the backend."""
    mesh = arena.unmade()
    _unchanged_by_probe(arena, mesh)
    mesh.ensure()
    _unchanged_by_probe(arena, mesh)


def _unchanged_by_probe(arena: Arena, mesh: Mesh) -> None:
    before, made = _kept(mesh.cluster), objects(arena)
    mesh.probe()
    changed = sorted(dict(_kept(mesh.cluster).items() ^ before.items()))
    require(not changed, f"the probe changed {', '.join(changed)}")
    require(objects(arena) == made, "the probe made something in the backend")


def _kept(cluster: Cluster) -> dict[str, str | None]:
    return {key: cluster.state.get(key) for key in cluster.state.keys()}  # noqa: SIM118 - no dict
