"""What a server takes of what agents register: from members, for their own node, with a right."""

import asyncio
import re
from contextlib import suppress
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from ca_core.acl.principal import Anonymous, Node, Peer, Token
from ca_core.agent.services import registering
from ca_core.api import newnames, registered_handlers
from ca_core.api.catalognews import joined_at
from ca_core.api.cataloguing import WRITES_AT_ONCE, WRITES_PER_SECOND
from ca_core.api.cluster_handlers import forget
from ca_core.api.livenesskeeping import ROUND_SECONDS
from ca_core.api.registered_handlers import locally_registered, registered
from ca_core.catalog import commits
from ca_core.catalog.hearing import SILENCE
from ca_core.catalog.rows import NODES, SERVICES, TABLES
from ca_core.catalog.views import ViewKey, ViewKind
from ca_core.errors import DeniedError, RateLimitedError, RequestError
from ca_core.identity.spiffe import ServiceId
from ca_core.lifecycle.rows import AGENTS
from ca_core.state.protocol import TOPICS
from ca_core.wire.catalog import CheckStatus
from ca_core.wire.registered import RegisteredAnswer, digest_of
from tests.unit.acl.stored import policy_row, token_row
from tests.unit.api.asking import asking
from tests.unit.api.holding import revoke
from tests.unit.api.test_granting import cluster, kept
from tests.unit.catalog.registering import check, instance, native, proxy, state
from tests.unit.catalog.test_bounds import HOSTILE

OPERATOR = Peer(uid=0, gid=0, pid=1)


async def told(built, caller, wanted):
    """Let an agent say what is registered with it."""
    body = wanted if isinstance(wanted, bytes) else msgspec.json.encode(wanted)
    answer = await registered(built.room, asking(method="PUT", body=body, principal=caller))
    return msgspec.json.decode(answer.body, type=RegisteredAnswer)


async def shown(built, kind, name):
    """Return a view's value."""
    answer = await built.room.views.get(ViewKey(kind, name), wait=timedelta())
    return answer.value


async def ids(built, name):
    """Return node and id of the instances of a service."""
    found = await shown(built, ViewKind.SERVICE, name)
    return [(one.node.node, one.service.id) for one in found]


def counting(built):
    """Return the list to which every commit of the catalog is added."""
    commits = []

    def follow(_, commit):
        if any(change.table in TABLES for change in commit.changes):
            commits.append(commit)

    built.server.store.follow(follow)
    return commits


async def test_what_an_agent_registers_is_shown_on_its_node():
    """With the digest that it worked out; the same again writes nothing."""
    async with cluster() as built:
        commits = counting(built)
        wanted = state(native(checks=[check()]), checks=(check("disk"),))
        answer = await told(built, built.n1, wanted)
        assert answer == RegisteredAnswer(digest=digest_of(wanted))
        assert await ids(built, "web") == [("n1", "web-1")]
        assert await told(built, built.n1, wanted) == answer
        assert len(commits) == 1
        await told(built, built.n2, wanted)
        assert await ids(built, "web") == [("n1", "web-1"), ("n2", "web-1")]


async def test_metrics_tell_the_size_of_the_catalog():
    """Asked at every scrape; no name is a label."""
    async with cluster() as built:
        await told(built, built.n1, state(native("1"), native("2"), instance("3", "db")))
        await told(built, built.n2, state())
        with built.room.catalog.liveness.parked("n1"):
            text = built.server.metrics.exposition()[0].decode()
        shown_ = dict(re.findall(r'ca_core_catalog_entries\{kind="(\w+)"\} ([0-9.]+)', text))
        assert shown_ == {
            "nodes": "2.0",
            "silent_nodes": "0.0",
            "services": "2.0",
            "instances": "3.0",
            "parked_agents": "1.0",
        }


