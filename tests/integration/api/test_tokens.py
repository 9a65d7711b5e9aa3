"""Tokens between real servers, real agents and real clients."""

import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import msgspec
import pytest

from ca_core.api.agentprocess import run_agent
from ca_core.config.access import ACLConfig
from tests.integration.api.world import ME, Running, dev, mesh, over_tcp
from tests.stopwatch import stopwatch

LEAF = "/v1/agent/connect/ca/leaf"
SIGN = "/v1/cluster/sign"
AT_ONCE = 1.0
"""Seconds within which a connected agent has heard."""


@pytest.fixture(scope="module")
def tokened():
    """Return a server with an agent on ``n1``."""
    with mesh() as built:
        built.join("n1", api=(ME,))
        yield built


def made(mesh, *services, rules=""):
    """Return accessor and secret of a new token."""
    body = {"ServiceIdentities": [{"ServiceName": name} for name in services]}
    with mesh.operator() as client:
        if rules:
            policy = client.put("/v1/acl/policy", json={"Name": f"p{id(body)}", "Rules": rules})
            assert policy.status_code == 200, policy.text
            body["Policies"] = [{"ID": policy.json()["ID"]}]
        answer = client.put("/v1/acl/token", json=body)
        assert answer.status_code == 200, answer.text
    return answer.json()["AccessorID"], answer.json()["SecretID"]


def revoked(mesh, accessor):
    """Delete a token."""
    with mesh.operator() as client:
        assert client.delete(f"/v1/acl/token/{accessor}").json() is True


def with_token(secret):
    """Return the header."""
    return {"X-Consul-Token": secret}


def test_a_token_gets_its_leaf_over_tcp_and_nothing_else(tokened):
    """Its own service; not another, not with a foreign name, not without the token."""
    _, secret = made(tokened, "web")
    with over_tcp(tokened.agents["n1"].url) as client:
        good = client.get(f"{LEAF}/web", headers={"Authorization": f"Bearer {secret}"})
        assert good.json()["Service"] == "web"
        again = client.get(f"{LEAF}/web", headers=with_token(secret))
        assert again.headers["x-cache"] == "HIT"
        other = client.get(f"{LEAF}/db", headers=with_token(secret))
        assert other.status_code == 403
        assert "lacks permission 'service:write' on \"db\"" in other.text
        foreign = client.get(f"{LEAF}/web?dns-san=bank.example", headers=with_token(secret))
        assert "operator:write" in foreign.text
        bare = client.get(f"{LEAF}/web")
        assert "The anonymous token is used implicitly" in bare.text
        unknown = client.get(f"{LEAF}/web", headers=with_token("not one"))
        assert (unknown.status_code, unknown.text.split(" (")[0]) == (403, "ACL not found")
        assert client.get(f"{LEAF}/web?token={secret}").status_code == 400


def test_an_agent_that_is_asked_for_tokens_names_its_server(tokened):
    """The hint can be typed as it stands."""
    with over_tcp(tokened.agents["n1"].url) as client:
        answer = client.get("/v1/acl/tokens")
    assert answer.status_code == 404
    assert f"--http-addr {tokened.url} " in answer.text


def test_a_token_that_may_only_read_gets_no_leaf(tokened):
    """A leaf is the service itself."""
    _, secret = made(tokened, rules='service "web" { policy = "read" }')
    with over_tcp(tokened.agents["n1"].url) as client:
        answer = client.get(f"{LEAF}/web", headers=with_token(secret))
    assert answer.status_code == 403
    assert "lacks permission 'service:write' on \"web\"" in answer.text


def test_a_revoked_token_is_refused_within_a_second_also_while_it_waits(tokened):
    """The blocked request is told, the next is refused; no restart, no time to live."""
    accessor, secret = made(tokened, "web")
    with over_tcp(tokened.agents["n1"].url) as client:
        index = client.get(f"{LEAF}/web", headers=with_token(secret)).headers["x-consul-index"]
        with blocked(tokened.agents["n1"].url, secret, index) as told:
            revoked(tokened, accessor)
            with stopwatch() as watch:
                while client.get(f"{LEAF}/web", headers=with_token(secret)).status_code != 403:
                    assert watch.seconds < AT_ONCE
                    time.sleep(0.01)
        status, seconds = told[0]
        assert status == 403
        assert seconds < 10


@contextmanager
def blocked(url, secret, index):
    """Ask for the leaf after ``index`` meanwhile; collects (status, seconds)."""
    told = []

    def ask():
        with stopwatch() as watch, over_tcp(url) as client:
            answer = client.get(f"{LEAF}/web?index={index}&wait=60s", headers=with_token(secret))
            told.append((answer.status_code, watch.seconds))

    thread = threading.Thread(target=ask)
    thread.start()
    yield told
    thread.join(30)
    assert told


