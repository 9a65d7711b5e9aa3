"""Tokens and policies through real servers: the command line, a login over TLS, py-consul."""

import json
import logging
import os
import subprocess
import sys
import time

import consul
import pytest
from consul.exceptions import ACLPermissionDenied

from ca_core.api.running import SERVER_SOCKET
from tests.integration.api.world import LIMIT, dev, mesh
from tests.unit.acl.jwts import AUDIENCE, ISSUER, jwk, jwks, key, pem, signed


class Shell:
    """Runs ``ca-core`` as a process of its own, in a folder, towards one server."""

    def __init__(self, folder, address):
        self.folder, self.address, self.said = folder, address, ""

    def __call__(self, *arguments, text=""):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CA_CORE_", "CONSUL_"))}
        done = subprocess.run(
            [sys.executable, "-m", "ca_core", *arguments],
            cwd=self.folder,
            env=kept | {"CA_CORE_HTTP_ADDR": self.address},
            input=text,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        self.said += done.stdout + done.stderr
        return done

    def json(self, *arguments, **options):
        """Return the JSON that a command which succeeds prints."""
        done = self(*arguments, "--output", "json", **options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def cluster():
    """Return a server without tokens."""
    with mesh() as built:
        yield built


def test_an_operator_hands_out_rights(cluster, tmp_path, caplog):
    """From bootstrap to a login over TLS and a revoked token; no secret is said anywhere."""
    caplog.set_level(logging.DEBUG)
    shell = Shell(tmp_path, f"unix:{cluster.home / 'server' / SERVER_SOCKET}")
    shell.json("token", "bootstrap", "--secret-file", "admin")
    admin = ("--token-file", "admin")
    again = shell("token", "bootstrap")
    assert again.returncode == 4
    assert "reset index" in again.stderr
    assert "--reset" in again.stderr
    rules = 'service "db" { policy = "write" }'
    shell.json(*admin, "policy", "create", "db", "--rules", "-", text=rules)
    made = shell.json(*admin, "token", "create", "--policy", "db", "--secret-file", "db.token")
    own = shell.json("--token-file", "db.token", "token", "self")
    assert own["AccessorID"] == made["AccessorID"]
    refused = shell("--token-file", "db.token", "token", "list")
    assert refused.returncode == 4
    assert f"token with AccessorID '{own['AccessorID']}' lacks permission 'acl:read'" in (
        refused.stderr
    )
    _login(cluster, tmp_path, shell)
    shell.json(*admin, "token", "delete", made["AccessorID"])
    gone = shell("--token-file", "db.token", "token", "self")
    assert (gone.returncode, gone.stderr.splitlines()[0]) == (4, "error: ACL not found")
    _require_secrecy(cluster, tmp_path, shell, caplog)


def _login(cluster, folder, shell):
    """Set up an auth method as an operator, and log in from anywhere."""
    (folder / "jwks.json").write_bytes(jwks(jwk(key(), kid="k1")))
    method = {
        "Name": "ci", "Type": "jwt",
        "Config": {
            "JWKSFile": str(folder / "jwks.json"), "BoundIssuer": ISSUER,
            "BoundAudiences": [AUDIENCE], "ClaimMappings": {"sub": "app"},
        },
    }  # fmt: skip
    rule = {"AuthMethod": "ci", "BindType": "service", "BindName": "${value.app}"}
    with cluster.operator() as client:
        assert client.put("/v1/acl/auth-method", json=method).status_code == 200
        assert client.put("/v1/acl/binding-rule", json=rule).status_code == 200
    now = int(time.time())
    jwt = signed(headers={"kid": "k1"}, sub="web", iat=now, nbf=now, exp=now + 600)
    (folder / "jwt").write_text(jwt)
    made = shell.json("token", "login", "--method", "ci", "--jwt-file", "jwt", "--secret-file", "w")
    assert made["ServiceIdentities"] == [{"ServiceName": "web"}]
    with cluster.anonymous() as client:
        body = {"AuthMethod": "ci", "BearerToken": jwt}
        answer = client.post("/v1/acl/login", json=body)
        assert answer.headers["cache-control"] == "no-store"
        headers = {"x-consul-token": answer.json()["SecretID"]}
        assert client.get("/v1/acl/token/self", headers=headers).json()["AuthMethod"] == "ci"
        assert client.post("/v1/acl/logout", headers=headers).json() is True
        assert client.get("/v1/acl/token/self", headers=headers).status_code == 403
        assert client.put("/v1/acl/bootstrap").status_code == 403


def _require_secrecy(cluster, folder, shell, caplog):
    """Say that no secret is in an output, a log or a file of the state."""
    secrets = [(folder / name).read_text().strip() for name in ("admin", "db.token", "w", "jwt")]
    files = [p.read_bytes() for p in (cluster.home / "server").iterdir() if p.is_file()]
    for secret in secrets:
        assert secret not in shell.said
        assert secret not in caplog.text
        assert not any(secret.encode() in file for file in files)


def test_a_library_for_consul_drives_tokens_and_policies():
    """py-consul, unmodified: bootstrap, policies, tokens, methods, rules, login, logout."""
    with dev() as http:
        host, port = http.base_url.host, http.base_url.port
        with consul.Consul(host=host, port=port) as client:
            _drive(client)


def _drive(client):
    acl = client.acl
    master = acl.bootstrap()["SecretID"]
    with pytest.raises(ACLPermissionDenied):
        acl.bootstrap()
    policy = acl.policy.create("web", master, rules={"service": {"web": {"policy": "write"}}})
    assert acl.policy.read(policy["ID"], master)["Name"] == "web"
    acl.policy.update(policy["ID"], "web2", master, rules={"operator": "read"})
    assert "web2" in [each["Name"] for each in acl.policy.list(master)]
    made = acl.token.create(
        master, policies_name=["web2"], node_identities=["n1:dc1"], description="d",
        service_identities=[{"ServiceName": "web"}], expiration_ttl="1h",
    )  # fmt: skip
    assert acl.token.read_self(made["SecretID"])["AccessorID"] == made["AccessorID"]
    acl.token.update(made["AccessorID"], master, policies_id=[policy["ID"]], description="e")
    assert acl.token.read(made["AccessorID"], master)["Description"] == "e"
    assert len(acl.token.list(policy=policy["ID"], token=master)) == 1
    twin = acl.token.clone(made["AccessorID"], master, "twin")
    assert acl.token.read_self(twin["SecretID"])["Description"] == "twin"
    _drive_login(acl, master)
    assert acl.token.delete(made["AccessorID"], master) is True
    assert acl.policy.delete(policy["ID"], master) is True
    assert acl.token.read(made["AccessorID"], master) is None
    with pytest.raises(ACLPermissionDenied):
        acl.token.read_self(made["SecretID"])


def _drive_login(acl, master):
    config = {
        "JWTValidationPubKeys": [pem(key())], "BoundIssuer": ISSUER, "BoundAudiences": [AUDIENCE],
        "ClaimMappings": {"sub": "app"},
    }  # fmt: skip
    acl.auth_method.create("ci", "jwt", master, config=config, max_token_ttl="10m")
    assert acl.auth_method.read("ci", master)["MaxTokenTTL"] == "10m"
    rule = acl.binding_rule.create("ci", "service", "${value.app}", master)
    assert acl.binding_rule.list("ci", master) == [rule]
    now = int(time.time())
    jwt = signed(sub="web", iat=now, nbf=now, exp=now + 600)
    made = acl.login("ci", jwt, {"a": "b"})
    assert acl.logout(made["SecretID"]) is True
    assert acl.binding_rule.delete(rule["ID"], master) is True
    assert acl.auth_method.delete("ci", master) is True
    assert acl.auth_method.list(master) == []
