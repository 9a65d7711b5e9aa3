"""Tokens at an agent: known at once, gone at once, and gone with their grant when cut off."""

import asyncio
import contextlib
from datetime import timedelta

import msgspec
import pytest

from ca_core.acl.access import Action, LocalRules
from ca_core.acl.grants import GRANT_LIFE
from ca_core.acl.principal import Anonymous, Peer, Token
from ca_core.acl.resolving import TokenRules
from ca_core.acl.tokens import ANONYMOUS_ACCESSOR
from ca_core.agent.exchanges import (
    MOST_EXCHANGES,
    MOST_IN_LINE,
    REFUSED_FOR,
    REMEMBERED_REFUSALS,
)
from ca_core.agent.grants import Grants
from ca_core.agent.heldtokens import IDLE_LIFE, MAX_TOKENS, HeldTokens, mark_of
from ca_core.agent.issuance import LeafIssuer
from ca_core.agent.leaves import LeafCache
from ca_core.agent.rootscache import RootsCache
from ca_core.errors import DeniedError, ProviderError, RateLimitedError, UnavailableError
from ca_core.testing.clock import FakeClock
from ca_core.wire.grants import Granted
from tests.unit.agent.fakes import DATACENTER, passed, settle
from tests.unit.agent.tokenfakes import TokenUpstream

WEB = 'service "web" { policy = "write" }'
ALL = 'service_prefix "" { policy = "write" }'
READ = 'service "web" { policy = "read" }'
SECRET = "secret of ab"
AB = Token("ab")
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
ALICE, BOB = Peer(uid=1000, gid=1000, pid=1), Peer(uid=1001, gid=1001, pid=2)


class House:
    """One agent's tokens and leaves over one fake server, on one fake clock."""

    def __init__(self, default=""):
        self.clock = FakeClock()
        self.upstream = TokenUpstream(self.clock)
        self.grants = Grants(self.upstream, self.clock, self.draw, default)
        local = LocalRules(owner_uid=900, workloads={"web": frozenset({1000})})
        self.may = TokenRules(self.grants, local)
        roots = self.roots = RootsCache(self.upstream, self.clock, self.draw)
        issuer = LeafIssuer(
            self.upstream, roots, self.clock, DATACENTER, self.draw, self.grants.grant_for
        )
        self.leaves = LeafCache(issuer, roots, self.may, self.clock, self.draw)
        self.grants.subscribe(self.leaves.review)

    def draw(self):
        return 0.5

    async def shown(self, secret=SECRET):
        """Return whose a secret is, as a request asks for it."""
        return self.grants.known(secret) or await self.grants.asked(secret)

    def writes(self, who=AB, name="web"):
        """Say whether somebody may be a service."""
        return self.may(who, Action.SERVICE_WRITE, name)


@contextlib.asynccontextmanager
async def house(default="", **tokens):
    """Open a house, run its loops, and close it whatever happens; ``tokens``: accessor = rules."""
    built = House(default)
    built.upstream.rules.update(tokens)
    running = (built.roots.run, built.leaves.run, built.grants.run, built.grants.expire)
    loops = [asyncio.create_task(run()) for run in running]
    await settle()
    try:
        yield built
    finally:
        for loop in loops:
            loop.cancel()
        await built.grants.close()
        await built.leaves.close()
        await asyncio.gather(*loops, return_exceptions=True)


async def gathered(h):
    """Let the agent ask about the tokens that it learned of."""
    await settle()
    await passed(h.clock, timedelta(seconds=0.1), step=timedelta(seconds=0.05))


async def test_a_secret_is_exchanged_once():
    """Whoever shows it again is known without a word to the server."""
    async with house(ab=WEB) as h:
        assert h.grants.known(SECRET) is None
        assert await h.shown() == AB
        assert [await h.shown() for _ in range(5)] == [AB] * 5
        assert h.upstream.exchanged == [SECRET]
        assert h.writes()
        assert not h.writes(name="db")


