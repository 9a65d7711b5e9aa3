"""What a server gives an agent for a token, and what it takes from it."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random

import msgspec
import pytest

from ca_core.acl.access import LocalRules
from ca_core.acl.grants import GRANT_LIFE
from ca_core.acl.principal import Node, Peer, Token
from ca_core.acl.rights import DefaultPolicy
from ca_core.acl.tokens import ANONYMOUS_ACCESSOR
from ca_core.acl.wirerules import WireRule
from ca_core.api.cluster_handlers import sign
from ca_core.api.grant_handlers import grant
from ca_core.api.granting import GUESSES_AT_ONCE
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.api.watch_handlers import watch
from ca_core.authority.record import LEDGER
from ca_core.authority.registry import Registry
from ca_core.config.model import Config
from ca_core.errors import DeniedError, RateLimitedError, RequestError
from ca_core.identity.certificates import spki_digest
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import AgentId
from ca_core.testing.clock import FakeClock
from ca_core.wire.grants import Granted
from ca_core.wire.watch import WatchAnswer
from tests.unit.acl.stored import policy_row, token_row
from tests.unit.api.asking import asking
from tests.unit.api.holding import keep, revoke
from tests.unit.api.test_cluster_handlers import World

WEB = policy_row("web", 'service "web" { policy = "write" }')
TOKEN = token_row("ab", policies=(WEB.id,))
SECRET = "secret of ab"
SECOND = timedelta(seconds=1)
WITHIN = 10.0
"""Seconds of the machine's time; the clock of the servers stands meanwhile."""


class Cluster(World):
    """A server with two agents, and a token that may be ``web``."""

    async def admit(self, node):
        """Join an agent, and return how it calls."""
        key = new_leaf_key()
        identity = AgentId(
            trust_domain=self.server.manager.trust_domain, datacenter="dc1", node=node
        )
        end = self.clock.now() + timedelta(days=3)
        _, text, _ = await self.room.membership.new_token(node, timedelta(hours=1), "0" * 64)
        token_id, secret = text.split(".")[1:3]
        digest = spki_digest(key.public_key())
        await self.room.membership.admit(token_id, secret, identity, key=digest, not_after=end)
        return Node(identity=identity, key_digest=digest)

    async def exchanged(self, caller, secret=SECRET):
        """Exchange a secret."""
        body = msgspec.json.encode({"Secret": secret})
        answer = await grant(self.room, asking(body=body, principal=caller))
        return msgspec.json.decode(answer.body, type=Granted)

    async def followed(self, caller, *held, digest="", wait="60s"):
        """Ask what became of grants."""
        body = msgspec.json.encode({"Grants": {"Grants": held, "Digest": digest}, "Wait": wait})
        answer = await watch(self.room, asking(body=body, principal=caller))
        return msgspec.json.decode(answer.body, type=WatchAnswer).grants

    async def signed(self, caller, service, grant="", **names):
        """Have a leaf signed; return who had it, for the record."""
        csr = csr_pem(leaf_csr(new_leaf_key(), self.service(service), *names.values()))
        body = msgspec.json.encode({"CSR": csr, "Grant": grant})
        await sign(self.room, asking(body=body, principal=caller))
        self.server.store.flush()
        rows = self.server.store.read(LEDGER)
        return msgspec.json.decode(rows[-1].value)["principal"]

    @property
    def by_token(self):
        """Return how the record names the token's holder at the first agent."""
        return f"token:ab through node {self.n1.identity}"

    def service(self, name):
        """Return a service's identity."""
        return replace(self.web, service=name)


@asynccontextmanager
async def cluster(*, vouch=True, policy=DefaultPolicy.DENY):
    """Run a server, two agents, and the token."""
    clock = FakeClock()
    around = Surroundings(
        clock=clock,
        may=LocalRules(owner_uid=0, agents_vouch=vouch),
        registry=Registry(),
        random=Random(1),
        environment={},
        policy=policy,
    )
    server = await asyncio.to_thread(Server, Config(), memory_state(), around)
    server.start()
    try:
        async with asyncio.timeout(30):
            await server.ready()
        built = Cluster(server, clock)
        await asyncio.to_thread(keep, server.store, TOKEN, WEB)
        built.n1, built.n2 = await built.admit("n1"), await built.admit("n2")
        yield built
    finally:
        await server.close()


