"""An agent whose own leaf no server accepts any more finds its way back by itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ca_core.agent.identitystore import IdentityStore
from ca_core.api.agentprocess import run_agent
from ca_core.identity.certificates import spki_digest
from ca_core.identity.leafcsr import csr_pem, leaf_csr
from tests.integration.api.world import ME, Running, mesh, over_unix
from tests.integration.lifecycle.processes import until
from tests.unit.agent.fakes import Authority


@pytest.fixture
def sleeper():
    """Return a mesh with an agent that is asleep, whose leaf is of a root that has left."""
    with mesh() as built:
        built.join("n1", web=(ME,)).close()
        store = IdentityStore(built.home / "n1")
        identity, now = store.current, datetime.now(UTC)
        gone = Authority("gone", now)
        request = csr_pem(leaf_csr(identity.key, identity.id))
        leaf = gone.leaf(request, now, timedelta(days=3))
        store.save(replace(identity, chain=(leaf, gone.signer.certificate)))
        del built.agents["n1"]
        yield built


def test_an_agent_that_slept_while_its_root_left_comes_back(sleeper):
    """It proves itself by its key, gets a leaf of what signs now, and serves its programs."""
    before = sleeper.identity("n1")
    config = sleeper.agent_config("n1", web=(ME,))
    sleeper.agents["n1"] = Running(run_agent, config, join_token=None)
    until(lambda: sleeper.identity("n1").chain != before.chain)
    after = sleeper.identity("n1")
    assert spki_digest(after.key.public_key()) == spki_digest(before.key.public_key())
    with over_unix(sleeper.agent_socket("n1")) as client:
        until(lambda: client.get("/v1/agent/connect/ca/leaf/web").status_code == 200)