@pytest.mark.parametrize("who", ["nobody", "operator", "token", "service", "stranger"])
async def test_only_a_member_speaks_and_only_for_its_own_node(who):
    """Neither an operator nor a token, neither a service's leaf nor that of an agent unknown."""
    async with cluster() as built:
        other = Node(identity=built.n2.identity, key_digest=built.n1.key_digest)
        web = ServiceId(
            trust_domain=built.n1.identity.trust_domain, datacenter="dc1", service="web"
        )
        callers = {
            "nobody": Anonymous(loopback=True),
            "operator": OPERATOR,
            "token": Token("ab"),
            "service": Node(identity=web, key_digest=built.n1.key_digest),
            "stranger": other,
        }
        with pytest.raises(DeniedError):
            await told(built, callers[who], state(native()))
        assert not built.server.store.snapshot.table(SERVICES)


async def test_nothing_in_a_state_names_another_node():
    """A check that says so is refused; there is no other place to say it."""
    async with cluster() as built:
        with pytest.raises(RequestError, match="Node"):
            await told(built, built.n1, state(checks=(check(node="n2"),)))
        with pytest.raises(RequestError, match="unknown field"):
            await told(built, built.n1, b'{"Node": "n2"}')
        assert not built.server.store.snapshot.table(NODES)


async def test_an_agent_that_does_not_vouch_needs_a_token_for_each_name():
    """What is refused is named with what it lacks; the rest is taken."""
    async with cluster(vouch=False) as built:
        grant = (await built.exchanged(built.n1)).grant
        stolen = (await built.exchanged(built.n2)).grant
        answer = await told(
            built,
            built.n1,
            state(
                native("1", grant=grant),
                native("2"),
                native("3", "db", grant=grant),
                proxy("4", of="web", grant=grant),
                native("5", grant=stolen),
            ),
        )
        assert {one.id for one in answer.refused} == {"2", "3", "4", "5"}
        reasons = {one.id: one.reason for one in answer.refused}
        assert "AccessorID 'ab' lacks permission 'service:write' on \"db\"" in reasons["3"]
        assert 'on "web-proxy"' in reasons["4"]
        assert "another agent" in reasons["5"]
        assert grant not in str(answer)
        assert await ids(built, "web") == [("n1", "1")]


async def test_a_proxy_needs_the_right_on_its_destination_too():
    """Else anybody could stand in front of ``web``."""
    async with cluster(vouch=False) as built:
        mine = policy_row("mine", 'service "web-proxy" { policy = "write" }')
        await kept(built, mine, token_row("cd", policies=(mine.id,)))
        grant = (await built.exchanged(built.n1, "secret of cd")).grant
        answer = await told(built, built.n1, state(proxy("4", of="web", grant=grant)))
        assert 'on "web"' in answer.refused[0].reason
        assert await shown(built, ViewKind.CONNECT, "web") == ()


async def test_the_health_of_what_runs_here_needs_no_token_any_more():
    """A revoked token leaves its instance, as Consul does; it must not look well for ever."""
    async with cluster(vouch=False) as built:
        grant = (await built.exchanged(built.n1)).grant
        await told(built, built.n1, state(native(grant=grant, checks=[check()])))
        await asyncio.to_thread(revoke, built.server.store, "ab")
        ill = native(checks=[check(status=CheckStatus.CRITICAL)])
        assert (await told(built, built.n1, state(ill))).refused == ()
        (found,) = await shown(built, ViewKind.SERVICE, "web")
        assert found.checks[-1].status is CheckStatus.CRITICAL
        changed = native(port=1, checks=[check()])
        assert [one.id for one in (await told(built, built.n1, state(changed))).refused] == [
            "web-1"
        ]
        (found,) = await shown(built, ViewKind.SERVICE, "web")
        assert (found.service.port, found.checks[-1].status) == (8080, CheckStatus.PASSING)