async def kept(built, *rows):
    """Write tokens and policies, as another thread would."""
    await asyncio.to_thread(keep, built.server.store, *rows)


async def test_a_secret_is_exchanged_for_rights_and_a_grant():
    """The rules travel with it; the secret does not come back."""
    async with cluster() as built:
        granted = await built.exchanged(built.n1)
        assert granted.accessor == "ab"
        assert granted.seconds == GRANT_LIFE.total_seconds()
        rules = msgspec.json.decode(granted.rules, type=tuple[WireRule, ...])
        assert {(r.resource, r.name) for r in rules} == {("service", "web"), ("intention", "web")}
        assert SECRET not in granted.grant
        assert SECRET not in repr(granted)


async def test_only_agents_may_exchange():
    """Neither a user of the server nor the holder of a token."""
    async with cluster() as built:
        for caller in (None, Peer(uid=0, gid=0, pid=1), Token("ab")):
            with pytest.raises(DeniedError, match="only agents"):
                await built.exchanged(caller)
            with pytest.raises(DeniedError, match="only agents"):
                await built.followed(caller)


async def test_with_a_grant_the_token_decides():
    """Its rules, not the agent's word; and the record says whose leaf it is."""
    async with cluster() as built:
        grant = (await built.exchanged(built.n1)).grant
        assert await built.signed(built.n1, "web", grant) == built.by_token
        with pytest.raises(DeniedError, match=r"AccessorID 'ab' lacks .*service:write' on \"db\""):
            await built.signed(built.n1, "db", grant)
        with pytest.raises(DeniedError, match="operator:write"):
            await built.signed(built.n1, "web", grant, names=("bank.example",))


@pytest.mark.parametrize("vouch", [True, False])
async def test_without_a_grant_it_is_a_setting_whether_the_agent_vouches(vouch):
    """``agents_sign = "granted"``: nobody's word but a token's."""
    async with cluster(vouch=vouch) as built:
        if vouch:
            assert (await built.signed(built.n1, "db")).startswith("node spiffe://")
        else:
            with pytest.raises(DeniedError, match="service:write"):
                await built.signed(built.n1, "db")
        grant = (await built.exchanged(built.n1)).grant
        assert await built.signed(built.n1, "web", grant) == built.by_token


async def test_a_grant_is_good_on_its_agents_connection_alone():
    """Another joined agent that stole it has nothing."""
    async with cluster() as built:
        grant = (await built.exchanged(built.n1)).grant
        with pytest.raises(DeniedError, match="another agent"):
            await built.signed(built.n2, "web", grant)
        assert (await built.followed(built.n2, grant)).granted == ()
        assert [g.accessor for g in (await built.followed(built.n1, grant)).granted] == ["ab"]


async def test_a_grant_ends_with_its_hour_and_with_its_token():
    """Whichever comes first; then the secret has to be shown again."""
    async with cluster() as built:
        grant = (await built.exchanged(built.n1)).grant
        built.clock.advance(GRANT_LIFE)
        with pytest.raises(DeniedError, match="expired"):
            await built.signed(built.n1, "web", grant)
        assert (await built.followed(built.n1, grant)).granted == ()
        fresh = (await built.exchanged(built.n1)).grant
        await asyncio.to_thread(revoke, built.server.store, "ab")
        with pytest.raises(DeniedError, match="ACL not found"):
            await built.signed(built.n1, "web", fresh)
        with pytest.raises(DeniedError, match="ACL not found"):
            await built.exchanged(built.n1)


