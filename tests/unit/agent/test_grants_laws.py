"""Whatever happens to tokens and to the connection: an agent gives what the server gives.

Connected, exactly that; cut off, what it was when it was cut off, and nothing after an hour.
"""

import asyncio
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.acl.access import Action
from ca_core.acl.grants import GRANT_LIFE
from ca_core.acl.principal import Anonymous, Token
from ca_core.errors import DeniedError, UnavailableError
from tests.unit.agent.fakes import passed, settle
from tests.unit.agent.test_grants import WEB, house

DOCUMENTS = {
    "": set(),
    'service "web" { policy = "write" }': {"web"},
    'service "db" { policy = "write" }': {"db"},
    'service_prefix "" { policy = "write" }': {"web", "db"},
    'service_prefix "" { policy = "write" } service "db" { policy = "deny" }': {"web"},
}
SERVICES = ("web", "db")
NAMES = ("a", "b")
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)

names, documents = st.sampled_from(NAMES), st.sampled_from(sorted(DOCUMENTS))
actions = st.one_of(
    st.tuples(st.just("show"), names),
    st.tuples(st.just("give"), names, documents),
    st.tuples(st.just("revoke"), names),
    st.tuples(st.just("lets"), documents),
    st.tuples(st.just("cut")),
    st.tuples(st.just("mend")),
    st.tuples(st.just("passes"), st.sampled_from([MINUTE, 20 * MINUTE, 70 * MINUTE])),
)


class Played:
    """One story, and what has to be true in it."""

    def __init__(self, h):
        self.h = h
        self.cut_at = None
        self.rules_then = ({}, "")

    async def play(self, what, *about):
        """Let one thing happen, and everything that follows from it."""
        await getattr(self, what)(*about)
        await passed(self.h.clock, 2 * SECOND, step=SECOND / 4)

    async def show(self, name):
        """A program shows a secret."""
        try:
            await self.h.shown(f"secret of {name}")
        except (DeniedError, UnavailableError):
            return

    async def give(self, name, document):
        """Somebody makes or changes a token."""
        self.h.upstream.has(name, document)
        await passed(self.h.clock, 6 * SECOND, step=SECOND)  # a refusal is remembered for less

    async def revoke(self, name):
        """Somebody deletes a token."""
        if name in self.h.upstream.rules:
            self.h.upstream.revoke(name)

    async def lets(self, document):
        """Somebody says what callers without a token may."""
        self.h.upstream.lets(document)

    async def cut(self):
        """The server goes away."""
        if self.cut_at is None:
            self.cut_at = self.h.clock.now()
            self.rules_then = (dict(self.h.upstream.rules), self.h.upstream.anonymous)
            self.h.upstream.cut()

    async def mend(self):
        """It comes back."""
        self.cut_at = None
        self.h.upstream.away = False
        await passed(self.h.clock, 20 * SECOND, step=SECOND)

    async def passes(self, span):
        """Nothing happens for a while."""
        await passed(self.h.clock, span, step=5 * MINUTE)

    def holds(self):
        """Say what must be true now."""
        rules, anonymous = self.rules_then
        if self.cut_at is None:
            rules, anonymous = self.h.upstream.rules, self.h.upstream.anonymous
        elif self.h.clock.now() - self.cut_at >= GRANT_LIFE:
            assert len(self.h.grants) == 0
            rules, anonymous = {}, ""
        for name in NAMES:
            if self.h.grants(name) is not None:
                self._gives(Token(name), rules[name])
            else:
                self._gives(Token(name), "")
        nobody = Anonymous()
        if self.cut_at is None or self.h.clock.now() - self.cut_at < GRANT_LIFE - 2 * MINUTE:
            self._gives(nobody, anonymous)  # its grant may end a little before the hour

    def _gives(self, who, document):
        may = {name for name in SERVICES if self.h.may(who, Action.SERVICE_WRITE, name)}
        assert may == DOCUMENTS[document]


@settings(max_examples=50, deadline=None)
@given(st.lists(actions, min_size=6, max_size=16))
def test_an_agent_gives_what_the_server_gives(story):
    """Any order of making, changing, showing, revoking, cutting off and mending."""

    async def told():
        async with house(a=WEB, b=WEB) as h:
            played = Played(h)
            for what, *about in story:
                await played.play(what, *about)
                played.holds()
            await settle()

    asyncio.run(told())
