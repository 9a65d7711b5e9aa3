"""Join tokens and agents: who gets in, who stays out, whose key counts."""

import asyncio
import contextlib
from datetime import timedelta

import pytest

from ca_core.api.membership import JOIN_TOKENS, REJOIN_WITHIN, Membership
from ca_core.errors import ConflictError, DeniedError, NotFoundError
from ca_core.identity.spiffe import AgentId, TrustDomain
from ca_core.lifecycle.rows import AGENTS
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import Change, Transaction
from ca_core.state.store import Store
from ca_core.testing.clock import FakeClock

PIN = "ab" * 32
HOUR = timedelta(hours=1)
OLD, NEW, NEWER, THEIRS = "old", "new", "newer", "theirs"


def agent_id(node="n1", datacenter="dc1"):
    """Return an agent's ID."""
    return AgentId(trust_domain=TrustDomain("mesh"), datacenter=datacenter, node=node)


class World:
    """Membership over memory, with a clock that stands still."""

    def __init__(self, store):
        self.store = store
        self.clock = FakeClock()
        self.members = Membership(store, self.clock)

    async def token(self, node="n1", ttl=HOUR):
        """Make a token; return id and secret."""
        _, text, _ = await self.members.new_token(node, ttl, PIN)
        prefix, token_id, secret, pin = text.split(".")
        assert (prefix, pin) == ("caj1", PIN)
        return token_id, secret

    async def admit(self, token, node="n1", key=OLD, **where):
        """Use a token; the leaf lives an hour."""
        await self.members.admit(
            *token, agent_id(node, **where), key=key, not_after=self.clock.now() + HOUR
        )

    async def joined(self, node="n1", key=OLD):
        """Let an agent in."""
        await self.admit(await self.token(node), node, key)
        return agent_id(node)

    def knows(self, identity, key):
        """Say whether the key proves the agent now."""
        with contextlib.suppress(DeniedError):
            return bool(self.members.member(identity, key))
        return False


@pytest.fixture
def world():
    """Return membership over an empty store."""
    with Store(MemoryEngine()) as store:
        yield World(store)


class TestTokens:
    """Single use, one node, a time."""

    async def test_a_token_lets_its_node_in_once(self, world):
        """The commit that makes the agent takes the token away."""
        token = await world.token()
        await world.admit(token)
        (agent,) = world.members.agents()
        assert (agent.node, agent.keys, agent.joined) == ("n1", (OLD,), world.clock.now())
        with pytest.raises(DeniedError):
            await world.admit(token)

    async def test_every_refusal_is_the_same_sentence(self, world):
        """Unknown, wrong, foreign, expired, used: whoever guesses learns nothing from the words."""
        token_id, secret = token = await world.token()
        used = await world.token("n2")
        await world.admit(used, "n2")
        attempts = [
            (("0" * 16, secret), "n1"),
            ((token_id, "x" * 43), "n1"),
            ((token_id, ""), "n1"),
            ((token_id, "\udcff"), "n1"),
            (token, "n3"),
            (used, "n2"),
        ]
        said = set()
        for attempt, node in attempts:
            with pytest.raises(DeniedError) as refusal:
                await world.admit(attempt, node)
            said.add((str(refusal.value), refusal.value.hint))
        world.clock.advance(HOUR)
        with pytest.raises(DeniedError) as refusal:
            await world.admit(token)
        said.add((str(refusal.value), refusal.value.hint))
        assert len(said) == 1
        assert secret not in str(said)

    async def test_a_token_lives_until_its_expiry_and_not_at_it(self, world):
        """The last moment before counts, the moment itself does not."""
        token = await world.token()
        world.clock.advance(HOUR - timedelta(microseconds=1))
        assert world.members.invited(*token, agent_id()) > 0
        world.clock.advance(timedelta(microseconds=1))
        with pytest.raises(DeniedError):
            world.members.invited(*token, agent_id())

    async def test_looking_at_a_token_does_not_use_it(self, world):
        """A CA that is away between the look and the commit costs no token."""
        token = await world.token()
        before = world.store.snapshot.index
        world.members.invited(*token, agent_id())
        assert world.store.snapshot.index == before
        await world.admit(token)

    async def test_a_race_has_one_winner(self, world):
        """Thirty hosts at once: one agent, and its key is the winner's."""
        token = await world.token()

        async def attempt(number):
            with contextlib.suppress(DeniedError):
                await world.admit(token, key=f"k{number}")
                return f"k{number}"

        winners = [key for key in await asyncio.gather(*map(attempt, range(30))) if key]
        assert len(winners) == 1
        assert world.members.agents()[0].keys == tuple(winners)

    async def test_a_server_that_has_not_heard_of_the_use_refuses_too(self):
        """Two servers, one of them behind: the row decides, not what a server remembers."""
        backend = FakeBackend()
        engine = FakeEngine(backend)
        with Store(FakeEngine(backend)) as ahead, Store(engine) as behind:
            one, two = World(ahead), World(behind)
            token = await one.token()
            engine.hold()
            await one.admit(token)
            with pytest.raises(DeniedError, match="join token"):
                await two.admit(token, key=THEIRS)
            engine.release()
            assert two.members.agents()[0].keys == (OLD,)

    async def test_the_store_holds_no_secret(self, world):
        """Only a digest is kept, and what expired is swept when the next token is made."""
        _, secret = await world.token()
        rows = world.store.snapshot.table(JOIN_TOKENS)
        assert len(rows) == 1
        assert all(secret.encode() not in row.value for row in rows.values())
        world.clock.advance(HOUR)
        token = await world.token("n2")
        assert list(world.store.snapshot.table(JOIN_TOKENS)) == [token[0]]


