"""Two servers, two provider objects, one cluster: whoever is second gets what the first made.

The deterministic races pause server A just before one of its writes (it has read that nothing is
there), let server B do the whole call, and let A go on. That is repeated for each of A's writes.
"""

import contextlib
import threading

import pytest

from ca_core.contract import AuthorityRetiredError, KeySpec, KeyType, RequestError, pem_chain
from ca_core.testing.slow_backend import TOKEN_LIFE
from tests.unit.providers.world import KINDS, Killed, Steps, World, killed_at

MAKING = ("ensure", "prepare")


def outcome(world, call, server):
    """Return what a making call answered, as PEM: comparable between servers."""
    if call == "ensure":
        return pem_chain(world.ensure(server).certificates)
    return pem_chain(world.prepare(server).chain)


def raced(kind, call, pause_at, meanwhile):
    """Run ``call`` on A, and ``meanwhile(world)`` just before A's write number ``pause_at``.

    Return the world, A, and A's answer or error; None once A has fewer writes than that.
    """
    world = World(kind)
    if call == "prepare":
        world.ensure(world.server())
    happened = []

    def act(step):
        if step == pause_at and not happened:
            happened.append(True)
            meanwhile(world)

    a = world.server(steps=Steps(act))
    try:
        answer = outcome(world, call, a)
    except (AuthorityRetiredError, RequestError) as error:
        answer = error
    return (world, a, answer) if happened else None


def every_pause(kind, call, meanwhile):
    """Yield ``raced`` for every write of A; at least three of them where the provider writes."""
    for pause_at in range(50):
        found = raced(kind, call, pause_at, meanwhile)
        if found is None:
            assert pause_at >= 3, f"{kind} wrote only {pause_at} times"
            return
        yield found


@pytest.mark.parametrize("call", MAKING)
@pytest.mark.parametrize("kind", ["builtin", "slow"])
def test_the_loser_returns_the_winners(kind, call):
    """Paused before any write, A ends with exactly what B made, and nothing is made twice."""
    won = []
    races = every_pause(kind, call, lambda w: won.append(outcome(w, call, w.server())))
    for world, a, answer in races:
        assert answer == won[-1]
        assert outcome(world, call, a) == outcome(world, call, world.server()) == answer
        world.prepare(a)
        assert world.objects() == 2
        world.sign(a).verify_directly_issued_by(world.prepare(a).certificate)


@pytest.mark.parametrize("call", MAKING)
@pytest.mark.parametrize("kind", ["builtin", "slow"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_rival_that_dies_on_the_way_leaves_one_of_each(kind, call, after):
    """A is paused before a write, B dies at a write of its own, A goes on: all such pairs."""
    for killed_step in range(12):

        def dies(world, killed_step=killed_step):
            victim = world.server(steps=Steps(killed_at(killed_step), after=after))
            with contextlib.suppress(Killed):
                outcome(world, call, victim)

        for world, a, answer in every_pause(kind, call, dies):
            assert outcome(world, call, world.server()) == answer
            world.prepare(a)
            assert world.objects() == 2
            world.sign(world.server()).verify_directly_issued_by(world.prepare(a).certificate)


@pytest.mark.parametrize("call", MAKING)
def test_a_rival_whose_idempotency_token_died_makes_no_second_ca(call):
    """The backend has forgotten B's token when A asks: A's second CA is deleted, B's stands."""

    def meanwhile(world):
        outcome(world, call, world.server())
        world.clock.advance(2 * TOKEN_LIFE)

    for world, a, answer in every_pause("slow", call, meanwhile):
        assert answer == outcome(world, call, world.server())
        world.prepare(a)
        assert world.objects() == 2


@pytest.mark.parametrize("call", MAKING)
@pytest.mark.parametrize("kind", ["builtin", "slow"])
def test_a_call_that_was_overtaken_by_retirement_leaves_nothing(kind, call):
    """A paused holder that wakes after the retirement fails and takes back its traces."""
    for world, a, answer in every_pause(kind, call, lambda w: w.retire(w.server())):
        assert isinstance(answer, AuthorityRetiredError)
        assert world.objects() == 0
        world.retire(a)
        assert world.state.keys() == ("authority/a1/retired",)


@pytest.mark.parametrize("kind", ["builtin", "slow"])
def test_a_signer_that_was_retired_meanwhile_leaves_nothing(kind):
    """A paused ``prepare_signer`` that wakes after that signer was retired leaves only the root."""
    for world, _, answer in every_pause(kind, "prepare", lambda w: w.retire_signer(w.server())):
        assert isinstance(answer, RequestError)
        assert world.objects() == 1


@pytest.mark.parametrize("kind", ["builtin", "slow"])
def test_two_keys_asked_for_one_id_give_one_key(kind):
    """If B asks for another key, exactly one of the two is refused, and one authority exists."""
    other = KeySpec(KeyType.ED25519, 256)
    refused = []

    def meanwhile(world):
        try:
            world.ensure(world.server(), key=other)
        except RequestError as error:
            refused.append(error)

    for world, _, answer in every_pause(kind, "ensure", meanwhile):
        assert isinstance(answer, RequestError) != bool(refused)
        assert world.objects() == 1
        refused.clear()


@pytest.mark.parametrize("kind", KINDS)
def test_eight_threads_make_one_authority_and_one_signer(kind):
    """Real threads that start together agree on everything, and every result signs."""
    world = World(kind)
    barrier = threading.Barrier(8)
    answers, failures = [], []

    def server():
        one = world.server()
        try:
            barrier.wait(10)
            answers.append((outcome(world, "ensure", one), outcome(world, "prepare", one)))
            world.sign(one).verify_directly_issued_by(world.prepare(one).certificate)
        except BaseException as error:  # noqa: BLE001 - a thread's failure must reach the test
            failures.append(error)

    threads = [threading.Thread(target=server) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert len(set(answers)) == 1
    assert len(answers) == 8
    assert world.objects() == 2
