"""The compose file makes a mesh: its services run here as processes, on a real Vault."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.docker.files import DOCKER
from tests.docker.stage import Stage, keys_of
from tests.vaults.choosing import MISSING
from tests.vaults.foreign import NOT_OURS
from tests.vaults.process import VaultProcess, binary

OURS = ("connect-root", "connect-intermediate")


@pytest.fixture
def stage(vault, tmp_path_factory):
    """Return the services before the first start, beside an unsealed Vault; it is left as found."""
    if not vault.can_restart:
        pytest.skip(NOT_OURS.format("bootstrap"))
    yield Stage(tmp_path_factory.mktemp("mesh"), vault.address)
    for path in ("auth/approle", *(f"mounts/{mount}" for mount in OURS), "policies/acl/ca-core"):
        vault.call("DELETE", f"sys/{path}")


def credentials(stage):
    """Return the role id and the secret id that the bootstrap left."""
    folder = stage.folder / "approle"
    return (folder / "role_id").read_text(), (folder / "secret_id").read_text()


def test_the_services_make_a_mesh_whose_agents_give_leaves(vault, stage):
    """Bootstrap, server, join tokens, two agents: each gives a leaf that OpenSSL accepts."""
    stage.done("bootstrap", VAULT_TOKEN=vault.token)
    config = stage.config("server")
    check = ("ca-core", "provider", "check", "vault", "--online", "--output", "json")
    found = json.loads(stage.asked("server", *check, "--config", str(config)))
    assert found["OK"]
    assert found["Online"]["Healthy"]
    assert found["Online"]["MissingPermissions"] == []
    with stage.running("server"):
        stage.done("join")
        with stage.running("agent-1"), stage.running("agent-2"):
            assert verified_leaf(stage, "agent-1") != verified_leaf(stage, "agent-2")
    assert set(OURS) <= {path.strip("/") for path in vault.call("GET", "sys/mounts")["data"]}


def verified_leaf(stage, agent):
    """Return a new leaf from an agent, once OpenSSL has verified it."""
    out = stage.folder / f"web-{agent}"
    address = ("--http-addr", "unix:/var/lib/ca-core/agent/agent.sock")
    stage.asked(agent, "ca-core", "leaf", "get", "web", "--out", str(out), *address)
    leaf = str(out / "leaf.pem")
    trusted = ["-x509_strict", "-CAfile", str(out / "bundle.pem"), "-untrusted", leaf]
    subprocess.run(["openssl", "verify", *trusted, leaf], check=True, capture_output=True)
    return Path(leaf).read_text()


@pytest.mark.soak
def test_a_second_bootstrap_changes_nothing(vault, stage):
    """Ids that log in are kept, so that a server that runs goes on."""
    stage.done("bootstrap", VAULT_TOKEN=vault.token)
    before = credentials(stage)
    stage.done("bootstrap", VAULT_TOKEN=vault.token)
    assert credentials(stage) == before


@pytest.mark.soak
def test_ids_of_another_vault_are_replaced(vault, stage):
    """A Vault that was made anew gets ids that log in to it."""
    stage.done("bootstrap", VAULT_TOKEN=vault.token)
    vault.call("DELETE", "sys/auth/approle")
    before = credentials(stage)
    stage.done("bootstrap", VAULT_TOKEN=vault.token)
    role_id, secret_id = credentials(stage)
    assert (role_id, secret_id) != before
    answer = vault.call(
        "POST", "auth/approle/login", {"role_id": role_id, "secret_id": secret_id}, token=""
    )
    assert answer["auth"]["policies"] == ["ca-core"]


def test_a_bootstrap_unseals_the_vault_whose_keys_it_has(vault, stage):
    """A restarted Vault is opened again by the next `up`; no id is shown to anybody else."""
    keys = stage.folder / "keys"
    keys.mkdir(mode=0o700)
    (keys / "init.json").write_text(keys_of(vault))
    vault.seal()
    try:
        said = stage.done("bootstrap")
        assert not vault.call("GET", "sys/health")["sealed"]
    finally:
        vault.unseal()
    secret = [vault.token, vault.unseal_key, *credentials(stage)]
    assert not [one for one in secret if one in said]
    modes = {file.stat().st_mode & 0o777 for file in (stage.folder / "approle").iterdir()}
    assert modes == {0o600}


def test_a_vault_of_somebody_elses_is_not_taken(stage):
    """Without keys or a token the bootstrap ends, and says what it needs."""
    with pytest.raises(AssertionError, match="has an owner: set VAULT_TOKEN"):
        stage.done("bootstrap")


def shipped_config():
    """Return the servers' configuration of the compose file, for a folder and ports of a test."""
    text = (DOCKER / "vault" / "server.hcl").read_text().replace("{", "{{").replace("}", "}}")
    text = text.replace('"file"', '"data"').replace("127.0.0.1:8201", "127.0.0.1:{cluster_port}")
    return re.sub(r"(0\.0\.0\.0|vault):8200", "127.0.0.1:{port}", text)


@pytest.mark.soak
def test_a_new_vault_is_initialised(tmp_path_factory):
    """The bootstrap does all of it, on a server that has the configuration of the compose file."""
    folder = tmp_path_factory.mktemp("new")
    program = binary()
    if program is None:
        pytest.skip(MISSING)
    server = VaultProcess(program, folder / "vault", config=shipped_config())
    server.start()
    try:
        stage = Stage(folder, server.address)
        stage.done("bootstrap")
        assert all(credentials(stage))
        assert "root_token" in (folder / "keys" / "init.json").read_text()
    finally:
        server.stop()
