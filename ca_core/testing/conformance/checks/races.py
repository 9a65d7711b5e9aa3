"""Two servers of one cluster that do the same, or the opposite, at the same time."""

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from cryptography import x509

from ca_core.contract import (
    AuthorityRetiredError,
    Capability,
    PendingError,
    RequestError,
    Role,
    Signer,
    SignerUnknownError,
    is_signed_by,
    load_csr,
    spki_der,
)
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.disturbing import disturbed, each_moment
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.trying import LETS_PASS, Attempt, Running, at_once, attempt
from ca_core.testing.conformance.verdict import refusal, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.faultystore import Moment

CHECKS = Catalogue()

AnswerT = TypeVar("AnswerT")

_BY_CREATE = (
    "Decide with `context.state.create` (or `context.secrets.create`, or a unique name of the "
    "backend), and go on with what it returns: the loser of a race returns the winner's."
)


@CHECKS.check(
    "race.authority",
    Level.L3,
    why="A leader that paused goes on while the next one works already: with two roots, half of "
    "the mesh trusts a root that signs nothing.",
    sources=("Consul GH-10826", "Consul GH-11363"),
    fix=_BY_CREATE,
)
def race_authority(arena: Arena) -> None:
    """Two servers that make one authority at once are given the same one."""

    def interrupted(moment: Moment) -> bool:
        world = disturbed(arena)
        rival = world.calm.server()
        paused = world.victim(rival)
        world.store.at(moment, lambda: _beside(lambda: _authority_of(rival)))
        _require_one({_authority_of(paused), _authority_of(rival)}, "authority", moment)
        return world.store.reached

    each_moment(interrupted)
    one = arena.unmade()
    two = one.another()
    found = at_once([lambda: _authority_of(one), lambda: _authority_of(two)], "ensure_authority()")
    answers = _answers(found)
    _require_one(answers, "authority")


@CHECKS.check(
    "race.signer",
    Level.L3,
    why="Two servers that each keep their own signer under one id sign leaves that only one of "
    "them can present a chain for.",
    sources=("Consul GH-10826", "S01"),
    fix=_BY_CREATE,
)
def race_signer(arena: Arena) -> None:
    """Two servers that prepare one signer at once are given the same one."""

    def interrupted(moment: Moment) -> bool:
        world = disturbed(arena)
        rival = world.calm.server()
        rival.ensure()
        paused, name = world.victim(rival), arena.tempo.new_id("s")
        world.store.at(moment, lambda: _beside(lambda: rival.prepare(name)))
        _require_one({paused.prepare(name).chain, rival.prepare(name).chain}, "signer", moment)
        return world.store.reached

    each_moment(interrupted)
    one, name = arena.unmade(), arena.tempo.new_id("s")
    one.ensure()
    two = one.another()
    calls = [lambda: one.prepare(name).chain, lambda: two.prepare(name).chain]
    found = at_once(calls, "prepare_signer()")
    answers = _answers(found)
    _require_one(answers, "signer")


@CHECKS.check(
    "race.install",
    Level.L3,
    why="A chain that replaces an installed one strands every leaf signed below the first.",
    sources=("SPIRE GH-6964", "Consul GH-6542"),
    fix="Install with `create`; if another chain stands, raise `RequestError`.",
    capabilities={Capability.SECONDARY},
    role=Role.SECONDARY,
)
def race_install(arena: Arena) -> None:
    """Of two chains installed at once for one signer, one stands and the other is refused."""
    primary = arena.other_side()

    def interrupted(moment: Moment) -> bool:
        world = disturbed(arena, role=Role.SECONDARY)
        rival, name = world.calm.server(), arena.tempo.new_id("s")
        csr, above = rival.csr(name), primary.provider.trust_chain().certificates
        mine, theirs = ((primary.intermediate(csr), *above) for _ in range(2))
        rivals: list[Attempt[Signer] | None] = []
        world.store.at(moment, lambda: rivals.append(_beside(lambda: rival.install(name, theirs))))
        held = attempt(lambda: world.victim(rival).install(name, mine), "install_intermediate()")
        for chain, first in ((mine, held), *((theirs, found) for found in filter(None, rivals))):
            _require_stands(rival.another(), name, chain, first)
        return world.store.reached

    each_moment(interrupted)


