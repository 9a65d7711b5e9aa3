"""A server and an agent as processes: a token works, is revoked, and outlives a dead server."""

import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx

from ca_core.testing.ports import free_port
from tests.stopwatch import stopwatch

PROGRAM = [sys.executable, "-m", "ca_core"]
LEAF = "/v1/agent/connect/ca/leaf/web"
START_WITHIN = 30
AT_ONCE = 1.0


@contextmanager
def running(*arguments, socket_path):
    """Run one of our programs until the block ends; it answers on its socket."""
    log = socket_path.parent.with_suffix(".log")
    with log.open("w") as out:
        process = subprocess.Popen([*PROGRAM, *arguments], stdout=out, stderr=out)
    try:
        until(lambda: process.poll() is not None or answers(socket_path), START_WITHIN)
        assert process.poll() is None, log.read_text()
        yield process, log
    finally:
        process.kill()
        process.wait(10)


def over(path):
    """Return a client of a unix socket."""
    transport = httpx.HTTPTransport(uds=str(path))
    return httpx.Client(transport=transport, base_url="http://localhost", timeout=10)


def answers(path):
    """Say whether a program answers there."""
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(path)):
            return False
    with over(path) as client:
        return client.get("/readyz").status_code == 200


def until(true, seconds):
    """Return how long it took until ``true``; fail after ``seconds``."""
    with stopwatch() as watch:
        while not true():
            assert watch.seconds < seconds
            time.sleep(0.01)  # another process's turn
        return watch.seconds


def configured(home, port):
    """Write the configuration of both."""
    (home / "ca-core.toml").write_text(
        f"""
        [server]
        data_dir = "{home}/server"
        listen = ["127.0.0.1:{port}"]
        [agent]
        server = "https://127.0.0.1:{port}"
        data_dir = "{home}/agent"
        listen = ["127.0.0.1:{free_port()}"]
        node = "n1"
        join_token_file = "{home}/join"
        """
    )
    return ("--config", str(home / "ca-core.toml"))


def test_a_token_is_given_used_revoked_and_outlives_the_server(tmp_path):
    """Revoked: refused within a second. Server killed: the other one still has its leaf."""
    config = configured(tmp_path, free_port())
    server_socket, agent_socket = tmp_path / "server/server.sock", tmp_path / "agent/agent.sock"
    with running("server", *config, socket_path=server_socket) as (server, said):
        with over(server_socket) as operator:
            joining = operator.put("/v1/cluster/join-token", json={"Node": "n1"}).json()["Token"]
            (tmp_path / "join").write_text(joining)
            body = {"ServiceIdentities": [{"ServiceName": "web"}]}
            tokens = [operator.put("/v1/acl/token", json=body).json() for _ in range(2)]
        gone, kept = ({"X-Consul-Token": token["SecretID"]} for token in tokens)
        with running("agent", *config, socket_path=agent_socket) as (_, heard):
            with over(agent_socket) as client, over(server_socket) as operator:
                for headers in (gone, kept):
                    assert client.get(LEAF, headers=headers).status_code == 200
                operator.delete(f"/v1/acl/token/{tokens[0]['AccessorID']}")
                refused = lambda: client.get(LEAF, headers=gone).status_code == 403  # noqa: E731 - asked again
                assert until(refused, AT_ONCE) < AT_ONCE
                server.kill()
                server.wait(10)
                assert client.get(LEAF, headers=kept).status_code == 200
                assert client.get(LEAF, headers=gone).status_code in (403, 503)
            for log in (said, heard):
                assert not any(token["SecretID"] in log.read_text() for token in tokens)
