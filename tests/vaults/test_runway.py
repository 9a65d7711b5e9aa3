"""An operator sees how long a running server's token still lives, before it dies."""

import json
import logging
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from ca_core.api.running import SERVER_SOCKET, run_server
from ca_core.config.model import CAConfig, Config, ServerConfig
from ca_core.identity.spiffe import TrustDomain
from tests.integration.api.world import Running, agent_csr, folder, joining, over_tls, over_unix
from tests.vaults.subjects import Mounts

CA_CORE = Path(sys.executable).with_name("ca-core")
GAUGE = 'ca_core_provider_credential_{}{{provider="vault"}}'
LIMIT = 20.0


class Serving:
    """A server whose CA is in Vault, and its operator."""

    def __init__(self, running, home, client):
        self._running = running
        self._home = home
        self._client = client

    def gauge(self, name):
        """Return one number of the metrics; None if it is not there."""
        lines = self._client.get("/metrics").raise_for_status().text.splitlines()
        wanted = GAUGE.format(name)
        return next((float(line.split()[-1]) for line in lines if line.startswith(wanted)), None)

    def status(self):
        """Return what the server tells of its CA."""
        return self._client.get("/v1/cluster/ca/status").raise_for_status().json()

    def readiness(self):
        """Return what it tells a load balancer."""
        return self._client.get("/readyz").raise_for_status().text

    def join(self):
        """Have a leaf signed; return the status."""
        made = self._client.put("/v1/cluster/join-token", json={"Node": "n1", "TTL": "1h"})
        csr, _ = agent_csr(TrustDomain(self._running.started.trust_domain), "n1")
        with over_tls(self._running.url) as client:
            body = joining(made.json()["Token"], "n1", csr)
            return client.post("/v1/cluster/join", json=body).status_code

    def doctor(self):
        """Return what ``doctor`` finds about the credential, in a process of its own."""
        (self._home / "ca-core.toml").write_text(f'[server]\ndata_dir = "{self._home}/server"\n')
        told = subprocess.run(
            [CA_CORE, "doctor", "-o", "json"],
            cwd=self._home,
            capture_output=True,
            check=False,
            timeout=60,
        )
        findings = json.loads(told.stdout)["Findings"]
        (found,) = [each for each in findings if each["Check"] == "credential"]
        return found


@contextmanager
def serving(mounts, **settings):
    """Run a server on these mounts until the block is left."""
    with folder() as home:
        ca = CAConfig(provider="vault", config=mounts.config(**settings))
        server = ServerConfig(data_dir=home / "server", listen=("127.0.0.1:0",))
        running = Running(run_server, Config(server=server, ca=ca))
        try:
            with over_unix(home / "server" / SERVER_SOCKET) as client:
                yield Serving(running, home, client)
        finally:
            running.close()


@pytest.fixture
def told(caplog):
    """Return what the provider says of its token, as a function."""
    caplog.set_level(logging.WARNING, logger="ca_core.provider.vault")

    def lines():
        return [each.getMessage() for each in caplog.records if "the token" in each.getMessage()]

    return lines


def issued(vault, **settings):
    """Return a new token."""
    return vault.call("POST", "auth/token/create", settings)["auth"]["client_token"]


def wait_for(holds):
    """Return once it holds."""
    give_up = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_hours_are_shown_and_a_revoked_token_is_told_at_its_first_refusal(vault, told):
    """All is well until it is revoked; then metrics, status, readiness, log and doctor tell it."""
    token = issued(vault, ttl="3h", no_parent=True)
    with serving(Mounts(vault), token=token) as server:
        assert server.join() == 200
        assert 2.9 < server.gauge("runway_hours") <= 3
        left = server.gauge("expiry_timestamp_seconds") - time.time()
        assert 2.9 * 3600 < left <= 3 * 3600
        assert server.gauge("failures") == 0
        assert server.readiness() == "ready\n"
        assert not told()

        vault.call("POST", "auth/token/revoke", {"token": token})
        assert server.join() >= 400
        assert server.gauge("failures") >= 1
        assert server.gauge("runway_hours") == 0
        assert len(told()) == 1
        assert "does not know the token" in told()[0]
        assert "failures in a row" in server.readiness()
        status = server.status()
        assert (status["ProviderOK"], status["Credential"]["HoursLeft"]) == (False, 0)
        found = server.doctor()
        assert (found["Level"], "does not know the token" in found["Detail"]) == ("failure", True)
        assert "ca-core provider check" in found["Hint"]
        assert token not in json.dumps([status, found, told()])


def test_a_token_that_cannot_be_renewed_warns_while_it_still_lives(vault, told):
    """At two thirds of its life, with one line that says what is left; nothing has failed yet."""
    token = issued(vault, ttl="9s", renewable=False, no_parent=True)
    with serving(Mounts(vault), token=token) as server:
        assert server.gauge("failures") == 0
        wait_for(lambda: server.gauge("failures"))
        assert 0 < server.gauge("runway_hours") * 3600 < 4
        assert server.join() == 200
        assert len(told()) == 1
        assert "cannot be renewed any more" in told()[0]
        assert server.status()["ProviderOK"]


def test_a_short_token_that_is_renewed_warns_nobody(vault, told):
    """Few hours are no failure: it never had more."""
    with serving(Mounts(vault), token=issued(vault, period="6s")) as server:
        first = server.gauge("expiry_timestamp_seconds")
        wait_for(lambda: server.gauge("expiry_timestamp_seconds") > first)
        assert server.gauge("failures") == 0
        assert not told()