async def test_the_digest_is_that_of_what_was_taken():
    """With something refused it is not what the agent has: it is told so by the answer."""
    async with cluster(vouch=False) as built:
        grant = (await built.exchanged(built.n1)).grant
        answer = await told(built, built.n1, state(native("1", grant=grant), native("2")))
        assert answer.digest == digest_of(state(native("1")))


async def test_a_forgotten_agent_takes_everything_with_it():
    """At once, and it cannot register any more."""
    async with cluster() as built:
        await told(built, built.n1, state(native()))
        await told(built, built.n2, state(native()))
        await forget(built.room, asking(method="DELETE", principal=OPERATOR, node="n1"))
        assert await ids(built, "web") == [("n2", "web-1")]
        with pytest.raises(DeniedError):
            await told(built, built.n1, state(native()))
        assert set(built.server.store.snapshot.table(NODES)) == {"n2"}


async def test_an_agent_forgotten_while_it_registers_leaves_nothing():
    """Between the first of its commits and the last."""
    async with cluster() as built:
        store, forgotten = built.server.store, []
        loop = asyncio.get_running_loop()

        def follow(_, commit):
            if not forgotten and any(change.table == SERVICES for change in commit.changes):
                asked = asking(method="DELETE", principal=OPERATOR, node="n1")
                forgotten.append(asyncio.run_coroutine_threadsafe(forget(built.room, asked), loop))

        store.follow(follow)
        many = state(*(native(f"{number:04}", f"s{number}") for number in range(600)))
        with suppress(DeniedError):
            await told(built, built.n1, many)
        await asyncio.wrap_future(forgotten[0])
        assert not store.snapshot.table(SERVICES)
        assert not store.snapshot.table(NODES)


async def test_what_an_agent_writes_holds_only_while_it_is_a_member():
    """Every commit expects the row that makes it one, as it was read."""
    async with cluster() as built:
        agent, view = built.n1.identity, built.server.store.snapshot
        by = registered_handlers._member(built.room, agent, joined_at(view, agent), view)
        assert by.member == {(AGENTS, "n1"): view.get(AGENTS, "n1").version}
        transaction = commits.registered(
            built.room.catalog.following.now, by, state(native()), now=built.clock.now()
        )
        assert transaction.expect[AGENTS, "n1"] == view.get(AGENTS, "n1").version


async def test_an_agent_in_the_servers_own_process_registers_alike():
    """It did not join; the same rules hold, and the same digest."""
    async with cluster() as built:
        wanted = state(native())
        answer = await locally_registered(built.room, built.n1.identity, built.n1, wanted)
        assert answer.digest == digest_of(wanted)
        wrong = state(instance(port=-1))
        with pytest.raises(RequestError):
            await locally_registered(built.room, built.n1.identity, built.n1, wrong)


BODIES = (
    b"",
    b"null",
    b"[]",
    b'{"Services": [{}]}',
    b'{"Services": [{"Service": {"ID": "a", "Service": "a", "Port": 1e99}}]}',
    b'{"Services": [{"Service": {"ID": "a", "ID": "b", "Service": "a"}}]}',
    b'{"Meta": {"a": "\\ud800"}}',
    b'{"Services": ' + b"[" * 100_000,
    b'{"Checks": [{"CheckID": "a", "Status": "maintenance"}]}',
    b'{"Checks": [{"CheckID": "a", "CreateIndex": 99999999999999999999}]}',
    b"\xff\xfe",
)


async def test_what_is_no_state_is_a_request_error():
    """Never a bug of ours; and nothing of it is written."""
    async with cluster() as built:
        for body in BODIES:
            with pytest.raises(RequestError):
                await told(built, built.n1, body)
        assert not built.server.store.snapshot.table(NODES)


def test_whatever_is_sent_is_answered():
    """A state that is taken, or a request error."""

    async def all_of_them():
        async with cluster() as built:
            await asyncio.to_thread(_send_everything, built, asyncio.get_running_loop())

    asyncio.run(all_of_them())


