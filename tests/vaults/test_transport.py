"""The transport against the real server: TLS, threads, restarts, seals, namespaces."""

import shutil
import ssl
import threading
from pathlib import Path

import pytest
from ca_provider_vault.client import AbsentError, PooledAdapter, UnmountedError
from ca_provider_vault.config import VaultConfig, parse_config
from ca_provider_vault.tokens import TokenSource
from ca_provider_vault.transport import Transport

from ca_core.clock import SystemClock
from ca_core.contract import ConfigError, Error, Secret, UnavailableError
from tests.vaults.process import binary
from tests.vaults.secured import secured_vault


@pytest.fixture
def opened(vault):
    """Return a function that makes an adapter to the server, or to another address."""
    made = []

    def adapter(namespace: str = "", seconds: float = 10, **settings) -> PooledAdapter:
        address = settings.pop("address", vault.address)
        made.append(Transport(VaultConfig(address=address, **settings)))
        token = settings.get("token") or vault.token
        return PooledAdapter(made[-1], token=Secret(token), namespace=namespace, seconds=seconds)

    yield adapter
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """Run a server with TLS that asks for client certificates; return its address and folder."""
    program = binary()
    if program is None or not program.endswith("bao"):
        pytest.skip("needs the `bao` program")
    folder = tmp_path_factory.mktemp("secured")
    with secured_vault(program, folder) as server:
        yield server.address, folder


def test_threads_share_connections_and_get_their_own_answers(vault, opened):
    """Each reads what it wrote."""
    vault.call("POST", "sys/mounts/t-kv", {"type": "kv"})
    adapter, wrong = opened(concurrency=4), []

    def work(number: int) -> None:
        for turn in range(15):
            adapter.post(f"t-kv/{number}", json={"value": f"{number}-{turn}"})
            if adapter.get(f"t-kv/{number}")["data"]["value"] != f"{number}-{turn}":
                wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert sorted(adapter.list("t-kv")["data"]["keys"]) == [str(number) for number in range(8)]


def test_a_namespace_is_a_world_of_its_own(vault, opened):
    """The same path means another mount there."""
    vault.call("POST", "sys/namespaces/t-team", {})
    opened("t-team").post("sys/mounts/t-inside", json={"type": "kv"})
    opened("t-team").post("t-inside/a", json={"value": "x"})
    with pytest.raises(UnmountedError):
        opened().get("t-inside/a")
    with pytest.raises(AbsentError):
        opened("t-team").get("t-inside/b")


def test_the_first_write_after_a_restart_succeeds(vault, opened):
    """Connections that died with the server are noticed before a write is sent on them."""
    vault.call("POST", "sys/mounts/t-restart", {"type": "kv"})
    adapter = opened()
    adapter.get("sys/mounts")
    vault.restart()
    adapter.post("t-restart/a", json={"value": "x"})
    assert adapter.get("t-restart/a")["data"] == {"value": "x"}


def test_while_the_server_is_sealed_or_gone_it_is_unavailable(vault, opened):
    """And at once there again afterwards."""
    adapter = opened()
    vault.seal()
    with pytest.raises(UnavailableError, match="503"):
        adapter.get("sys/mounts")
    vault.unseal()
    assert adapter.get("sys/mounts")["data"]
    vault.kill()
    with pytest.raises(UnavailableError, match="reached"):
        adapter.post("sys/mounts/t-gone", json={"type": "kv"})
    vault.start()
    vault.unseal()
    assert adapter.get("sys/mounts")["data"]


def test_a_server_is_believed_with_its_ca_alone(secured, opened):
    """The given file decides, not the machine's store."""
    address, folder = secured
    token = "root"
    good = opened(address=address, token=token, ca_file=str(folder / "vault-ca.pem"))
    assert good.get("sys/mounts")["data"]
    (kept,) = good._transport._pool._idle
    assert good.get("sys/mounts")["data"]
    assert good._transport._pool._idle == [kept]
    with pytest.raises(UnavailableError, match="certificate was not accepted") as caught:
        opened(address=address, token=token).get("sys/mounts")
    assert "ca_file" in caught.value.hint
    unsafe = opened(address=address, token=token, unsafe_tls_skip_verify=True)
    assert unsafe.get("sys/mounts")["data"]


def test_a_name_that_is_not_in_the_certificate_is_refused(secured, opened):
    """``tls_server_name`` replaces the host in that comparison, both ways."""
    address, folder = secured
    settings = {"address": address, "token": "root", "ca_file": str(folder / "vault-ca.pem")}
    assert opened(tls_server_name="localhost", **settings).get("sys/mounts")["data"]
    with pytest.raises(UnavailableError, match="certificate was not accepted"):
        opened(tls_server_name="other.example", **settings).get("sys/mounts")


