"""A server goes and comes back: the agent serves what it knows, and recovers by itself."""

import time

import msgspec

from ca_core.api.agentprocess import run_agent
from ca_core.api.running import run_server
from tests.integration.api.world import ME, Running, mesh, over_unix

LEAF, ROOTS = "/v1/agent/connect/ca/leaf", "/v1/agent/connect/ca/roots"
PATIENCE = 15.0


def until(ask, condition):
    """Ask until the answer is as it should be; return it."""
    ends = time.monotonic() + PATIENCE
    while not condition(answer := ask()):
        assert time.monotonic() < ends, (answer.status_code, answer.text)
        time.sleep(0.05)
    return answer


def test_an_agent_outlives_its_server_and_finds_it_again():
    """Known leaves are served, unknown ones refused with a time; the state survives the restart."""
    with mesh() as cluster:
        cluster.join("n1", web=(ME,), db=(ME,))
        root = cluster.server.started.root_fingerprint
        with over_unix(cluster.agent_socket("n1")) as client:
            known = client.get(f"{LEAF}/web").json()["SerialNumber"]
            cluster.server.close()
            away = until(
                lambda: client.get(ROOTS), lambda a: a.headers["x-consul-knownleader"] == "false"
            )
            assert (away.status_code, away.headers["x-cache"]) == (200, "HIT")
            served = client.get(f"{LEAF}/web")
            assert (served.status_code, served.json()["SerialNumber"]) == (200, known)
            refused = client.get(f"{LEAF}/db")
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) >= 1
            restart(cluster)
            until(lambda: client.get(f"{LEAF}/db"), lambda a: a.status_code == 200)
            until(lambda: client.get(ROOTS), lambda a: a.headers["x-consul-knownleader"] == "true")
        assert cluster.server.started.root_fingerprint == root


def test_an_agent_that_restarts_needs_no_token():
    """Its identity lies in its folder; a token is for the first start alone."""
    with mesh() as cluster:
        first = cluster.join("n1", web=(ME,))
        identity = cluster.identity("n1")
        first.close()
        del cluster.agents["n1"]
        again = Running(run_agent, cluster.agent_config("n1", web=(ME,)), join_token=None)
        cluster.agents["n1"] = again
        with over_unix(cluster.agent_socket("n1")) as client:
            assert client.get(f"{LEAF}/web").status_code == 200
        assert cluster.identity("n1").chain == identity.chain


def restart(cluster):
    """Start the server again where it was, on the same port and folder."""
    address = cluster.url.removeprefix("https://")
    server = msgspec.structs.replace(cluster.config.server, listen=(address,))
    cluster.server = Running(run_server, msgspec.structs.replace(cluster.config, server=server))
