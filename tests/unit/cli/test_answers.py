"""Tests that every command prints the JSON that is promised."""

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ca_core.authority.passports import Statement, signed_passport
from ca_core.cli.answers import ANSWERS
from ca_core.identity.certificates import pem_of
from ca_core.state.backup import records_of, write_backup
from ca_core.state.memory import MemoryEngine
from ca_core.state.store import Store

RUN_BY_OTHER_TESTS = {"leaf watch"}
"""Runs until it is stopped; the test of its lines holds their keys."""

ARGUMENTS = {
    "agent forget": ("n1",),
    "backup": ("b.zip",),
    "ca abandon": ("ca-0", "--yes"),
    "ca abort": ("op-1",),
    "ca apply": ("--set", "leaf_ttl=24h", "--yes"),
    "ca plan": ("--set", "leaf_ttl=24h"),
    "ca rollback": ("op-1",),
    "ca set-config": ("config.json",),
    "ca taint": ("--yes",),
    "ca install-chain": ("leaf.pem",),
    "catalog service": ("web",),
    "check fail": ("service:web",),
    "check pass": ("service:web",),
    "check warn": ("service:web",),
    "import consul": ("--file", "ca.json"),
    "intention authorize": ("db", "spiffe://x/ns/default/dc/dc1/svc/web"),
    "intention check": ("web", "db"),
    "intention create": ("web", "db"),
    "intention delete": ("web", "db"),
    "intention diff": ("--delete", "web", "db"),
    "intention explain": ("web", "db"),
    "intention get": ("web", "db"),
    "intention match": ("db",),
    "intention test": ("expected.json", "--intentions", "wanted.json"),
    "leaf get": ("web",),
    "leaf inspect": ("leaf.pem",),
    "leaf revoke": ("leaf.pem", "--yes"),
    "plugin new": ("acme", "--no-run"),
    "plugin test": ("plugged",),
    "provider check": ("builtin",),
    "provider conformance": ("builtin", "--only", "leaf.key"),
    "provider verify-passport": ("passport.json",),
    "provider show": ("builtin",),
    "restore": ("made.backup", "--data-dir", "new"),
    "service deregister": ("web",),
    "service register": ("--name", "web"),
    "token join": ("--node", "n1"),
    "token create": ("--service", "web"),
    "token delete": ("a1",),
    "token login": ("--method", "ci", "--jwt-file", "config.json"),
    "token method create": ("config.json",),
    "token method delete": ("ci",),
    "token method read": ("ci",),
    "token read": ("a1",),
    "token rule create": ("config.json",),
    "token rule delete": ("r1",),
    "token rule read": ("r1",),
    "token update": ("a1", "--service", "web"),
    "policy check": ("config.json",),
    "policy create": ("ops",),
    "policy delete": ("ops",),
    "policy read": ("ops",),
    "policy update": ("ops",),
}


BEGINNING = ("apply", "rotate", "renew", "taint")
"""What begins an operation."""

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))

STATEMENT = Statement(
    provider="away",
    distribution="ca-provider-away",
    version="1",
    distribution_sha256="0" * 64,
    entry_point="away",
    contract=1,
    core="1",
    level_asked="L0",
    level_reached=None,
    run_at=datetime(2026, 1, 1, tzinfo=UTC),
    keys=(),
    results=(),
)


