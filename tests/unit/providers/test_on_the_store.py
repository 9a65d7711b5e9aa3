"""The built-in provider on the real store, with real encryption, instead of the lent fakes."""

import dataclasses

import pytest
from ca_provider_builtin import ca_provider

from ca_core.contract import UnavailableError
from ca_core.state.kek import Kek, KeyRing
from ca_core.state.memory import MemoryEngine
from ca_core.state.providerstate import StoredProviderState
from ca_core.state.secrets import EncryptedSecrets
from ca_core.state.store import Store
from tests.unit.providers.world import World


class StoredWorld(World):
    """A built-in cluster whose state and secrets lie in a store."""

    def __init__(self, store, keyring, **rest):
        super().__init__("builtin", **rest)
        self.state = StoredProviderState(store, "builtin")
        self.secrets = EncryptedSecrets(store, keyring, "provider.builtin")
        self.store = store


@pytest.fixture
def store():
    """An empty store in memory."""
    with Store(MemoryEngine()) as opened:
        yield opened


def test_keys_and_chains_lie_in_the_store_and_come_back(store):
    """Everything a life needs fits the store's rules for keys, names and sizes."""
    world = StoredWorld(store, KeyRing((Kek.made(),)))
    server = world.started()
    leaf = world.sign(server)
    server.revoke(world.revoke_request(leaf))
    crl = world.server().crl(world.crl_request())
    assert [entry.serial_number for entry in crl] == [leaf.serial_number]
    world.sign(world.server())
    world.retire_signer(server)
    world.retire(world.server())
    assert world.records() == ["authority/a1/retired"]


def test_without_the_key_encryption_key_chains_are_read_and_nothing_signs(store):
    """A server that lacks the key answers what is public and refuses to sign, by name."""
    world = StoredWorld(store, KeyRing((Kek.made(),)))
    chain = world.started().trust_chain()
    poor = StoredWorld(store, KeyRing(()), clock=world.clock)
    server = ca_provider().open({}, dataclasses.replace(poor.context(), secrets=poor.secrets))
    assert server.trust_chain() == chain
    assert poor.ensure(server) == chain
    assert poor.prepare(server).chain[-1] == chain.primary
    with pytest.raises(UnavailableError):
        poor.sign(server)
    assert not server.health(deep=True).ok
    assert server.health().ok
