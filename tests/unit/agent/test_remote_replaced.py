"""An agent that renews itself while it asks for leaves of its services."""

import pytest

from ca_core.agent.remote import RemoteUpstream
from ca_core.errors import DeniedError
from ca_core.testing.clock import FakeClock
from ca_core.wire.cluster import SignedLeaf

SIGNED = SignedLeaf(
    cert_pem="leaf", roots_pem="roots", index=1, trust_domain="t.consul", datacenter="dc1"
)


class Keeping:
    """Who the agent is now."""

    def __init__(self):
        self.current = object()


class Line:
    """A connection under one identity; ``answer`` is called for each request."""

    def __init__(self, answer):
        self._answer = answer
        self.asked = 0

    async def post(self, _target, _body, _kind):
        """Answer, or refuse."""
        self.asked += 1
        return self._answer()


class Lined(RemoteUpstream):
    """An upstream whose connections are given to it."""

    def __init__(self, store, *lines):
        super().__init__("https://127.0.0.1:1", store, FakeClock())
        self._lines = list(lines)

    async def _current_link(self):
        if self._linked_as is not self._store.current:
            self._linked_as, self._link = self._store.current, self._lines.pop(0)
        return self._link


def refused():
    """Refuse as a server does that knows a newer key."""
    raise DeniedError("not a member")


async def test_a_refusal_of_the_older_key_is_no_refusal_of_the_agent():
    """The key was replaced while the request was under way: it is asked again, as who it is now."""
    store = Keeping()

    def replaced():
        store.current = object()
        refused()

    before, after = Line(replaced), Line(lambda: SIGNED)
    assert await Lined(store, before, after).sign("csr") is SIGNED
    assert (before.asked, after.asked) == (1, 1)


async def test_a_refusal_of_the_agent_is_final():
    """Nothing was replaced: one question, one answer."""
    line = Line(refused)
    with pytest.raises(DeniedError):
        await Lined(Keeping(), line).sign("csr")
    assert line.asked == 1


async def test_a_second_refusal_is_final():
    """It is asked again once, not for ever."""
    store = Keeping()

    def replaced():
        store.current = object()
        refused()

    lines = [Line(replaced), Line(replaced), Line(lambda: SIGNED)]
    with pytest.raises(DeniedError):
        await Lined(store, *lines).sign("csr")
    assert [line.asked for line in lines] == [1, 1, 0]
