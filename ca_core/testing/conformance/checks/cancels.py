"""Callers that give up: too early, or in the middle; what they left is finished by the next one."""

import dataclasses
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from ca_core.contract import (
    OutcomeUnknownError,
    PendingError,
    RateLimitedError,
    UnavailableError,
    is_signed_by,
    spki_der,
)
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.disturbing import disturbed, each_moment
from ca_core.testing.conformance.mesh import Mesh, RequestT
from ca_core.testing.conformance.trying import Attempt, Running, attempt
from ca_core.testing.conformance.verdict import raised_by, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.faultystore import FaultyStore, Killed, Moment

CHECKS = Catalogue()

PROMPTLY = timedelta(seconds=5)
"""A call whose deadline has passed may still finish what it is doing, but waits for nothing."""

_TOO_LATE = (timedelta(seconds=-1), timedelta(milliseconds=1))


@CHECKS.check(
    "cancel.deadline",
    Level.L3,
    why="A call that ignores its deadline holds one of few signing threads, and everybody waits.",
    sources=("Consul GH-12048", "SPIRE GH-6590"),
    fix="Look at `request.deadline` before you wait; past it raise `PendingError`, "
    "`OutcomeUnknownError` or `UnavailableError`.",
)
def cancel_deadline(arena: Arena) -> None:
    """A call whose deadline has passed comes back soon, answered or with an error to retry."""
    mesh = arena.unmade()
    for spare in _TOO_LATE:
        _late(mesh, mesh.provider.ensure_authority, mesh.ask.authority(), spare)
        mesh.ensure()
        _late(mesh, mesh.provider.prepare_signer, mesh.ask.signer(arena.tempo.new_id("s")), spare)
        mesh.prepare()
        _late(mesh, mesh.provider.sign_leaf, mesh.ask.leaf(mesh.signer), spare)


@CHECKS.check(
    "cancel.repeat",
    Level.L3,
    why="What a caller gave up once was refused ever after, under the same request id.",
    sources=("Consul GH-12048", "S15"),
    fix="Let a request id find what was begun; never let it find a failure.",
)
def cancel_repeat(arena: Arena) -> None:
    """A request whose deadline had passed is answered rightly when it is repeated in time."""
    mesh = arena.unmade()
    name, (made, prepared, signed) = (
        arena.tempo.new_id("s"),
        (arena.tempo.new_id("r") for _ in "123"),
    )
    _given_up(mesh.provider.ensure_authority, mesh.ask.authority(request_id=made))
    mesh.ensure(request_id=made)
    _given_up(mesh.provider.prepare_signer, mesh.ask.signer(name, request_id=prepared))
    signer = mesh.prepare(name, request_id=prepared)
    request = mesh.ask.leaf(name, request_id=signed)
    _given_up(mesh.provider.sign_leaf, request)
    leaf = mesh.leaf(request)
    right = is_signed_by(leaf, signer.certificate)
    right = right and spki_der(leaf.public_key()) == spki_der(request.csr.public_key())
    require(right, "the repeated request got another leaf than it asked for")


@CHECKS.check(
    "cancel.torn",
    Level.L3,
    why="A lock or a mark that only an ordinary end takes back stays for ever after another one.",
    sources=("S28", "SPIRE GH-6773", "S15"),
    fix="Take back what you hold in `finally` or with `with`.",
)
def cancel_torn(arena: Arena) -> None:
    """A call that is torn down at any use of the store leaves an object that still works."""

    def making(moment: Moment) -> bool:
        world = disturbed(arena)
        victim = world.victim(world.calm.server())
        return _torn(world.store, moment, victim.ensure)

    each_moment(making)
    world = disturbed(arena)
    victim = world.victim(world.calm.server())
    victim.ensure()

    def preparing(moment: Moment) -> bool:
        name = arena.tempo.new_id("s")
        return _torn(world.store, moment, lambda: victim.prepare(name))

    each_moment(preparing)
    each_moment(lambda moment: _torn(world.store, moment, victim.leaf), reads=True)


def _torn(store: FaultyStore, moment: Moment, call: Callable[[], object]) -> bool:
    """Tear ``call`` down at ``moment``; fail unless its repeat works, say whether it was torn."""
    store.die(moment)
    with suppress(Killed):
        attempt(call, "a call")
    store.heal()
    found = Running(call, "a call after one that was torn down").result()
    require(found.error is None, f"after a call that was torn down {moment} came {found}")
    return store.reached


def _late(
    mesh: Mesh, method: Callable[[RequestT], object], request: RequestT, spare: timedelta
) -> None:
    late = _due_in(request, mesh.cluster.tempo.clock.now() + spare - request.deadline)
    what = f"{getattr(method, '__name__', 'a call')}() past its deadline"
    found: Attempt[object] = Running(lambda: method(late), what).result(PROMPTLY)
    retried = (PendingError, OutcomeUnknownError, UnavailableError, RateLimitedError)
    require(found.error is None or found.is_one_of(*retried), f"{what} came to {found}")


def _given_up(method: Callable[[RequestT], object], request: RequestT) -> None:
    raised_by(lambda: method(_due_in(request, -timedelta(days=1))))


def _due_in(request: RequestT, later: timedelta) -> RequestT:
    return dataclasses.replace(request, deadline=request.deadline + later)
