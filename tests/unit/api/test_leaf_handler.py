"""The leaf endpoint tells how it stands with the renewal behind it."""

import asyncio
from datetime import timedelta
from random import Random
from types import SimpleNamespace

import pytest

from ca_core.acl.access import AllowAll
from ca_core.acl.principal import Anonymous
from ca_core.agent.leafanswer import LeafAnswer
from ca_core.api.agent_handlers import leaf
from ca_core.api.http import Request
from ca_core.api.rooms import AgentRoom
from ca_core.testing.clock import FakeClock


def answered(failure: str):
    """Return the endpoint's answer when the last renewal ended with ``failure``."""

    async def get(*_args, **_kwargs) -> LeafAnswer:
        return LeafAnswer(body=b"{}", hit=True, age=timedelta(), index=1, failure=failure)

    agent = SimpleNamespace(leaves=SimpleNamespace(get=get), datacenter="dc1")
    room = AgentRoom(agent=agent, may=AllowAll(), clock=FakeClock(), random=Random(1))
    request = Request(
        method="GET",
        path="/v1/agent/connect/ca/leaf/web",
        query="",
        headers={},
        body=b"",
        principal=Anonymous(),
        params={"service": "web"},
    )
    return asyncio.run(leaf(room, request))


def test_a_leaf_whose_renewal_works_says_nothing_about_it():
    """No news is good news."""
    assert "x-ca-core-renewal-failure" not in answered("").headers


@pytest.mark.parametrize("failure", ["no server", "two\r\nlines", "x" * 5000])
def test_a_leaf_whose_renewal_fails_says_so_in_one_short_line(failure):
    """The leaf is still valid and served; whoever looks at the headers is warned."""
    shown = answered(failure).headers["x-ca-core-renewal-failure"]
    assert shown.startswith(failure[:3])
    assert shown.isprintable()
    assert len(shown) <= 200