async def test_a_grant_comes_renewed_with_every_answer():
    """An agent in touch never runs out."""
    async with cluster() as built:
        grant = (await built.exchanged(built.n1)).grant
        built.clock.advance(GRANT_LIFE / 2)
        (renewed,) = (await built.followed(built.n1, grant)).granted
        built.clock.advance(GRANT_LIFE / 2 + SECOND)
        assert await built.signed(built.n1, "web", renewed.grant) == built.by_token


async def test_news_is_told_at_once_and_nothing_else():
    """A token's rules, its end, the anonymous token; not what somebody else's token may."""
    async with cluster() as built:
        grant = (await built.exchanged(built.n1)).grant
        known = await built.followed(built.n1, grant)

        async def told(*rows):
            nonlocal known
            waits = asyncio.create_task(built.followed(built.n1, grant, digest=known.digest))
            await asyncio.sleep(0.02)
            assert not waits.done()
            await kept(built, *rows)
            known = await asyncio.wait_for(waits, WITHIN)
            return known

        narrower = policy_row("web", 'service "web" { policy = "read" }')
        assert b'"service","web",1' in bytes((await told(narrower)).granted[0].rules)
        anonymous = token_row(ANONYMOUS_ACCESSOR, policies=(WEB.id,))
        assert (await told(anonymous)).anonymous.accessor == ANONYMOUS_ACCESSOR
        waits = asyncio.create_task(built.followed(built.n1, grant, digest=known.digest))
        await kept(built, token_row("cd", policies=(WEB.id,)))
        await asyncio.sleep(0.1)
        assert not waits.done()
        await asyncio.to_thread(revoke, built.server.store, "ab")
        assert (await asyncio.wait_for(waits, WITHIN)).granted == ()


async def test_a_token_that_expires_is_told_like_one_that_was_deleted():
    """Nobody commits anything at that moment."""
    async with cluster() as built:
        ends = built.clock.now() + timedelta(seconds=1.2)
        await kept(built, msgspec.structs.replace(TOKEN, expires=ends))
        granted = await built.exchanged(built.n1)
        assert 0 < granted.seconds <= 1.2
        known = await built.followed(built.n1, granted.grant)
        built.clock.advance(2 * SECOND)
        told = await built.followed(built.n1, granted.grant, digest=known.digest)
        assert told.granted == ()


async def test_guessing_costs_and_one_agent_slows_itself_alone():
    """After so many unknown secrets it is told when to come back; others are not."""
    async with cluster() as built:
        for number in range(int(GUESSES_AT_ONCE)):
            with pytest.raises(DeniedError, match="ACL not found"):
                await built.exchanged(built.n1, f"guess {number}")
        with pytest.raises(RateLimitedError) as caught:
            await built.exchanged(built.n1)
        assert timedelta() < caught.value.retry_after <= SECOND
        assert (await built.exchanged(built.n2)).accessor == "ab"
        built.clock.advance(caught.value.retry_after)
        assert (await built.exchanged(built.n1)).accessor == "ab"


async def test_a_request_for_far_too_much_is_refused():
    """Nobody holds that many tokens."""
    async with cluster() as built:
        with pytest.raises(RequestError, match="more than"):
            await built.followed(built.n1, *["x"] * 2001)
        assert (await built.followed(built.n1, "x", "a.b", "é.é")).granted == ()


async def test_a_forgotten_agents_grants_are_worth_nothing():
    """It is no member any more, whatever it holds."""
    async with cluster() as built:
        grant = (await built.exchanged(built.n1)).grant
        await built.room.membership.forget("n1")
        for asked in (built.exchanged(built.n1), built.followed(built.n1, grant)):
            with pytest.raises(DeniedError, match="not a member"):
                await asked


async def test_the_key_of_grants_lies_sealed_in_the_store():
    """Made at the first use; two servers on one store use the same."""
    async with cluster() as built:
        await built.exchanged(built.n1)
        rows = built.server.store.snapshot.table("secrets")
        key = await built.room.granting._key()
        assert [name for name in rows if name.startswith("acl/")] == ["acl/grant-key"]
        assert key not in rows["acl/grant-key"].value
        assert len(key) == 32