@CHECKS.check(
    "race.retired-signer",
    Level.L3,
    why="A leader that paused while it prepared a signer wakes up after another one retired it: "
    "a signer that comes back to life is one that nobody watches.",
    sources=("Consul GH-9498", "Consul GH-14429"),
    fix="Mark the id as retired with `create`, and look for the mark again after the last write.",
)
def race_retired_signer(arena: Arena) -> None:
    """A signer that is retired while another server still prepares it stays dead."""

    def interrupted(moment: Moment) -> bool:
        world = disturbed(arena)
        rival, name = world.calm.server(), arena.tempo.new_id("s")
        rival.ensure()
        world.store.at(moment, lambda: _beside(lambda: rival.retire_signer(name)))
        attempt(lambda: world.victim(rival).prepare(name), "prepare_signer()")
        if world.store.reached:
            with refusal(SignerUnknownError, of=f"signing by a signer retired {moment}"):
                rival.leaf(rival.ask.leaf(name))
        return world.store.reached

    each_moment(interrupted, first_after=True)


@CHECKS.check(
    "race.retired-authority",
    Level.L3,
    why="A root that is made again behind the back of its retirement has a key that nobody "
    "knows of and nobody will ever remove.",
    sources=("Consul GH-9498", "SPIRE GH-5497"),
    fix="Mark the id as retired with `create`, and look for the mark again after the last write.",
)
def race_retired_authority(arena: Arena) -> None:
    """An authority that is retired while another server still makes it stays dead."""

    def interrupted(moment: Moment) -> bool:
        world = disturbed(arena)
        rival = world.calm.server()
        world.store.at(moment, lambda: _beside(rival.retire))
        attempt(lambda: _authority_of(world.victim(rival)), "ensure_authority()")
        if world.store.reached:
            with refusal(AuthorityRetiredError, of=f"an authority retired {moment}"):
                rival.another().ensure()
        return world.store.reached

    each_moment(interrupted, first_after=True)


@CHECKS.check(
    "race.signing-goes-on",
    Level.L3,
    why="While a new signer is made, which may take minutes, every service still renews its leaf.",
    sources=("S01", "Consul GH-15217"),
    fix="Make a new signer beside the old ones, and touch nothing that signs until it is named.",
)
def race_signing_goes_on(arena: Arena) -> None:
    """Leaves are signed by the old signer at every moment while another server makes a new one."""

    def interrupted(moment: Moment) -> bool:
        world = disturbed(arena)
        rival = world.calm.server()
        rival.ensure()
        old, request = rival.prepare(), rival.ask.leaf(rival.signer)
        signed: list[Attempt[x509.Certificate] | None] = []
        world.store.at(moment, lambda: signed.append(_beside(lambda: rival.leaf(request))))
        world.victim(rival).prepare(arena.tempo.new_id("s"))
        for leaf in filter(None, signed):
            right = leaf.answer is not None and is_signed_by(leaf.answer, old.certificate)
            require(right, f"a leaf under the old signer came to {leaf}, {moment}")
        return world.store.reached

    each_moment(interrupted)


def _authority_of(mesh: Mesh) -> object:
    """Ensure the authority; return its chain, or the key that waits for a corporate signature."""
    try:
        return mesh.patiently(mesh.provider.ensure_authority, mesh.ask.authority()).certificates
    except PendingError as pending:
        return spki_der(load_csr(pending.csr).public_key())


def _beside(call: Callable[[], AnswerT]) -> Attempt[AnswerT] | None:
    """Run a call of another server while this one is held, and return what it came to.

    None: it waits for a lock that this one holds, and ends when this one does.
    """
    running = Running(call, "a call of another server")
    return running.result() if running.is_done_within(LETS_PASS) else None


def _answers(found: Iterable[Attempt[AnswerT]]) -> set[AnswerT | None]:
    for result in found:
        require(result.error is None, f"one of two servers came to {result}")
    return {result.answer for result in found}


def _require_stands(
    fresh: Mesh, name: str, chain: tuple[x509.Certificate, ...], first: Attempt[Signer]
) -> None:
    """Fail unless a repeated installation ends as the first one did, and refuses if it did."""
    again = attempt(lambda: fresh.install(name, chain), "a repeated install_intermediate()")
    require(
        (first.error is None) == (again.error is None),
        f"an installation that raced with another came to {first}, its repeat to {again}",
    )
    if again.error is not None:
        require(again.is_one_of(RequestError), f"a second chain was refused with {again}")


def _require_one(found: Collection[object], what: str, moment: Moment | None = None) -> None:
    when = f", when one was held {moment}" if moment else ""
    require(len(found) == 1, f"two servers were given different {what} certificates{when}")
