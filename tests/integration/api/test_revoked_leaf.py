"""A leaf is revoked at a server: the agent that holds it answers another one, with another key."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from ca_core.api.agentprocess import run_agent
from tests.integration.api.test_outage import restart, until
from tests.integration.api.world import ME, Running, mesh, over_unix
from tests.stopwatch import stopwatch

LEAF = "/v1/agent/connect/ca/leaf/web"
AT_ONCE = 5.0
"""Seconds; about 0.1 on a machine that is not busy."""


@pytest.fixture
def cluster():
    """Return a mesh with an agent on ``n1``."""
    with mesh() as built:
        built.join("n1", web=(ME,))
        yield built


def revoke(cluster, leaf):
    """Revoke a leaf, as an operator does."""
    with cluster.operator() as client:
        body = {"Certificate": leaf["CertPEM"], "Reason": "keyCompromise"}
        answer = client.put("/v1/connect/ca/revoke", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["SerialNumber"] == leaf["SerialNumber"]


def keeps_leaves(cluster):
    """Start the agent, or start it again, so that its leaves outlive it."""
    if "n1" in cluster.agents:
        cluster.agents.pop("n1").close()
    config = cluster.agent_config("n1", web=(ME,))
    agent = msgspec.structs.replace(config.agent, persist=True)
    config = msgspec.structs.replace(config, agent=agent)
    cluster.agents["n1"] = Running(run_agent, config, join_token=None)


def differs(leaf):
    """Return a condition: the answer is another leaf."""
    return lambda answer: answer.json()["SerialNumber"] != leaf["SerialNumber"]


def test_an_agent_answers_another_leaf_as_soon_as_its_own_was_revoked(cluster):
    """Asked again it has another serial and another key; whoever waits is given that one."""
    with over_unix(cluster.agent_socket("n1")) as client, ThreadPoolExecutor(1) as pool:
        answer = client.get(LEAF)
        first = answer.json()
        index = answer.headers["x-consul-index"]
        waits = pool.submit(client.get, LEAF, params={"index": index, "wait": "15s"})
        with stopwatch() as watch:
            revoke(cluster, first)
            again = until(lambda: client.get(LEAF), differs(first)).json()
            assert waits.result(30).json() == again
            assert watch.seconds < AT_ONCE
        assert again["PrivateKeyPEM"] != first["PrivateKeyPEM"]


def test_a_leaf_that_was_revoked_while_its_agent_heard_nothing_goes_when_it_does(cluster):
    """Kept over a restart in which no server answers it is served; once one answers, no more."""
    keeps_leaves(cluster)
    with over_unix(cluster.agent_socket("n1")) as client:
        first = client.get(LEAF).json()
    cluster.agents.pop("n1").close()
    revoke(cluster, first)
    cluster.server.close()
    keeps_leaves(cluster)
    with over_unix(cluster.agent_socket("n1")) as client:
        assert client.get(LEAF).json() == first
        restart(cluster)
        again = until(lambda: client.get(LEAF), differs(first)).json()
        assert again["PrivateKeyPEM"] != first["PrivateKeyPEM"]
