"""Lost answers: the backend did it, and nobody heard; a repeat with the same ids finds it."""

from collections.abc import Callable

from ca_core.contract import OutcomeUnknownError, is_signed_by, spki_der
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.counting import objects
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.proxying import Proxied, proxied
from ca_core.testing.conformance.trying import attempt
from ca_core.testing.conformance.verdict import raised_by, require
from ca_core.testing.conformance.words import Level, Need
from ca_core.testing.faults import LOST

CHECKS = Catalogue()

MOST_WRITES = 50
"""A call with more writes than that is cut short: the first ones are tried."""

_NAME_IT = (
    "Give what you make a name that follows from its id, or an idempotency token that you stored "
    "before, and look for it before you make it."
)


@CHECKS.check(
    "lost.leaf",
    Level.L3,
    why="`UnavailableError` says that nothing was done, so the leaf which was signed all the same "
    "is on nobody's record.",
    sources=("S11", "Consul GH-12048", "RFC 9110 §9.2.2"),
    fix="Raise `OutcomeUnknownError` once a request that writes was sent and no answer came.",
    needs={Need.BACKEND},
)
def lost_leaf(arena: Arena) -> None:
    """A leaf whose answer was lost is OutcomeUnknownError, or a second try gave a right one."""
    with proxied(arena) as here:
        request, signer = here.mesh.ask.leaf(here.mesh.signer), here.mesh.prepare(here.mesh.signer)
        here.proxy.plan(LOST, writes_only=True, count=1)
        found = attempt(lambda: here.mesh.provider.sign_leaf(here.soon(request)), "sign_leaf()")
        unknown = found.error is None or found.is_one_of(OutcomeUnknownError)
        require(unknown, f"sign_leaf() whose answer was lost came to {found}")
        here.proxy.heal()
        leaf = found.answer or here.mesh.leaf(request)
        own = spki_der(leaf.public_key()) == spki_der(request.csr.public_key())
        right = own and is_signed_by(leaf, signer.certificate)
        require(right, "the leaf after a lost answer is not the one that was asked for")


@CHECKS.check(
    "lost.authority",
    Level.L3,
    why="A root whose answer was lost was made a second time; agents that had fetched the first "
    "one trusted what signs nothing.",
    sources=("S27", "Consul GH-10826", "SPIRE GH-5497"),
    fix=_NAME_IT,
    needs={Need.BACKEND},
)
def lost_authority(arena: Arena) -> None:
    """Whichever answer of it is lost, a repeat by another object gives one authority that stays."""
    with proxied(arena) as here:

        def tried(losing: Callable[[], None]) -> None:
            request_id, mesh = arena.tempo.new_id("r"), here.unmade()
            losing()
            raised_by(lambda: mesh.ensure(request_id=request_id))
            here.proxy.heal()
            chain = mesh.another().ensure(request_id=request_id)
            signed = is_signed_by(mesh.another().prepare().certificate, chain.primary)
            require(signed, "after a lost answer the authority signs with another key")
            require(mesh.ensure() == chain, "after a lost answer the authority changes")

        _each_lost(here, tried)


@CHECKS.check(
    "lost.signer",
    Level.L3,
    why="A signer made twice under one id signs leaves that its chain does not verify.",
    sources=("S01", "Consul GH-15253", "Vault GH-22980"),
    fix=_NAME_IT,
    needs={Need.BACKEND},
)
def lost_signer(arena: Arena) -> None:
    """Whichever answer of it is lost, a repeat by another object gives one signer that signs."""
    with proxied(arena) as here:

        def tried(losing: Callable[[], None]) -> None:
            name, request_id = arena.tempo.new_id("s"), arena.tempo.new_id("r")
            losing()
            raised_by(lambda: here.mesh.prepare(name, request_id=request_id))
            here.proxy.heal()
            fresh = here.mesh.another()
            signer = fresh.prepare(name, request_id=request_id)
            signed = is_signed_by(fresh.leaf(), signer.certificate)
            require(signed, "after a lost answer the signer does not sign")
            require(here.mesh.prepare(name) == signer, "after a lost answer the signer changes")

        _each_lost(here, tried)


@CHECKS.check(
    "lost.duplicates",
    Level.L3,
    why="What was made and not heard of stays in the backend: nobody knows its name.",
    sources=("S05", "SPIRE GH-5497", "Consul GH-14429"),
    fix=_NAME_IT,
    needs={Need.BACKEND, Need.COUNT_OBJECTS},
)
def lost_duplicates(arena: Arena) -> None:
    """Whichever answer is lost, no more objects are made than without the loss."""
    with proxied(arena) as here:
        most = _objects_of(arena, lambda: _made(here.unmade()))

        def tried(losing: Callable[[], None]) -> None:
            mesh, name = here.unmade(), arena.tempo.new_id("s")

            def made() -> None:
                losing()
                raised_by(lambda: _made(mesh, name))
                here.proxy.heal()
                raised_by(lambda: _made(mesh.another(), name))

            more = _objects_of(arena, made) - most
            require(more <= 0, f"{more} objects more in the backend after a lost answer")

        _each_lost(here, tried)


def _each_lost(here: Proxied, tried: Callable[[Callable[[], None]], None]) -> None:
    """Try with the answer to the first write lost, to the second, until there are no more."""
    for number in range(1, MOST_WRITES + 1):
        starts: list[int] = []

        def losing(number: int = number, starts: list[int] = starts) -> None:
            here.proxy.plan(LOST, writes_only=True, first=number, count=1)
            starts.append(here.proxy.spoilt)

        tried(losing)
        if here.proxy.spoilt == starts[0]:
            return


def _made(mesh: Mesh, signer: str | None = None) -> None:
    mesh.ensure()
    mesh.prepare(signer)


def _objects_of(arena: Arena, call: Callable[[], None]) -> int:
    before = objects(arena)
    call()
    return objects(arena) - before
