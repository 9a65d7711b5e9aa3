"""A real server whose first provider cannot be reached is given another one over its API."""

import contextlib
import time

import pytest

from ca_core.api import running as processes
from ca_core.api.running import SERVER_SOCKET, run_server
from ca_core.config.model import CAConfig, Config, ServerConfig
from ca_core.testing.ports import free_port
from tests.integration.api.world import Running, folder, over_unix


@pytest.fixture
def unreachable(monkeypatch):
    """Run a server whose Vault is not there; yields a client of its operator's socket."""
    monkeypatch.setattr(processes, "READY_WITHIN", 0.2)
    vault = {
        "address": f"http://127.0.0.1:{free_port()}",
        "token": "s.none",
        "root_pki_path": "r",
        "intermediate_pki_path": "i",
    }
    with folder() as home:
        config = Config(
            server=ServerConfig(data_dir=home / "server", listen=("127.0.0.1:0",)),
            ca=CAConfig(provider="vault", config=vault),
        )
        with (
            contextlib.closing(Running(run_server, config)),
            over_unix(home / "server" / SERVER_SOCKET) as client,
        ):
            yield client


def test_s15_a_server_without_its_first_provider_is_given_another(unreachable):
    """Consul's ``PUT`` suffices: a moment later there is a root, and leaves are signed."""
    client = unreachable
    assert client.get("/readyz").status_code == 503
    wanted = {"Provider": "consul", "Config": {}}
    answer = client.put("/v1/connect/ca/configuration", json=wanted)
    assert answer.status_code == 200, answer.text
    give_up = time.monotonic() + 20
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < give_up
        time.sleep(0.05)  # another thread's turn
    roots = client.get("/v1/connect/ca/roots").json()
    assert len(roots["Roots"]) == 1
    assert client.get("/v1/connect/ca/configuration").json()["Provider"] == "consul"
