"""The configuration that stands: seeded once, secrets apart, hidden when shown."""

from datetime import timedelta

import msgspec
import pytest

from ca_core.authority.configuration import (
    digest_of,
    provider_config,
    seeded,
    settings_of,
    shown,
)
from ca_core.authority.registry import Registry
from ca_core.authority.settings import CASettings
from ca_core.contract import ProviderPlugin, Secret, json_schema, parse_struct
from ca_core.errors import UnavailableError
from ca_core.identity.keys import KeySpec, KeyType
from ca_core.state.memory import MemoryDisk, MemoryEngine
from ca_core.state.store import Store
from ca_core.testing.lending import MemorySecrets

TOKEN = "hvs.a-very-secret-token-indeed"


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A nested table with a secret in it."""

    role_id: str = ""
    secret_id: Secret | None = None


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's configuration with secrets at two depths."""

    address: str = ""
    token: Secret | None = None
    login: Login = Login()


PLUGIN = ProviderPlugin(
    parse_config=lambda raw: parse_struct(Config, raw, where="ca.config"),
    create=lambda config, context: None,
    schema=json_schema(Config),
)
REGISTRY = Registry(entry_points=(), extra={"vaultlike": PLUGIN})
SETTINGS = CASettings(
    provider="vaultlike",
    config={"address": "http://x", "token": TOKEN, "login": {"secret_id": TOKEN, "role_id": "r"}},
    leaf_ttl=timedelta(hours=24),
    key=KeySpec(KeyType.RSA, 3072),
    trust_corporate_root=True,
)


@pytest.fixture
def disk() -> MemoryDisk:
    """A fresh disk."""
    return MemoryDisk()


def test_what_is_seeded_comes_back_with_its_secrets(disk):
    """Settings and provider keys survive the store unchanged."""
    secrets = MemorySecrets()
    with Store(MemoryEngine(disk=disk)) as store:
        row = seeded(store, secrets, SETTINGS, REGISTRY)
        assert provider_config(row, secrets) == SETTINGS.config
        back = settings_of(row)
        assert (back.leaf_ttl, back.key, back.trust_corporate_root) == (
            SETTINGS.leaf_ttl,
            SETTINGS.key,
            True,
        )


def test_no_secret_lies_in_the_row_nor_is_shown(disk):
    """The row holds a name; what anybody sees is ``<hidden:ID>``."""
    secrets = MemorySecrets()
    with Store(MemoryEngine(disk=disk)) as store:
        row = seeded(store, secrets, SETTINGS, REGISTRY)
        assert TOKEN.encode() not in repr(disk.snapshot()).encode()
        assert TOKEN not in repr(row)
        assert TOKEN not in repr(SETTINGS)
        visible = shown(row)
        assert visible["address"] == "http://x"
        assert str(visible["token"]).startswith("<hidden:")
        assert TOKEN not in str(visible)


def test_the_second_start_keeps_what_stands(disk):
    """A file edited since changes nothing by itself."""
    secrets = MemorySecrets()
    with Store(MemoryEngine(disk=disk)) as store:
        first = seeded(store, secrets, SETTINGS, REGISTRY)
        edited = CASettings(provider="vaultlike", config={"address": "http://y"})
        assert seeded(store, secrets, edited, REGISTRY) == first
        assert digest_of(edited) != first.file_digest


def test_a_lost_secret_is_an_error_that_names_its_place(disk):
    """The provider is not opened with half a configuration."""
    with Store(MemoryEngine(disk=disk)) as store:
        row = seeded(store, MemorySecrets(), SETTINGS, REGISTRY)
        with pytest.raises(UnavailableError, match="configuration/"):
            provider_config(row, MemorySecrets())


def test_the_digest_sees_secrets_and_ignores_order():
    """Another token is another configuration; another order of keys is not."""
    again = CASettings(
        provider="vaultlike",
        config=dict(reversed(SETTINGS.config.items())),
        leaf_ttl=SETTINGS.leaf_ttl,
        key=SETTINGS.key,
        trust_corporate_root=True,
    )
    assert digest_of(again) == digest_of(SETTINGS)
    other = CASettings(provider="vaultlike", config={**SETTINGS.config, "token": "another"})
    assert digest_of(other) != digest_of(SETTINGS)