def test_a_ca_file_is_read_again_when_it_changes(secured, opened, tmp_path):
    """A renewed CA needs no restart; a torn file keeps the last good one."""
    address, folder = secured
    file = tmp_path / "ca.pem"
    shutil.copy(_other_ca(folder), file)
    adapter = opened(address=address, token="root", ca_file=str(file))
    with pytest.raises(UnavailableError):
        adapter.get("sys/mounts")
    shutil.copy(folder / "vault-ca.pem", file)
    assert adapter.get("sys/mounts")["data"]
    file.write_text("-----BEGIN CERT")
    adapter._transport._pool._idle.pop().close()
    assert adapter.get("sys/mounts")["data"]


def _other_ca(folder: Path) -> Path:
    """Return a CA file in which the server's CA is not: any certificate of the machine's store."""
    certificate = ssl.create_default_context().get_ca_certs(binary_form=True)[0]
    path = folder / "other-ca.pem"
    path.write_text(ssl.DER_cert_to_PEM_cert(certificate))
    return path


@pytest.mark.parametrize("key", ["ca_file", "ca_path", "cert_file"])
def test_a_tls_file_that_cannot_be_used_is_named_at_the_start(tmp_path, key):
    """Before anything is asked."""
    settings = {"cert_file": str(tmp_path / "none"), "key_file": str(tmp_path / "none")}
    settings = settings if key == "cert_file" else {key: str(tmp_path / "none")}
    with pytest.raises(ConfigError, match=key):
        Transport(VaultConfig(address="https://vault:8200", **settings))


def test_a_client_certificate_logs_in(secured, opened):
    """The method ``cert``, with the certificate of the connection."""
    address, folder = secured
    ca = str(folder / "vault-ca.pem")
    root = opened(address=address, token="root", ca_file=ca)
    root.post("sys/mounts/pki", json={"type": "pki"})
    made = root.post("pki/root/generate/internal", json={"common_name": "clients"})["data"]
    role = {"allow_any_name": True, "client_flag": True}
    root.post("pki/roles/r", json=role)
    leaf = root.post("pki/issue/r", json={"common_name": "agent", "ttl": "1h"})["data"]
    root.post("sys/auth/cert", json={"type": "cert"})
    root.post("auth/cert/certs/agent", json={"certificate": made["certificate"]})
    cert, key = folder / "agent.pem", folder / "agent.key"
    cert.write_text(leaf["certificate"])
    key.write_text(leaf["private_key"])
    config = {"address": address, "ca_file": ca, "auth_method": {"type": "cert"}}
    with pytest.raises(Error):
        _logged_in(config)
    assert _logged_in(config | {"cert_file": str(cert), "key_file": str(key)}).token


def _logged_in(settings: dict):
    config = parse_config(settings)
    transport = Transport(config)
    source = TokenSource(
        config,
        lambda token, seconds: PooledAdapter(transport, token=token, namespace="", seconds=seconds),
    )
    try:
        return source.taken(SystemClock().now())
    finally:
        transport.close()


def test_a_renewed_client_certificate_is_shown_at_the_next_login(secured, opened, tmp_path):
    """A connection that was opened with the old one is not used any more."""
    address, folder = secured
    root = opened(address=address, token="root", ca_file=str(folder / "vault-ca.pem"))
    root.post("sys/mounts/pki-2", json={"type": "pki"})
    made = root.post("pki-2/root/generate/internal", json={"common_name": "clients"})["data"]
    root.post("pki-2/roles/r", json={"allow_any_name": True, "enforce_hostnames": False})
    root.post("sys/auth/cert-2", json={"type": "cert"})
    root.post("auth/cert-2/certs/agent", json={"certificate": made["certificate"]})
    cert, key = tmp_path / "agent.pem", tmp_path / "agent.key"
    files = {"cert_file": str(cert), "key_file": str(key)}
    agent = None
    for name in ("before", "after"):
        leaf = root.post("pki-2/issue/r", json={"common_name": name, "ttl": "1h"})["data"]
        cert.write_text(leaf["certificate"])
        key.write_text(leaf["private_key"])
        agent = agent or opened(address=address, ca_file=str(folder / "vault-ca.pem"), **files)
        auth = agent.post("auth/cert-2/login", json={})["auth"]
        assert auth["metadata"]["common_name"] == name
