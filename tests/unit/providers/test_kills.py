"""A server killed before or after any write: the next one finishes, and nothing is doubled."""

import pytest

from ca_core.contract import AuthorityRetiredError, RequestError, SignerUnknownError, pem_chain
from tests.unit.providers.world import Killed, Steps, World, killed_at

KINDS = ("builtin", "slow")
WHEN = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])


def every_kill(kind, call, *, after, least):
    """Yield a world for every write of ``call`` at which a server was killed.

    ``call(world, server)`` works on a world whose authority and signer exist already.
    """
    for step in range(60):
        world = World(kind)
        server = world.started()
        victim = world.server(steps=Steps(killed_at(step), after=after))
        try:
            call(world, victim)
        except Killed:
            yield world, server
        else:
            assert step >= least, f"{kind} wrote only {step} times"
            return


@WHEN
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_authority_is_made_once_whenever_its_maker_dies(kind, after):
    """Killed anywhere on the way to the first leaf, another server ends with one of each."""
    for step in range(60):
        world = World(kind)
        victim = world.server(steps=Steps(killed_at(step), after=after))
        seen = []
        try:
            seen.append(world.ensure(victim))
            seen.append(world.prepare(victim))
            world.sign(victim)
        except Killed:
            pass
        else:
            assert step >= 6
            return
        survivor = world.server()
        made = [world.ensure(survivor), world.prepare(survivor)]
        assert seen == made[: len(seen)], "what had been answered stands"
        assert world.objects() == 2
        world.sign(survivor).verify_directly_issued_by(made[1].certificate)
        assert made == [world.ensure(world.server()), world.prepare(world.server())]


@WHEN
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_retirement_is_finished_by_repeating_it(kind, after):
    """However far ``retire`` came, repeating it leaves only the mark that the id is dead."""

    def call(world, server):
        world.retire(server)

    for world, _ in every_kill(kind, call, after=after, least=3):
        survivor = world.server()
        world.retire(survivor)
        assert world.objects() == 0
        assert world.state.keys() == ("authority/a1/retired",)
        with pytest.raises(AuthorityRetiredError):
            world.ensure(survivor)


@WHEN
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_retirement_of_a_signer_is_finished_by_repeating_it(kind, after):
    """The signer is gone after the repeat, its id is dead, and the rest signs on."""

    def call(world, server):
        world.prepare(server, "s2")
        world.retire_signer(server, "s2")

    for world, server in every_kill(kind, call, after=after, least=6):
        survivor = world.server()
        world.retire_signer(survivor, "s2")
        assert world.objects() == 2
        with pytest.raises(SignerUnknownError):
            world.sign(survivor, "s2")
        with pytest.raises(RequestError):
            world.prepare(survivor, "s2")
        world.sign(server, "s1")


@pytest.mark.parametrize("kind", KINDS)
def test_a_half_retired_signer_never_signs_again_once_its_chain_is_gone(kind):
    """A server that has the key in memory asks the store each time, and refuses."""
    world = World(kind)
    server, other = world.started(), world.server()
    world.sign(other)
    chain = pem_chain(world.prepare(server).chain)
    world.retire_signer(server)
    assert chain not in repr(world.state.keys())
    with pytest.raises(SignerUnknownError):
        world.sign(other)
