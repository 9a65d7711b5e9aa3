"""Every auth method that the server has logs in on it, with what its documentation asks for."""

import base64
import http.server
import json
import threading
import time

import pytest
from ca_provider_vault.client import PooledAdapter
from ca_provider_vault.config import parse_config
from ca_provider_vault.tokens import TokenSource
from ca_provider_vault.transport import Transport
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ca_core.clock import SystemClock
from ca_core.contract import Error
from tests.vaults.process import VaultProcess


def logged_in(vault: VaultProcess, kind: str, mount: str, params: dict, namespace: str = ""):
    """Return the lease of a login."""
    method = {"type": kind, "mount_path": mount, "params": params}
    config = parse_config({"address": vault.address, "auth_method": method, "namespace": namespace})
    transport = Transport(config)

    def ask(token: str, seconds: float) -> PooledAdapter:
        return PooledAdapter(transport, token=token, namespace=namespace, seconds=seconds)

    try:
        lease = TokenSource(config, ask).taken(SystemClock().now())
        assert ask(lease.token, 5).get("auth/token/lookup-self")["data"]["path"].startswith("auth/")
    finally:
        transport.close()
    return lease


def mounted(vault: VaultProcess, kind: str, mount: str) -> None:
    """Mount an auth method."""
    vault.call("POST", f"sys/auth/{mount}", {"type": kind})


def part(content: object) -> str:
    """Return one part of a JWT."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwt_of(key: ec.EllipticCurvePrivateKey, **claims) -> str:
    """Return a signed JWT that is good for five minutes."""
    now = int(time.time())
    times = {"iat": now - 5, "nbf": now - 5, "exp": now + 300}
    head = part({"alg": "ES256", "typ": "JWT"}) + "." + part(times | claims)
    r, s = utils.decode_dss_signature(key.sign(head.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{head}.{part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def pem_of(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the PEM of its public key."""
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def any_ca(vault: VaultProcess) -> str:
    """Return the PEM of a CA's certificate; the method demands one, even for plain HTTP."""
    vault.call("POST", "sys/mounts/l-ca", {"type": "pki"})
    made = vault.call("POST", "l-ca/root/generate/internal", {"common_name": "cluster"})
    return made["data"]["certificate"]


@pytest.fixture
def reviewer():
    """Run what answers TokenReview for a cluster: it knows one service account."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            user = {"username": "system:serviceaccount:mesh:ca", "uid": "u-1", "groups": []}
            body = json.dumps(
                {
                    "apiVersion": "authentication.k8s.io/v1",
                    "kind": "TokenReview",
                    "status": {"authenticated": True, "user": user},
                }
            ).encode()
            self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_approle(vault, tmp_path):
    """With a role and a secret, the secret from a file."""
    mounted(vault, "approle", "l-approle")
    vault.call("POST", "auth/l-approle/role/ca", {"token_ttl": "10m"})
    role = vault.call("GET", "auth/l-approle/role/ca/role-id")["data"]["role_id"]
    secret = vault.call("POST", "auth/l-approle/role/ca/secret-id", {})["data"]["secret_id"]
    file = tmp_path / "secret"
    file.write_text(secret)
    lease = logged_in(vault, "approle", "l-approle", {"role_id": role, "secret_id_file": str(file)})
    assert lease.renewable
    assert lease.ttl.total_seconds() == 600


def test_userpass_and_a_wrong_password(vault):
    """The refusal is one of ours and repeats nothing secret."""
    mounted(vault, "userpass", "l-users")
    vault.call("POST", "auth/l-users/users/ca", {"password": "right-password"})
    assert logged_in(vault, "userpass", "l-users", {"username": "ca", "password": "right-password"})
    with pytest.raises(Error) as caught:
        logged_in(vault, "userpass", "l-users", {"username": "ca", "password": "wrong-password"})
    assert "wrong-password" not in str(caught.value)


def test_jwt_with_a_static_key(vault, tmp_path):
    """The token of the platform, read from its file."""
    mounted(vault, "jwt", "l-jwt")
    key = ec.generate_private_key(ec.SECP256R1())
    vault.call("POST", "auth/l-jwt/config", {"jwt_validation_pubkeys": [pem_of(key)]})
    role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"]}
    vault.call("POST", "auth/l-jwt/role/ca", role)
    file = tmp_path / "jwt"
    file.write_text(jwt_of(key, sub="ca", aud="vault"))
    assert logged_in(vault, "jwt", "l-jwt", {"role": "ca", "path": str(file)})


def test_kubernetes_with_a_cluster_that_reviews_the_token(vault, reviewer, tmp_path):
    """The pod's own token is sent, and the cluster asked about it."""
    mounted(vault, "kubernetes", "l-pods")
    key = ec.generate_private_key(ec.SECP256R1())
    account = {"name": "ca", "uid": "u-1"}
    claims = {"namespace": "mesh", "serviceaccount": account}
    token = jwt_of(
        key, iss="cluster", sub="system:serviceaccount:mesh:ca", **{"kubernetes.io": claims}
    )
    settings = {
        "kubernetes_host": reviewer,
        "token_reviewer_jwt": token,
        "disable_local_ca_jwt": True,
        "kubernetes_ca_cert": any_ca(vault),
        "pem_keys": [pem_of(key)],
    }
    vault.call("POST", "auth/l-pods/config", settings)
    bound = {"bound_service_account_names": ["ca"], "bound_service_account_namespaces": ["mesh"]}
    vault.call("POST", "auth/l-pods/role/ca", bound)
    file = tmp_path / "token"
    file.write_text(token)
    assert logged_in(vault, "kubernetes", "l-pods", {"role": "ca", "token_path": str(file)})


def test_a_login_in_a_namespace(vault):
    """The method is mounted there, and not above."""
    vault.call("POST", "sys/namespaces/l-team", {})
    vault.call("POST", "l-team/sys/auth/l-users", {"type": "userpass"})
    vault.call("POST", "l-team/auth/l-users/users/ca", {"password": "right-password"})
    params = {"username": "ca", "password": "right-password"}
    assert logged_in(vault, "userpass", "l-users", params, namespace="l-team")