def _send_everything(built, loop):
    @given(HOSTILE)
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def send(body):
        sent = told(built, built.n1, msgspec.json.encode(body))
        try:
            asyncio.run_coroutine_threadsafe(sent, loop).result(10)
        except RequestError:
            return

    send()


async def test_a_running_server_notices_that_an_agent_is_silent():
    """By itself: nobody asks for it."""
    async with cluster() as built:
        await told(built, built.n1, state(native()))
        views, store = built.room.views, built.server.store
        statuses, own = [], f"lease/server/{built.room.catalog.server}"
        while CheckStatus.CRITICAL not in statuses:
            assert len(statuses) < 20
            found = await views.get(ViewKey(ViewKind.SERVICE, "web"), wait=timedelta())
            statuses.append(found.value[0].checks[0].status)
            while not built.room.catalog.arrivals:
                await asyncio.sleep(0.001)
            index = store.snapshot.topic_index(own)
            built.clock.advance(timedelta(seconds=ROUND_SECONDS))
            assert await store.wait((own,), index, 5.0)
        assert len(statuses) >= SILENCE.total_seconds() / ROUND_SECONDS


def wide(beginning, count=50):
    """Return a state with so many services of names that begin so."""
    return state(*(instance(f"{beginning}{n:05}", f"{beginning}{n:05}") for n in range(count)))


async def test_an_agent_that_goes_on_inventing_names_is_slowed_down(monkeypatch):
    """What was registered before may come again; other nodes, and a few names, are not held up."""
    monkeypatch.setattr(newnames, "AT_ONCE", 100.0)
    async with cluster() as built:
        await told(built, built.n1, wide("a"))
        await told(built, built.n1, wide("b"))
        topics = len(built.server.store.snapshot.table(TOPICS))
        for beginning in ("c", "d", "e"):
            answer = await told(built, built.n1, wide(beginning))
            assert len(answer.refused) == 50
            assert "new names came from this node" in answer.refused[0].reason
        assert len(built.server.store.snapshot.table(TOPICS)) == topics
        await told(built, built.n1, wide("a"))
        await told(built, built.n2, wide("c", 10))
        await told(built, built.n1, wide("c", 10))  # nobody's any more, and no longer new


async def test_names_that_are_too_many_hold_up_nothing_else_of_their_node(monkeypatch):
    """One program that invents names must not hide that another one's service is ill."""
    monkeypatch.setattr(newnames, "AT_ONCE", 10.0)
    async with cluster() as built:
        await told(built, built.n1, state(native(checks=[check()])))
        ill = native(checks=[check(status=CheckStatus.CRITICAL)])
        wanted = state(*wide("a").services, ill)
        answer = await told(built, built.n1, wanted)
        assert {one.id for one in answer.refused} == {one.service.id for one in wide("a").services}
        (found,) = await shown(built, ViewKind.SERVICE, "web")
        assert CheckStatus.CRITICAL in {one.status for one in found.checks}


async def test_an_agent_has_so_much_written_and_no_more():
    """One whose services change all the time does not keep a server from the others."""
    async with cluster() as built:
        commits = counting(built)
        for number in range(int(WRITES_AT_ONCE / 2)):
            await told(built, built.n1, state(native(meta={"n": str(number)})))
        with pytest.raises(RateLimitedError, match="too often on node 'n1'"):
            await told(built, built.n1, state(native()))
        assert len(commits) == pytest.approx(WRITES_AT_ONCE / 2, abs=2)
        await told(built, built.n2, state(native()))
        built.clock.advance(timedelta(seconds=2 / WRITES_PER_SECOND))
        await told(built, built.n1, state(native()))


def test_an_agent_tells_less_often_of_itself_than_it_may():
    """Also where each telling takes a few commits."""
    assert 2 * registering.AT_ONCE < WRITES_AT_ONCE
    assert 4 * registering.PER_SECOND < WRITES_PER_SECOND