def test_a_changed_policy_counts_within_a_second(tokened):
    """Rights that were given come as fast as rights that were taken."""
    accessor, secret = made(tokened, "web")
    with over_tcp(tokened.agents["n1"].url) as client, tokened.operator() as operator:
        assert client.get(f"{LEAF}/db", headers=with_token(secret)).status_code == 403
        both = {"AccessorID": accessor, "ServiceIdentities": [{"ServiceName": "db"}]}
        assert operator.put(f"/v1/acl/token/{accessor}", json=both).status_code == 200
        with stopwatch() as watch:
            while client.get(f"{LEAF}/db", headers=with_token(secret)).status_code != 200:
                assert watch.seconds < AT_ONCE
                time.sleep(0.01)
        assert client.get(f"{LEAF}/web", headers=with_token(secret)).status_code == 403


def test_no_secret_is_on_the_agents_disk_or_in_the_servers_state(tokened):
    """Whoever steals a disk gets no token."""
    _, secret = made(tokened, "web")
    with over_tcp(tokened.agents["n1"].url) as client:
        assert client.get(f"{LEAF}/web", headers=with_token(secret)).status_code == 200
    for path in tokened.home.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_an_agent_without_a_server_knows_the_tokens_it_was_shown():
    """An outage does not take them; a new one cannot be asked about; readers see 503."""
    with mesh() as built:
        agent = built.join("n1")
        _, secret = made(built, "web")
        _, other = made(built, "web")
        with over_tcp(agent.url) as client:
            assert client.get(f"{LEAF}/web", headers=with_token(secret)).status_code == 200
            built.server.close()
            built.server = SimpleNamespace(close=lambda: None)
            assert client.get(f"{LEAF}/web", headers=with_token(secret)).status_code == 200
            assert client.get(f"{LEAF}/web", headers=with_token(other)).status_code == 503


def test_the_agents_own_token_stands_in_for_none(tokened, tmp_path):
    """``agent.token_file``: over TCP for everybody; a token that is sent goes before it."""
    _, own = made(tokened, "web")
    _, sent = made(tokened, "db")
    (tmp_path / "token").write_text(f"{own}\n")
    config = tokened.agent_config("n2")
    agent = msgspec.structs.replace(config.agent, token_file=tmp_path / "token")
    config = msgspec.structs.replace(config, agent=agent)
    running = Running(run_agent, config, join_token=tokened.token("n2"))
    try:
        with over_tcp(running.url) as client:
            assert client.get(f"{LEAF}/web").status_code == 200
            assert client.get(f"{LEAF}/db").status_code == 403
            assert client.get(f"{LEAF}/db", headers=with_token(sent)).status_code == 200
            assert client.get(f"{LEAF}/web", headers=with_token(sent)).status_code == 403
    finally:
        running.close()


class TestDev:
    """Server and agent in one process."""

    def test_everybody_may_everything_and_a_wrong_token_is_still_wrong(self, playground):
        """A typo in a token is found in development, not in production."""
        assert playground.get(f"{LEAF}/web").status_code == 200
        assert playground.get(f"{LEAF}/web", headers=with_token("not one")).status_code == 403
        assert playground.get("/v1/connect/ca/roots", headers=with_token("x")).status_code == 200

    def test_a_default_policy_makes_it_a_small_production(self):
        """Tokens can be tried on a laptop: bootstrap, a token, its leaf, its end."""
        with dev(acl=ACLConfig(default_policy="deny")) as client:
            assert client.get(f"{LEAF}/web").status_code == 403
            root = with_token(bootstrapped(client))
            body = {"ServiceIdentities": [{"ServiceName": "web"}]}
            made = client.put("/v1/acl/token", json=body, headers=root).json()
            mine = with_token(made["SecretID"])
            assert client.get(f"{LEAF}/web", headers=mine).status_code == 200
            assert client.get(f"{LEAF}/db", headers=mine).status_code == 403
            client.delete(f"/v1/acl/token/{made['AccessorID']}", headers=root)
            with stopwatch() as watch:
                while client.get(f"{LEAF}/web", headers=mine).status_code != 403:
                    assert watch.seconds < AT_ONCE

    def test_allow_is_everything_but_tokens(self):
        """Whoever has none makes none."""
        with dev(acl=ACLConfig(default_policy="allow")) as client:
            assert client.get(f"{LEAF}/web").status_code == 200
            assert client.get("/v1/acl/tokens").status_code == 403


def bootstrapped(client: httpx.Client) -> str:
    """Return the secret of the first token."""
    return client.put("/v1/acl/bootstrap").json()["SecretID"]


def test_agents_that_may_not_vouch_sign_for_tokens_alone():
    """``agents_sign = "granted"``: the kernel's word is not enough for the server."""
    with mesh(acl=ACLConfig(agents_sign="granted")) as built:
        agent = built.join("n1", web=(ME,))
        _, secret = made(built, "web")
        with over_tcp(agent.url) as client:
            assert client.get(f"{LEAF}/web", headers=with_token(secret)).status_code == 200
        with over_unix_agent(built) as client:
            refused = client.get(f"{LEAF}/web")
            assert refused.status_code == 403
            assert "service:write" in refused.text


def over_unix_agent(built):
    """Return a client of the agent's socket."""
    transport = httpx.HTTPTransport(uds=str(built.agent_socket("n1")))
    return httpx.Client(transport=transport, base_url="http://localhost", timeout=10)