async def test_all_who_show_it_meanwhile_wait_for_one_answer():
    """And one that gives up does not disturb the others."""
    async with house(ab=WEB) as h:
        h.upstream.gate = asyncio.Event()
        asked = [asyncio.create_task(h.shown()) for _ in range(5)]
        await settle()
        asked[0].cancel()
        h.upstream.gate.set()
        assert await asyncio.gather(*asked[1:]) == [AB] * 4
        assert h.upstream.exchanged == [SECRET]


async def test_few_secrets_are_asked_about_at_once():
    """A program that tries thousands does not fill the way to the server; each gets its answer."""
    async with house(ab=WEB) as h:
        h.upstream.gate = asyncio.Event()
        guesses = [asyncio.create_task(h.shown(f"secret of no{n}")) for n in range(100)]
        honest = asyncio.create_task(h.shown())
        await settle()
        assert len(h.upstream.exchanged) == MOST_EXCHANGES
        h.upstream.gate.set()
        found = await asyncio.gather(*guesses, return_exceptions=True)
        assert {type(one) for one in found} == {DeniedError}
        assert await honest == AB


async def test_whoever_is_in_line_for_the_server_may_go_away():
    """What he asked about is still asked, and nothing is left running at the end."""
    async with house(ab=WEB) as h:
        h.upstream.gate = asyncio.Event()
        guesses = [asyncio.create_task(h.shown(f"secret of no{n}")) for n in range(20)]
        await settle()
        for guess in guesses:
            guess.cancel()
        await settle()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_no_more_are_in_line_than_there_is_room_for():
    """Whoever shows secrets and hangs up, while the server hangs, does not fill the memory."""
    async with house(ab=WEB) as h:
        h.upstream.gate = asyncio.Event()
        for n in range(MOST_IN_LINE + 10):
            guess = asyncio.create_task(h.shown(f"secret of no{n}"))
            await asyncio.sleep(0)
            guess.cancel()
        assert len(h.grants._exchanges._under_way) == MOST_IN_LINE
        with pytest.raises(RateLimitedError, match="being asked about"):
            await h.shown()
        h.upstream.gate.set()
        await settle()
        await passed(h.clock, SECOND)
        assert await h.shown() == AB


async def test_an_unknown_secret_is_refused_from_memory_for_a_moment():
    """Then asked for again: a token that is made now is soon good."""
    async with house() as h:
        for _ in range(3):
            with pytest.raises(DeniedError, match="ACL not found"):
                await h.shown()
        assert len(h.upstream.exchanged) == 1
        h.upstream.has("ab", WEB)
        await passed(h.clock, REFUSED_FOR)
        assert await h.shown() == AB


async def test_what_is_remembered_of_unknown_secrets_is_bounded():
    """A thousand guesses later the first is forgotten, not the memory filled."""
    async with house() as h:
        for number in range(REMEMBERED_REFUSALS + 10):
            with pytest.raises(DeniedError):
                await h.shown(f"guess {number}")
        assert len(h.grants._exchanges._refused) == REMEMBERED_REFUSALS


@pytest.mark.parametrize(
    "error", [UnavailableError("away"), RateLimitedError("slow", retry_after=SECOND)]
)
async def test_a_server_that_cannot_answer_is_no_refusal(error):
    """What it said is told, and the next who shows the secret asks again."""
    async with house(ab=WEB) as h:
        plain = h.upstream.grant

        async def failing(_secret):
            raise error

        h.upstream.grant = failing
        with pytest.raises(type(error)):
            await h.shown()
        h.upstream.grant = plain
        assert await h.shown() == AB


