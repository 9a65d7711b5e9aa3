"""A store that fails at every use: typed errors, no answer that is forgotten, and recovery."""

from ca_core.contract import ProviderError
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.disturbing import disturbed, each_moment
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.trying import attempt
from ca_core.testing.conformance.verdict import raised_by, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.faultystore import Moment

CHECKS = Catalogue()


@CHECKS.check(
    "store.outage",
    Level.L3,
    why="A CA that went on in memory while its database was away signed under a key that was gone "
    "after the next restart.",
    sources=("S27", "SPIRE GH-6964"),
    fix="Let the store's `UnavailableError` out; return only what the store has kept.",
)
def store_outage(arena: Arena) -> None:
    """While the store cannot be written, a call fails with a typed error or its answer stands."""

    def failed(moment: Moment) -> bool:
        world, name = disturbed(arena), arena.tempo.new_id("s")
        heir = world.calm.server()
        victim = world.victim(heir)
        world.store.fail(moment)
        chain = attempt(victim.ensure, "ensure_authority()")
        signer = attempt(lambda: victim.prepare(name), "prepare_signer()")
        world.store.heal()
        for found in (chain, signer):
            require(not found.error or found.is_one_of(ProviderError), f"it came to {found}")
        stands = chain.answer is None or chain.answer == heir.ensure()
        stands = stands and (signer.answer is None or signer.answer == heir.prepare(name))
        require(stands, f"an answer given while the store was away is forgotten, {moment}")
        return world.store.reached

    each_moment(failed)


@CHECKS.check(
    "store.recovers",
    Level.L3,
    why="One failed initialisation left a CA initialising for ever, until somebody restarted it.",
    sources=("S15", "Consul GH-10630", "S27"),
    fix="Remember nothing of a failure; look at the store again when you are called again.",
)
def store_recovers(arena: Arena) -> None:
    """Once the store is back, the same object finishes what failed."""

    def failed(moment: Moment) -> bool:
        world, name = disturbed(arena), arena.tempo.new_id("s")
        victim = world.victim(world.calm.server())
        world.store.fail(moment)
        raised_by(lambda: _made(victim, name))
        world.store.heal()
        again = attempt(lambda: _made(victim, name), "the repeat")
        require(again.error is None, f"the repeat came to {again}; it had failed {moment}")
        return world.store.reached

    each_moment(failed)


@CHECKS.check(
    "store.reading",
    Level.L3,
    why="An exception of nobody's is answered with 500 and a stack trace, where a retry would do.",
    sources=("S27", "SPIRE GH-6964", "Consul GH-7012"),
    fix="Let the store's `UnavailableError` out, or translate it; raise nothing else.",
)
def store_reading(arena: Arena) -> None:
    """Signing while the store cannot be read gives a leaf or a typed error."""
    world = disturbed(arena)
    victim = world.victim(_made(world.calm.server()))

    def failed(moment: Moment) -> bool:
        world.store.fail(moment)
        found = attempt(victim.leaf, "sign_leaf()")
        world.store.heal()
        require(not found.error or found.is_one_of(ProviderError), f"sign_leaf() came to {found}")
        return world.store.reached

    each_moment(failed, reads=True)


@CHECKS.check(
    "store.health",
    Level.L3,
    why="A health check that raises takes the page down on which the operator would look.",
    sources=("S28", "SPIRE GH-6590"),
    fix="Catch what the store raises, and say it in `Health.message`.",
)
def store_health(arena: Arena) -> None:
    """Health says that the store is away, and raises nothing."""
    for deep in (False, True):
        world = disturbed(arena)
        victim = world.victim(_made(world.calm.server()))
        world.store.fail(Moment(1, reads=True))
        error = raised_by(lambda deep=deep, victim=victim: victim.provider.health(deep=deep))  # type: ignore[misc] # bound now
        require(error is None, f"health(deep={deep}) raised {type(error).__name__}")


def _made(mesh: Mesh, signer: str | None = None) -> Mesh:
    mesh.ensure()
    mesh.prepare(signer)
    return mesh
