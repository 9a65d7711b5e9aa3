"""An agent that renews itself while it asks for leaves of its services."""

import pytest

from ca_core.agent.failover import Failover
from ca_core.errors import DeniedError
from ca_core.testing.clock import FakeClock
from tests.unit.agent.lines import Line, Lines


class Keeping:
    """Who the agent is now."""

    def __init__(self):
        self.current = object()


def refused():
    """Refuse as a server does that knows a newer key."""
    raise DeniedError("not a member")


def asked(store, *lines):
    """Ask one server whose connections, one for each identity, are these."""
    return Failover(["https://a:1"], Lines(store, *lines), FakeClock(), lambda: 0.5).asked(
        lambda link: link.post()
    )


async def test_a_refusal_of_the_older_key_is_no_refusal_of_the_agent():
    """The key was replaced while the request was under way: it is asked again, as who it is now."""
    store = Keeping()

    def replaced():
        store.current = object()
        refused()

    before, after = Line(replaced), Line(lambda: "signed")
    assert await asked(store, before, after) == "signed"
    assert (before.asked, after.asked) == (1, 1)


async def test_a_refusal_of_the_agent_is_final():
    """Nothing was replaced: one question, one answer."""
    line = Line(refused)
    with pytest.raises(DeniedError):
        await asked(Keeping(), line)
    assert line.asked == 1


async def test_a_second_refusal_is_final():
    """It is asked again once, not for ever."""
    store = Keeping()

    def replaced():
        store.current = object()
        refused()

    lines = [Line(replaced), Line(replaced), Line(lambda: "signed")]
    with pytest.raises(DeniedError):
        await asked(store, *lines)
    assert [line.asked for line in lines] == [1, 1, 0]