async def test_a_revoked_token_goes_at_once_and_takes_its_leaves_along():
    """The blocked request is told 403; the next is asked about at the server; others stay."""
    async with house(ab=WEB, cd=WEB) as h:
        for secret in (SECRET, "secret of cd"):
            token = await h.shown(secret)
            leaf = await h.leaves.get(token, "web")
        await gathered(h)
        waits = asyncio.create_task(
            h.leaves.get(AB, "web", min_index=leaf.index - 1, wait=5 * MINUTE)
        )
        await settle()
        assert not waits.done()
        assert len(h.leaves) == 2
        h.upstream.revoke("ab")
        await settle()
        with pytest.raises(DeniedError, match="lacks permission 'service:write'"):
            waits.result()
        assert len(h.leaves) == 1
        assert h.grants.known(SECRET) is None
        with pytest.raises(DeniedError, match="ACL not found"):
            await h.shown()
        assert (await h.leaves.get(Token("cd"), "web")).hit


async def test_a_right_that_is_lost_withdraws_what_it_gave():
    """The token stays; the leaf of the service it may no longer be does not."""
    async with house(ab=ALL) as h:
        await h.shown()
        for service in ("web", "db"):
            await h.leaves.get(AB, service)
        await gathered(h)
        h.upstream.has("ab", WEB)
        await settle()
        assert len(h.leaves) == 1
        assert h.grants.known(SECRET) == AB
        with pytest.raises(DeniedError, match='"db"'):
            await h.leaves.get(AB, "db")
        h.upstream.has("ab", ALL)
        await settle()
        assert not (await h.leaves.get(AB, "db")).hit


async def test_an_attempt_under_way_for_a_token_that_went_gives_nothing():
    """The leaf may be signed a moment before; nobody gets it."""
    async with house(ab=WEB) as h:
        await h.shown()
        await gathered(h)
        h.upstream.gate = asyncio.Event()
        asked = asyncio.create_task(h.leaves.get(AB, "web"))
        await settle()
        h.upstream.revoke("ab")
        await settle()
        h.upstream.gate.set()
        with pytest.raises(DeniedError):
            await asked
        assert len(h.leaves) == 0


async def test_cut_off_a_token_is_good_until_its_grant_ends():
    """An outage takes nothing away before the hour, and leaves nothing after it."""
    async with house(ab=WEB) as h:
        await h.shown()
        leaf = await h.leaves.get(AB, "web")
        await gathered(h)
        h.upstream.cut()
        await passed(h.clock, GRANT_LIFE - MINUTE, step=MINUTE)
        assert h.grants.known(SECRET) == AB
        assert (await h.leaves.get(AB, "web")).hit
        waits = asyncio.create_task(h.leaves.get(AB, "web", min_index=leaf.index, wait=10 * MINUTE))
        await settle()
        await passed(h.clock, 2 * MINUTE, step=SECOND)
        with pytest.raises(DeniedError):
            waits.result()
        assert len(h.leaves) == len(h.grants) == 0
        with pytest.raises(UnavailableError):
            await h.shown()
        h.upstream.away = False
        assert await h.shown() == AB


async def test_after_a_long_outage_everybody_has_their_rights_again_within_seconds():
    """Also where nothing changed meanwhile: the agent asks for all that it had to drop."""
    async with house() as h:
        h.upstream.lets('service "db" { policy = "write" }')
        await settle()
        h.upstream.cut()
        await passed(h.clock, 2 * GRANT_LIFE, step=MINUTE)
        assert not h.writes(Anonymous(), "db")
        h.upstream.away = False
        await passed(h.clock, 10 * SECOND, step=SECOND)
        assert h.writes(Anonymous(), "db")


@pytest.mark.parametrize("policy", ["allow", "deny"])
async def test_a_host_that_slept_for_long_asks_with_a_new_grant(policy):
    """Every grant has ended when it wakes; a leaf that is due then is not refused for it."""
    async with house() as h:
        h.upstream.lets('service "db" { policy = "write" }', policy=policy)
        await settle()
        await h.leaves.get(Anonymous(), "db")
        former = h.upstream.shown[-1]
        h.clock.advance(66 * GRANT_LIFE)
        await passed(h.clock, 5 * SECOND, step=SECOND / 4)
        leaf = await h.leaves.get(Anonymous(), "db")
        assert leaf.failure == ""
        assert len(h.upstream.shown) == 2
        assert h.upstream.shown[-1] != former


