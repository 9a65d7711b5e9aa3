"""A whole server on a real Vault, at its most talkative, says none of its secrets anywhere."""

import json
import logging
import traceback

import pytest

from ca_core.api.routes import AGENT_ROUTES, PROCESS_ROUTES, SERVER_ROUTES
from ca_core.api.running import run_server
from ca_core.config.model import CAConfig, Config, ServerConfig
from ca_core.contract import UnavailableError
from tests.integration.api.world import ME, Mesh, Running, folder, over_unix
from tests.integration.plugins.neighbours import Neighbourhood
from tests.vaults.policies import lines_of, token_with
from tests.vaults.secrecy import handed_out
from tests.vaults.subjects import Mounts

LEAF = "/v1/agent/connect/ca/leaf/web"


class VaultMesh(Mesh):
    """A server whose CA is in Vault, and the agents that joined it."""

    def __init__(self, home, config):
        self.home = home
        ca = CAConfig(provider="vault", config=config)
        server = ServerConfig(data_dir=home / "server", listen=("127.0.0.1:0",))
        self.config = Config(server=server, ca=ca)
        self.server = Running(run_server, self.config)
        self.agents = {}

    def answers(self):
        """Return what every route answers to who may ask it, headers included."""
        with over_unix(self.agent_socket("n1")) as client:
            yield from asked(client, (*AGENT_ROUTES, *PROCESS_ROUTES))
        with self.operator() as client:
            yield from asked(client, (*SERVER_ROUTES, *PROCESS_ROUTES))


def asked(client, routes):
    """Return the answers of routes; a leaf's own answer holds its key, and is for its owner."""
    for route in routes:
        if route.method == "GET" and "leaf/{service}" not in route.path:
            path = route.path.replace("{authority}", "x").replace("{node}", "n1")
            answer = client.get(path)
            yield f"{path} {answer.status_code} {answer.headers} {answer.content.decode('latin-1')}"


def approle(vault, mounts):
    """Return the configuration of a login with exactly the policy that is shipped."""
    token_with(mounts, lines_of("managed"))
    vault.call("POST", "sys/auth/secrecy", {"type": "approle"})
    role = {"token_policies": mounts.policies, "token_ttl": "1h"}
    vault.call("POST", "auth/secrecy/role/ca", role)
    params = {
        "role_id": vault.call("GET", "auth/secrecy/role/ca/role-id")["data"]["role_id"],
        "secret_id": vault.call("POST", "auth/secrecy/role/ca/secret-id", {})["data"]["secret_id"],
    }
    return {"auth_method": {"type": "approle", "mount_path": "secrecy", "params": params}}


def as_toml(config, prefix="ca.config"):
    """Return a configuration as the file has it."""
    flat = {key: value for key, value in config.items() if not isinstance(value, dict)}
    lines = [f"[{prefix}]", *(f"{key} = {json.dumps(value)}" for key, value in flat.items())]
    for key, value in config.items():
        if isinstance(value, dict):
            lines.append(as_toml(value, f"{prefix}.{key}"))
    return "\n".join(lines)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("login", ["approle", pytest.param("token", marks=pytest.mark.soak)])
def test_a_server_on_vault_says_no_secret(vault, request, tmp_path, login):
    """A first leaf, every answer, the checks of an operator, a seal, and all of them again."""
    mounts = Mounts(vault)
    more = approle(vault, mounts) if login == "approle" else {}
    config = mounts.config(**more)
    net, said = handed_out(request.config), []
    with folder() as home:
        mesh = VaultMesh(home, config)
        try:
            mesh.join("n1", web=(ME,))
            with over_unix(mesh.agent_socket("n1")) as client:
                leaf = client.get(LEAF).json()
            said += mesh.answers()
            vault.seal()
            try:
                said += mesh.answers()
                said += commands(tmp_path / "sealed", mesh, config, "provider check", "doctor")
            finally:
                vault.unseal()
        finally:
            mesh.close()
        kept = [path for path in (home / "server").iterdir() if path.is_file()]
        said += [path.read_bytes().decode("latin-1") for path in kept]
    said += commands(tmp_path / "well", mesh, config, "provider check")
    net.secrets.update(leaf["PrivateKeyPEM"].splitlines()[1:-1])
    assert len(said) > 40, "routes and commands were asked"
    assert not net.leaks(*said)


def commands(place, mesh, config, *names):
    """Return what the commands of an operator print."""
    place.mkdir()
    hood = Neighbourhood(place)
    server = f"[server]\ndata_dir = {json.dumps(str(mesh.home / 'server'))}"
    hood.configure("\n".join([server, "[ca]", 'provider = "vault"', as_toml(config)]))
    for name in names:
        command = (*name.split(), "vault", "--online") if " " in name else (name,)
        done = hood.run(*command, CA_CORE_LOG_LEVEL="debug")
        assert "Usage:" not in done.stderr, done.stderr
        yield done.stdout + done.stderr


def test_the_servers_own_logs_hold_no_token(vault):
    """What the server writes of our calls is hashed: nothing of it needs to be hidden by us."""
    made = vault.call("POST", "auth/token/create", {"ttl": "1h"})["auth"]["client_token"]
    vault.call("GET", "auth/token/lookup-self", token=made)
    logs = vault.audit_log.read_text() + (vault.audit_log.parent / "output.log").read_text()
    assert "auth/token/create" in logs
    for secret in (made, vault.token, vault.unseal_key):
        assert secret not in logs


@pytest.mark.parametrize("level", ["debug", "warning"])
def test_the_net_catches_what_is_logged(request, level):
    """At any level, with the secret in the arguments or in a traceback."""
    net = handed_out(request.config)
    net.remember(
        {"auth": [{"client_token": "s.caught-0123456789"}], "public": "s.not-secret-at-all"}
    )
    log = getattr(logging.getLogger("any.library"), level)
    log("a token: %s", "s.caught-0123456789")
    (leak,) = net.leaks()
    assert leak.endswith("a token: <secret>")
    log("s.is-public")
    assert not net.leaks()


def test_the_net_catches_errors_and_what_is_printed(request):
    """Errors of ours that nobody prints count, too."""
    net = handed_out(request.config)
    net.remember(["s.caught-9876543210"], secret=True)
    with pytest.raises(UnavailableError) as caught:
        raise UnavailableError("no answer to s.caught-9876543210")
    assert len(net.leaks()) == 1
    assert len(net.leaks("".join(traceback.format_exception(caught.value)))) >= 1
    assert not net.leaks("s.caught-98")