@pytest.fixture
def world(api, tmp_path, make_leaf, leaf_answer, roots_answer) -> None:
    """Serve every endpoint the commands ask, and lay out the files they read."""
    moment = "2026-01-01T00:00:00Z"
    file = tmp_path / "made.backup"
    with Store(MemoryEngine()) as store:
        write_backup(store.snapshot.snapshot(), records_of(store), file, now=datetime.now(UTC))
    (tmp_path / "leaf.pem").write_text(pem_of(make_leaf()))
    (tmp_path / "plugged" / "tests").mkdir(parents=True)
    (tmp_path / "plugged" / "pyproject.toml").touch()
    (tmp_path / "passport.json").write_bytes(signed_passport(STATEMENT, KEY))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "ca.json").write_text(json.dumps({"Provider": "consul", "Config": {}}))
    row = dict.fromkeys(ANSWERS["agent list"].keys, moment)
    status = {
        **dict.fromkeys(ANSWERS["ca status"].keys, moment),
        "Authorities": [],
        "Leftovers": [{"Key": "ca-0", "Since": moment, "Error": "no route to host"}],
        "ReviewPlugins": [],
    }
    token = dict.fromkeys(ANSWERS["token join"].keys, moment)
    for method, path, value in (
        ("GET", "/healthz", b"ok"),
        ("GET", "/readyz", b"ready"),
        ("GET", "/v1/connect/ca/roots", roots_answer),
        ("GET", "/v1/connect/ca/configuration", {"Provider": "builtin", "Config": {}}),
        ("GET", "/v1/agent/connect/ca/leaf/web", leaf_answer),
        ("GET", "/v1/cluster/agents", [row]),
        ("GET", "/v1/cluster/ca/status", status),
        ("GET", "/v1/cluster/ca/csr", b"PEM"),
        ("PUT", "/v1/cluster/ca/chain", True),
        ("DELETE", "/v1/cluster/agents/n1", b""),
        ("GET", "/v1/cluster/backup", file.read_bytes()),
        ("PUT", "/v1/connect/ca/revoke", dict.fromkeys(ANSWERS["leaf revoke"].keys, moment)),
        ("PUT", "/v1/cluster/rekey", {"KeyID": "ab", "Rewrapped": 1}),
        ("PUT", "/v1/cluster/join-token", token),
    ):
        api.answer(method, path, value)


@pytest.fixture
def changes(api, operation, plan) -> None:
    """Serve every endpoint that changes who signs."""
    for method, path, value in (
        ("PUT", "/v1/connect/ca/abandon", dict.fromkeys(ANSWERS["ca abandon"].keys, "gone")),
        ("GET", "/v1/connect/ca/settings", {"Settings": {"provider": "builtin"}}),
        ("POST", "/v1/connect/ca/plan", plan()),
        ("PUT", "/v1/connect/ca/configuration", True),
        *(("PUT", f"/v1/connect/ca/{name}", operation()) for name in BEGINNING),
        ("GET", "/v1/connect/ca/operations", [operation()]),
        ("GET", "/v1/connect/ca/operations/op-1", operation()),
        ("PUT", "/v1/connect/ca/operations/op-1/abort", operation(Phase="aborted")),
        ("PUT", "/v1/connect/ca/operations/op-1/rollback", operation(Phase="rolled_back")),
    ):
        api.answer(method, path, value)


@pytest.fixture
def intentions(api, tmp_path) -> None:
    """Serve every endpoint about intentions; write the files that their commands read."""
    (tmp_path / "wanted.json").write_text("[]")
    expected = {"source": "web", "destination": "db", "expect": "deny"}
    (tmp_path / "expected.json").write_text(json.dumps([expected]))
    seen = {"Source": "web", "Destination": "db", "Rule": "default", "Count": 1}
    row = dict.fromkeys(ANSWERS["intention get"].keys, "web") | {
        "Precedence": 9, "CreateIndex": 5, "ModifyIndex": 5,
    }  # fmt: skip
    place = "/v1/connect/intentions"
    for method, path, value in (
        ("GET", place, [row]),
        ("GET", f"{place}/match", {"db": [row]}),
        ("GET", f"{place}/check", {"Allowed": True}),
        ("POST", "/v1/agent/connect/authorize", {"Authorized": True, "Reason": "x"}),
        ("GET", f"{place}/exact", row),
        ("PUT", f"{place}/exact", True),
        ("DELETE", f"{place}/exact", True),
        ("POST", f"{place}/explain", dict.fromkeys(ANSWERS["intention explain"].keys, "")),
        ("POST", f"{place}/diff", {"Differences": []}),
        ("GET", f"{place}/observed", {"Observed": [seen | {"Last": "2030-01-01T00:00:00Z"}]}),
    ):
        api.answer(method, path, value)