class TestKeys:
    """Which keys prove an agent."""

    async def test_only_its_own_key_proves_an_agent(self, world):
        """Another key, another node, another datacenter, a stranger: no."""
        one = await world.joined()
        await world.joined("n2", THEIRS)
        assert world.knows(one, OLD)
        for identity, key in (
            (one, THEIRS),
            (one, ""),
            (agent_id("n2"), OLD),
            (agent_id(datacenter="dc2"), OLD),
            (agent_id("n3"), OLD),
        ):
            assert not world.knows(identity, key)

    async def test_during_a_renewal_two_keys_count_and_then_the_new_one(self, world):
        """The old key counts until the new one is used, then never again."""
        one = await world.joined()
        await world.members.expect_key(one, OLD, NEW)
        assert (world.knows(one, OLD), world.knows(one, NEW)) == (True, True)
        await world.members.proved(one, OLD)
        assert (world.knows(one, OLD), world.knows(one, NEW)) == (True, True)
        await world.members.proved(one, NEW)
        assert (world.knows(one, OLD), world.knows(one, NEW)) == (False, True)

    async def test_a_lost_answer_does_not_lock_an_agent_out(self, world):
        """An agent whose answer was lost renews again with the key it has."""
        one = await world.joined()
        await world.members.expect_key(one, OLD, NEW)
        await world.members.expect_key(one, OLD, NEWER)
        assert [world.knows(one, key) for key in (OLD, NEW, NEWER)] == [True, False, True]

    async def test_a_leaf_asked_for_with_the_older_key_is_released(self, world):
        """The agent renewed itself while the leaf was being signed: it is the same agent."""
        one = await world.joined()
        joined = world.members.member(one, OLD).joined
        await world.members.expect_key(one, OLD, NEW)
        await world.members.proved(one, NEW)
        await world.members.fetched(one, joined, world.clock.now() + HOUR)
        (agent,) = world.members.agents()
        assert agent.leaves_until >= world.clock.now() + HOUR

    async def test_a_leaf_for_an_agent_that_was_forgotten_meanwhile_is_not(self, world):
        """Nor if another one has joined under its name since."""
        one = await world.joined()
        joined = world.members.member(one, OLD).joined
        await world.members.forget("n1")
        with pytest.raises(DeniedError):
            await world.members.fetched(one, joined, world.clock.now() + HOUR)
        world.clock.advance(HOUR)
        await world.joined()
        with pytest.raises(DeniedError):
            await world.members.fetched(one, joined, world.clock.now() + HOUR)

    async def test_nobody_expects_a_key_for_somebody_else(self, world):
        """A key is announced by the agent that has one already."""
        one = await world.joined()
        for call in (
            world.members.expect_key(one, THEIRS, NEW),
            world.members.proved(one, THEIRS),
            world.members.renewed(one, THEIRS, world.clock.now()),
        ):
            with pytest.raises(DeniedError):
                await call
        assert world.members.agents()[0].keys == (OLD,)

    async def test_many_calls_at_once_lose_nothing(self, world):
        """Concurrent requests of one agent settle its key without failing."""
        one = await world.joined()
        await world.members.expect_key(one, OLD, NEW)
        later = world.clock.now() + 5 * HOUR
        await asyncio.gather(
            *(world.members.proved(one, NEW) for _ in range(10)),
            world.members.renewed(one, NEW, later),
        )
        (agent,) = world.members.agents()
        assert (agent.keys, agent.leaf_not_after) == ((NEW,), later)

    async def test_a_row_that_never_stands_still_is_a_conflict(self, world):
        """Reading again has an end."""
        one = await world.joined()

        class Restless:
            """A store whose commits always come too late."""

            snapshot = world.store.snapshot

            async def commit_async(self, _transaction):
                raise ConflictError("changed")

        with pytest.raises(ConflictError):
            await Membership(Restless(), world.clock).expect_key(one, OLD, NEW)


