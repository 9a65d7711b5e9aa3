"""Each auth method asks at its own path for what its documentation wants, with fresh files."""

import base64
import json
from contextlib import closing, contextmanager

import pytest
from ca_provider_vault.client import PooledAdapter
from ca_provider_vault.config import AuthMethod, VaultConfig
from ca_provider_vault.logins import login_of
from ca_provider_vault.tokens import TokenSource
from ca_provider_vault.transport import Transport

from ca_core.contract import ConfigError, ProviderError
from ca_core.testing.clock import START
from tests.unit.providers.vault.peer import Peer, answer, replying

TOKEN = {"auth": {"client_token": "s.new-token", "lease_duration": 60, "renewable": True}}
JWT = "eyJhbGciOiJub25lIn0.e30."


def login(kind: str, mount: str = "", **params):
    """Return what a method would send."""
    return login_of(AuthMethod(type=kind, mount_path=mount, params=params))


def fields_of(kind: str, **params):
    """Return the fields that a method would send."""
    return json.loads(login(kind, **params).content.reveal())


@contextmanager
def source_of(peer: Peer, method: AuthMethod):
    """Give a source of tokens that logs in at a peer."""
    config = VaultConfig(address=peer.address, auth_method=method)
    with closing(Transport(config)) as transport:
        yield TokenSource(
            config,
            lambda token, seconds: PooledAdapter(
                transport, token=token, namespace="team", seconds=seconds
            ),
        )


def heard_of(kind: str, mount: str = "", **params):
    """Return the request that arrives at a login endpoint, once its token was understood."""
    method = AuthMethod(type=kind, mount_path=mount, params=params)
    with Peer(replying(answer(200, TOKEN))) as peer, source_of(peer, method) as source:
        assert source.taken(START).token.reveal() == "s.new-token"
        return peer.heard[0]


@pytest.mark.parametrize(
    ("kind", "params", "path", "fields"),
    [
        ("approle", {"role_id": "r", "secret_id": "s"}, "approle/login", None),
        ("approle", {"role_id": "r"}, "approle/login", None),
        ("jwt", {"role": "r", "jwt": JWT}, "jwt/login", None),
        ("kubernetes", {"role": "r", "jwt": JWT}, "kubernetes/login", None),
        ("cert", {"name": "web"}, "cert/login", None),
        ("cert", {}, "cert/login", None),
        ("userpass", {"username": "u", "password": "p"}, "userpass/login/u", {"password": "p"}),
        ("ldap", {"username": "u", "password": "p"}, "ldap/login/u", {"password": "p"}),
        ("aws", {"role": "r", "identity": "i", "signature": "s"}, "aws/login", None),
        ("aws", {"role": "r", "pkcs7": "p", "nonce": "n"}, "aws/login", None),
        (
            "azure",
            {"role": "r", "jwt": JWT, "subscription_id": "s", "resource_group_name": "g"},
            "azure/login",
            None,
        ),
        ("gcp", {"role": "r", "jwt": JWT}, "gcp/login", None),
        (
            "alicloud",
            {"role": "r", "identity_request_url": "dQ==", "identity_request_headers": "aA=="},
            "alicloud/login",
            None,
        ),
    ],
)
def test_a_method_sends_its_own_fields_to_its_own_path(kind, params, path, fields):
    """No token is sent with it, and the namespace is that of logins."""
    heard = heard_of(kind, **params)
    assert (heard.method, heard.path) == ("POST", f"/v1/auth/{path}")
    assert heard.fields == (params if fields is None else fields)
    assert "x-vault-token" not in heard.headers
    assert heard.headers["x-vault-namespace"] == "team"


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "é", 5, None])
def test_a_login_that_brings_no_token_is_the_servers_fault(token):
    """Not that of every call which would carry it."""
    method = AuthMethod(type="cert")
    said = answer(200, {"auth": {"client_token": token, "lease_duration": 60}})
    fails = pytest.raises(ProviderError, match="has no token")
    with Peer(replying(said)) as peer, source_of(peer, method) as source, fails:
        source.taken(START)


def test_a_method_may_be_mounted_elsewhere():
    """With or without slashes around it."""
    assert login("approle", "/team/roles/", role_id="r").path == "auth/team/roles/login"


@pytest.mark.parametrize(
    ("user", "sent"), [("a b", "a%20b"), ("../sys", "..%2Fsys"), ("é", "%C3%A9"), ("a?b", "a%3Fb")]
)
def test_a_name_stays_one_part_of_the_path(user, sent):
    """A user's name cannot become another path."""
    assert login("userpass", username=user, password="p").path == f"auth/userpass/login/{sent}"