@pytest.fixture
def acls(api) -> None:
    """Serve every endpoint about tokens and policies."""
    numbers = {"Local": False, "CreateIndex": 5, "ModifyIndex": 5}
    token = dict.fromkeys(ANSWERS["token read"].keys, "x") | numbers
    policy = dict.fromkeys(ANSWERS["policy read"].keys, "x") | numbers
    del policy["Local"]
    for method, path, value in (
        ("PUT", "/v1/acl/bootstrap", token),
        ("POST", "/v1/acl/login", token),
        ("PUT", "/v1/acl/token", token),
        ("GET", "/v1/acl/tokens", [token]),
        ("GET", "/v1/acl/token/self", token),
        ("PUT", "/v1/acl/policy", policy),
        ("GET", "/v1/acl/policies", [policy]),
        ("GET", "/v1/acl/policy/name/ops", policy),
        *((each, "/v1/acl/token/a1", token) for each in ("GET", "PUT", "DELETE")),
        *((each, "/v1/acl/policy/x", policy) for each in ("PUT", "DELETE")),
    ):
        api.answer(method, path, value)


@pytest.fixture
def catalog(api) -> None:
    """Serve every endpoint about services and nodes."""
    for path, value in (
        ("/v1/agent/cache", dict.fromkeys(ANSWERS["cache top"].keys, 0)),
        ("/v1/catalog/services", {"web": []}),
        ("/v1/catalog/nodes", [dict.fromkeys(ANSWERS["catalog nodes"].keys, "x")]),
        ("/v1/health/state/any", []),
        ("/v1/health/service/web", [{key: {} for key in ANSWERS["catalog service"].keys}]),
    ):
        api.answer("GET", path, value)


@pytest.fixture
def services(api) -> None:
    """Serve every endpoint about what is registered with the agent."""
    check = dict.fromkeys(ANSWERS["check list"].keys, "web") | {"Status": "passing"}
    for method, path, value in (
        ("GET", "services", {"web": {"ID": "web", "Service": "web"}}),
        ("GET", "checks", {"service:web": check}),
        ("PUT", "service/register", b""),
        ("PUT", "service/deregister/web", b""),
        *(("PUT", f"check/{word}/service:web", b"") for word in ("pass", "warn", "fail")),
    ):
        api.answer(method, f"/v1/agent/{path}", value)


@pytest.fixture
def logins(api) -> None:
    """Serve every endpoint about auth methods and binding rules."""
    numbers = {"CreateIndex": 5, "ModifyIndex": 5}
    method = dict.fromkeys(ANSWERS["token method read"].keys, "x") | numbers | {"Config": {}}
    rule = dict.fromkeys(ANSWERS["token rule read"].keys, "x") | numbers
    for verb, path, value in (
        ("PUT", "/v1/acl/auth-method", method),
        ("GET", "/v1/acl/auth-methods", [method]),
        ("PUT", "/v1/acl/binding-rule", rule),
        ("GET", "/v1/acl/binding-rules", [rule]),
        *((each, "/v1/acl/auth-method/ci", method) for each in ("GET", "DELETE")),
        *((each, "/v1/acl/binding-rule/r1", rule) for each in ("GET", "DELETE")),
    ):
        api.answer(verb, path, value)


@pytest.mark.usefixtures("world", "changes", "intentions", "acls", "logins", "catalog", "services")
@pytest.mark.parametrize("name", sorted(set(ANSWERS) - RUN_BY_OTHER_TESTS))
def test_a_command_prints_the_promised_keys(run, api, monkeypatch, name):
    """Whatever the table promises is in the answer, in the promised shape."""
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
    result = run(*name.split(), *ARGUMENTS.get(name, ()), "--output", "json")
    answer = json.loads(result.stdout)
    promised = ANSWERS[name]
    assert isinstance(answer, list) == (promised.shape == "list")
    (first, *_) = answer if isinstance(answer, list) else [answer]
    assert set(promised.keys) <= set(first)


@pytest.mark.usefixtures("world")
def test_a_leaf_in_files_is_told_by_its_paths(run, api, monkeypatch, roots_answer):
    """With ``--out`` the answer names the files, and holds no key."""
    api.answer("GET", "/v1/agent/connect/ca/roots", roots_answer)
    monkeypatch.setenv("CA_CORE_HTTP_ADDR", api.url)
    answer = json.loads(run("leaf", "get", "web", "--out", "tls", "-o", "json").stdout)
    assert set(answer) == {"ServiceURI", "ValidBefore", "Leaf", "Key", "Bundle"}