class TestReturning:
    """Agents whose leaf expired, and agents that were forgotten."""

    async def test_an_agent_comes_back_within_thirty_days(self, world):
        """From the end of its newest leaf; the last moment counts, the next does not."""
        one = await world.joined()
        world.clock.advance(HOUR + REJOIN_WITHIN)
        assert world.members.returning(one, OLD).node == "n1"
        world.clock.advance(timedelta(microseconds=1))
        with pytest.raises(DeniedError, match="30 days"):
            world.members.returning(one, OLD)

    async def test_only_its_own_key_brings_it_back(self, world):
        """Another agent's key does not."""
        one = await world.joined()
        await world.joined("n2", THEIRS)
        with pytest.raises(DeniedError):
            world.members.returning(one, THEIRS)

    async def test_the_newest_leaf_decides(self, world):
        """A renewal moves the end; an older one noted late does not move it back."""
        one = await world.joined()
        end = world.clock.now() + 100 * HOUR
        await world.members.renewed(one, OLD, end)
        await world.members.renewed(one, OLD, end - HOUR)
        assert world.members.agents()[0].leaf_not_after == end

    async def test_a_forgotten_agent_is_unknown_for_good(self, world):
        """No call about it succeeds, and none of them makes it anew."""
        one = await world.joined()
        await world.members.forget("n1")
        for call in (
            world.members.expect_key(one, OLD, NEW),
            world.members.proved(one, OLD),
            world.members.renewed(one, OLD, world.clock.now() + HOUR),
        ):
            with pytest.raises(DeniedError):
                await call
        with pytest.raises(DeniedError):
            world.members.returning(one, OLD)
        assert world.members.agents() == ()
        with pytest.raises(NotFoundError, match="n1"):
            await world.members.forget("n1")

    async def test_a_renewal_that_races_a_forgetting_does_not_undo_it(self, world):
        """Between the look and the commit the agent is forgotten: it stays forgotten."""
        one = await world.joined()
        store = world.store

        class Late:
            """A store in which the agent is forgotten just before the first commit."""

            snapshot = property(lambda self: store.snapshot)

            async def commit_async(self, transaction):
                store.commit(Transaction(changes=(Change(AGENTS, "n1", None),)))
                return await store.commit_async(transaction)

        with pytest.raises(DeniedError):
            await Membership(Late(), world.clock).renewed(one, OLD, world.clock.now() + 9 * HOUR)
        assert world.members.agents() == ()
