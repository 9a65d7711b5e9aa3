"""The server that tests of the Vault provider run on is real, and behaves as they need."""

import urllib.error

import pytest

from tests.vaults.process import VaultProcess


def test_what_was_mounted_outlives_a_kill(vault: VaultProcess):
    """Storage is durable: a restart is a restart."""
    mount = f"{vault.label}survivor"
    vault.call("POST", f"sys/mounts/{mount}", {"type": "pki"})
    vault.restart()
    assert f"{mount}/" in vault.call("GET", "sys/mounts")["data"]


def test_a_sealed_server_refuses_and_serves_again_once_unsealed(vault: VaultProcess):
    """Sealing is one of the outages that the provider must survive."""
    vault.seal()
    with pytest.raises(urllib.error.HTTPError, match="503"):
        vault.call("GET", "sys/mounts")
    vault.unseal()
    assert vault.call("GET", "sys/mounts")["data"]


def test_every_request_stands_in_the_audit_log(vault: VaultProcess):
    """A test can prove that its calls arrived."""
    path = f"sys/mounts/{vault.label}audited-path"
    vault.call("POST", path, {"type": "pki"})
    assert f'"path":"{path}"' in vault.audit_log.read_text()
