"""What the Vault provider does beyond the contract: how often it asks, and what it says."""

import dataclasses
import json
from datetime import timedelta

import pytest

from ca_core.clock import SystemClock
from ca_core.contract import ConfigError, ProviderError, UnavailableError
from ca_core.testing.lending import provider_context
from tests.vaults.subjects import arena_of, subject


def test_a_mount_of_another_kind_is_suspected(mounts, arena):
    """A store of secrets takes what is written, and knows of no root afterwards."""
    mounts.call("POST", f"sys/mounts/{mounts.root}", {"type": "kv"})
    with pytest.raises(ProviderError) as caught:
        arena.unmade().ensure()
    assert caught.value.hint == f"is {mounts.root}/ a mount of type pki?"


class Ahead:
    """The machine's clock, moved on by ``span``."""

    span = timedelta()

    def now(self):
        return SystemClock().now() + self.span

    def monotonic(self):
        return SystemClock().monotonic() + self.span.total_seconds()


def asked(vault, call):
    """Return the paths of the requests that reached the server during a call."""
    seen = vault.audit_log.stat().st_size
    call()
    with vault.audit_log.open() as log:
        log.seek(seen)
        entries = [json.loads(line) for line in log]
    return [entry["request"]["path"] for entry in entries if entry["type"] == "request"]


def test_a_leaf_costs_one_request(vault, mounts, arena):
    """Signing asks the server once, for that signer by its name."""
    mesh = arena.mesh()
    mesh.leaf()
    (path,) = asked(vault, mesh.leaf)
    assert path.startswith(f"{mounts.intermediate}/issuer/ca-core.{mesh.authority}.{mesh.signer}.")


def test_what_exists_is_told_without_a_request(vault, arena):
    """Chains stand in the store: every server reports them, whatever the backend does."""
    mesh = arena.mesh()
    again = mesh.another()
    assert not asked(vault, lambda: (again.ensure(), again.prepare(mesh.signer)))
    assert not asked(vault, again.provider.trust_chain)


def test_opening_asks_nothing(vault, arena):
    """An object may be made while the server is down."""
    assert not asked(vault, lambda: (arena.unmade(), arena.unmade().provider.health()))


def test_the_mounts_are_made_when_they_are_needed(vault, mounts, arena):
    """The root's mount comes with the authority, the signers' with the first signer."""
    mesh = arena.unmade()
    mesh.ensure()
    assert f"{mounts.intermediate}/" not in vault.call("GET", "sys/mounts")["data"]
    mesh.prepare()
    assert f"{mounts.intermediate}/" in vault.call("GET", "sys/mounts")["data"]


def test_mounts_that_the_operator_manages_are_not_made(vault, mounts):
    """Where mounts are given, a missing one is the operator's error and stays missing."""
    with arena_of(subject(mounts, manage_mounts=False)) as arena:
        with pytest.raises(ConfigError, match=mounts.root):
            arena.unmade().ensure()
        assert f"{mounts.root}/" not in vault.call("GET", "sys/mounts")["data"]


def test_a_signer_that_the_server_lost_is_named(mounts, arena):
    """Who removed a mount is told which signer went with it, and what to do."""
    mesh = arena.mesh()
    mounts.call("DELETE", f"sys/mounts/{mounts.intermediate}")
    with pytest.raises(ProviderError, match=mesh.signer) as caught:
        mesh.leaf()
    assert "new signer" in caught.value.hint


def test_a_sealed_server_is_an_outage_that_ends_with_it(vault, arena):
    """While it is sealed health says why nothing is signed; then the same object signs again."""
    mesh = arena.mesh()
    vault.seal()
    try:
        with pytest.raises(UnavailableError):
            mesh.leaf()
        assert "sealed" in mesh.provider.health(deep=True).message
    finally:
        vault.unseal()
    assert mesh.leaf()
    assert mesh.provider.health(deep=True).ok


def test_an_old_list_is_renewed(vault, arena):
    """A revocation list at half of its life is made again before it is given out."""
    mesh, clock = arena.mesh(), Ahead()
    path = f"{arena.subject.make_config(None)['intermediate_pki_path']}/crl/rotate"
    assert path not in asked(vault, mesh.crl)
    lent = mesh.provider.context
    context = provider_context(mesh.authority, state=lent.state, secrets=lent.secrets, clock=clock)
    clock.span = timedelta(days=2)
    later, request = arena.open(None, context), mesh.ask.crl(mesh.signer)
    request = dataclasses.replace(request, deadline=clock.now() + timedelta(seconds=10))
    assert path in asked(vault, lambda: later.crl(request))