async def test_in_touch_a_token_never_ends_by_itself():
    """Its grant is renewed with every answer."""
    async with house(ab=WEB) as h:
        await h.shown()
        await passed(h.clock, 5 * GRANT_LIFE, step=MINUTE / 2)
        assert h.grants.known(SECRET) == AB
        assert h.upstream.exchanged == [SECRET]


async def test_a_right_that_did_not_change_wakes_nobody():
    """An unrelated answer keeps leaves and waiting requests."""
    async with house(ab=WEB) as h:
        await h.shown()
        leaf = await h.leaves.get(AB, "web")
        told = []
        h.grants.subscribe(lambda: told.append(1))
        await passed(h.clock, 10 * MINUTE, step=MINUTE / 4)
        assert told == []
        assert (await h.leaves.get(AB, "web")).index == leaf.index


async def test_callers_without_a_token_have_the_anonymous_ones_rights():
    """Told by the server; gone when it takes them back."""
    async with house() as h:
        assert not h.writes(Anonymous(), "db")
        h.upstream.lets('service "db" { policy = "write" }')
        await settle()
        assert h.writes(Anonymous(), "db")
        assert h.writes(Token(ANONYMOUS_ACCESSOR), "db")
        assert await h.shown("anonymous") == Token(ANONYMOUS_ACCESSOR)
        await h.leaves.get(Anonymous(), "db")
        h.upstream.lets("")
        await settle()
        assert not h.writes(Anonymous(), "db")
        assert len(h.leaves) == 0


async def test_a_local_user_has_what_is_listed_and_what_everybody_has():
    """Kernel's word or anonymous token; a token that was sent replaces both."""
    async with house(ab=READ) as h:
        h.upstream.lets('service "db" { policy = "write" }')
        await settle()
        assert h.writes(ALICE, "web")
        assert not h.writes(BOB, "web")
        assert h.writes(ALICE, "db")
        assert h.writes(BOB, "db")
        assert not h.writes(await h.shown(), "db")


@pytest.mark.parametrize("policy", ["allow", "manage"])
async def test_what_the_server_allows_by_default_is_allowed_here(policy):
    """Also in an outage: where everything is allowed, nothing is won by forgetting that."""
    async with house(ab='service "db" { policy = "deny" }') as h:
        h.upstream.lets("", policy=policy)
        await settle()
        token = await h.shown()
        assert h.writes(token, "web")
        assert not h.writes(token, "db")
        assert h.may(Anonymous(), Action.ACL_WRITE, "") is (policy == "manage")
        h.upstream.cut()
        await passed(h.clock, 2 * GRANT_LIFE, step=10 * MINUTE)
        assert h.writes(Anonymous())
        assert not h.writes(token)


async def test_before_a_server_answered_nobody_without_a_token_has_anything():
    """An agent that starts cut off gives users what is listed for them, and nothing more."""
    clock = FakeClock()
    upstream = TokenUpstream(clock)
    upstream.away = True
    upstream.policy = "allow"
    grants = Grants(upstream, clock, lambda: 0.5)
    loop = asyncio.create_task(grants.run())
    assert not await grants.heard(MINUTE)
    assert grants(ANONYMOUS_ACCESSOR) is None
    upstream.away = False
    await passed(clock, 10 * SECOND, step=SECOND)
    assert await grants.heard(MINUTE)
    assert grants(ANONYMOUS_ACCESSOR) is not None
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_leaves_are_asked_for_with_the_grant_of_whose_they_are():
    """A token's own; the anonymous one's where that gives the right; none for a listed user."""
    async with house(ab=WEB) as h:
        await h.leaves.get(await h.shown(), "web")
        await h.leaves.get(ALICE, "web")
        await gathered(h)
        h.upstream.lets(ALL)
        await settle()
        await h.leaves.get(BOB, "web")
        said = [grant.split(" ")[0] for grant in h.upstream.shown]
        assert said == ["ab", "", ANONYMOUS_ACCESSOR]