@pytest.mark.parametrize("suffix", ["_file", "_file_path"])
def test_files_are_read_at_every_login(tmp_path, suffix):
    """A rotated secret counts from the next login on; space around it does not."""
    role, secret = tmp_path / "role", tmp_path / "secret"
    role.write_text("r1\n")
    params = {f"role_id{suffix}": str(role), f"secret_id{suffix}": str(secret)}
    for content in ("s1", "s2"):
        secret.write_text(f" {content}\n")
        assert fields_of("approle", **params) == {"role_id": "r1", "secret_id": content}


def test_a_pods_own_token_is_read_at_every_login(tmp_path):
    """Kubernetes replaces it each hour."""
    file = tmp_path / "token"
    for content in ("a.b.c", "d.e.f"):
        file.write_text(content)
        found = fields_of("kubernetes", role="r", token_path=str(file))
        assert found == {"role": "r", "jwt": content}
    assert fields_of("jwt", role="r", path=str(file))["jwt"] == "d.e.f"


def test_a_clouds_field_may_come_from_a_file(tmp_path):
    """Its tools write signed identities there."""
    file = tmp_path / "identity"
    file.write_text(JWT)
    assert fields_of("gcp", role="r", jwt_file=str(file)) == {"role": "r", "jwt": JWT}
    assert fields_of("azure", role="r", jwt_file_path=str(file)) == {"role": "r", "jwt": JWT}


def test_aws_is_asked_who_we_are_and_the_secret_key_stays_here():
    """The signed question names region, session and the server that it is meant for."""
    fields = heard_of(
        "aws",
        role="web",
        access_key="AKIDEXAMPLE",
        secret_key="wJalrXUtnFEMI/K7MDENG",
        session_token="session-1",
        region="eu-west-1",
        header_value="vault.example.com",
    ).fields
    headers = json.loads(base64.b64decode(fields["iam_request_headers"]))
    assert fields["role"] == "web"
    assert fields["iam_http_request_method"] == "POST"
    assert base64.b64decode(fields["iam_request_url"]) == b"https://sts.amazonaws.com/"
    assert b"Action=GetCallerIdentity" in base64.b64decode(fields["iam_request_body"])
    assert headers["X-Vault-AWS-IAM-Server-ID"] == "vault.example.com"
    assert headers["X-Amz-Security-Token"] == "session-1"
    assert "Credential=AKIDEXAMPLE/" in headers["Authorization"]
    assert "/eu-west-1/sts/aws4_request" in headers["Authorization"]
    assert "x-vault-aws-iam-server-id" in headers["Authorization"]
    assert "wJalr" not in json.dumps(headers)
    assert set(fields) == {
        "role",
        "iam_http_request_method",
        "iam_request_url",
        "iam_request_body",
        "iam_request_headers",
    }


@pytest.mark.parametrize(
    ("kind", "params", "missing"),
    [
        ("approle", {}, "role_id"),
        ("userpass", {"username": "u"}, "password"),
        ("userpass", {"password": "p"}, "username"),
        ("ldap", {"password": "p"}, "username"),
        ("jwt", {"jwt": JWT}, "role"),
        ("jwt", {"role": "r"}, "path"),
        ("kubernetes", {"jwt": JWT}, "role"),
        ("aws", {"access_key": "a"}, "secret_key"),
    ],
)
def test_a_missing_parameter_is_named(kind, params, missing):
    """The operator is told the key, before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        login(kind, **params)
    assert caught.value.where == f"ca.config.auth_method.params.{missing}"


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """By its key and its path."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigError, match=str(path)):
            login("approle", role_id_file=str(path))
    with pytest.raises(ConfigError, match="token_path"):
        login("kubernetes", role="r", token_path=str(tmp_path / "none"))


def test_the_mark_of_an_editor_is_no_part_of_a_secret(tmp_path):
    """It is invisible, and the server would refuse the secret."""
    file = tmp_path / "secret"
    file.write_bytes(b"\xef\xbb\xbfsid-123\r\n")
    sent = login("approle", role_id="r", secret_id_file=str(file)).content.reveal()
    assert json.loads(sent)["secret_id"] == "sid-123"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfeABC"])
def test_a_file_without_text_is_refused_and_not_shown(tmp_path, content):
    """It is not sent as if it were a secret."""
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="holds no text") as caught:
        login("approle", role_id="r", secret_id_file=str(file))
    assert "ABC" not in repr(vars(caught.value)) + repr(caught.value.__context__)


def test_an_unknown_method_is_answered_with_those_there_are():
    """A token is no method: it has its own keys."""
    with pytest.raises(ConfigError, match="approle, aws, azure, cert"):
        login("kerberos")
    with pytest.raises(ConfigError) as caught:
        login("token")
    assert "token_file" in caught.value.hint


def test_no_secret_is_in_a_repr():
    """Configurations and logins are shown in errors of tests and in logs."""
    method = AuthMethod(type="approle", params={"role_id": "rid-1234", "secret_id": "sid-1234"})
    config = VaultConfig(address="http://vault", auth_method=method)
    shown = f"{method!r} {login_of(method)!r} {config!r}"
    assert "1234" not in shown