async def test_the_agents_own_token_stands_in_for_none():
    """For users too, beside what is listed for them; it is no longer good when it was revoked."""
    async with house(default=SECRET, ab=ALL) as h:
        assert h.grants.default == SECRET
        assert SECRET not in repr(h.grants)
        await gathered(h)
        assert h.writes(BOB, "db")
        await h.leaves.get(BOB, "db")
        assert h.upstream.shown[-1].startswith("ab")
        h.upstream.revoke("ab")
        await settle()
        assert not h.writes(BOB, "db")
        assert len(h.leaves) == 0
        h.upstream.has("ab", ALL)
        await passed(h.clock, 5 * MINUTE, step=SECOND)
        assert h.writes(BOB, "db")


async def test_a_token_nobody_used_for_three_days_is_forgotten():
    """As a leaf nobody asked for; one in use is kept."""
    async with house(ab=WEB, cd=WEB) as h:
        await h.shown()
        await h.shown("secret of cd")
        for _ in range(80):
            await passed(h.clock, timedelta(hours=1), step=20 * MINUTE)
            h.grants.known("secret of cd")
        assert timedelta(hours=80) > IDLE_LIFE
        assert h.grants.known(SECRET) is None
        assert h.grants.known("secret of cd") == Token("cd")


def granted(accessor, rules=b"[]"):
    """Return a token as a server answers it."""
    return Granted(accessor=accessor, grant="g", seconds=60.0, rules=msgspec.Raw(rules))


def test_the_number_of_tokens_is_bounded():
    """The one that was idle longest makes room; nobody in use does."""
    clock = FakeClock()
    held = HeldTokens(clock)
    for number in range(MAX_TOKENS):
        held.add(granted(f"t{number}"), mark_of(f"s{number}"), clock.now())
    held.forget_idle()
    assert held.shown(mark_of("s0")) == Token("t0")
    held.add(granted("new"), mark_of("new"), clock.now())
    assert len(held) == MAX_TOKENS
    assert held.shown(mark_of("s0")) == Token("t0")
    assert held.shown(mark_of("s1")) is None


@pytest.mark.parametrize("rules", [b"[1]", b'[["service","web",9]]', b'{"a":1}'])
def test_rules_that_cannot_be_read_are_the_servers_fault_and_give_nothing(rules):
    """Neither a right nor a crash."""
    clock = FakeClock()
    held = HeldTokens(clock)
    with pytest.raises(ProviderError, match="rules that cannot be read"):
        held.add(granted("ab", rules), mark_of(SECRET), clock.now())
    assert held.shown(mark_of(SECRET)) is None


def test_no_secret_is_kept():
    """What lies in memory is a digest."""
    clock = FakeClock()
    held = HeldTokens(clock)
    held.add(granted("ab"), mark_of(SECRET), clock.now())
    assert SECRET not in repr(held.held("ab"))
    assert SECRET.encode() not in mark_of(SECRET)


@pytest.mark.parametrize("passing", [timedelta(seconds=59), timedelta(seconds=60)])
def test_a_grant_that_ended_gives_nothing_before_anybody_sweeps_it_away(passing):
    """The end is looked at on every request: a loop may come late, a host may sleep."""
    clock = FakeClock()
    held = HeldTokens(clock)
    held.add(granted("ab"), mark_of(SECRET), clock.now())
    clock.advance(passing)
    good = passing < MINUTE
    assert (held.shown(mark_of(SECRET)) is not None) is good
    assert (held.held("ab") is not None) is good
