"""The built-in provider's configuration: what fits together, what does not, what it is called."""

import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from ca_provider_builtin import BuiltinConfig, BuiltinPrimary, BuiltinSecondary, ca_provider

from ca_core.authority.registry import Registry
from ca_core.contract import (
    API_VERSION,
    Capability,
    ConfigError,
    ProviderPlugin,
    Role,
)
from tests.unit.providers.authorities import inline, own_root
from tests.unit.providers.world import World

FILES = {"root_cert_file": "ca.pem", "private_key_file": "ca.key"}
INLINE = {"root_cert": "x", "private_key": "y"}


def test_nothing_needs_to_be_set():
    """The empty configuration makes its own root and signs with an intermediate."""
    config = ca_provider().parse_config({})
    assert config == BuiltinConfig()
    assert config.intermediates
    assert not config.adopts


@pytest.mark.parametrize(
    ("raw", "where", "said"),
    [
        ({"root_cert_fil": "x"}, "ca.config.root_cert_fil", "root_cert_file"),
        ({"root_cert_file": "x"}, "ca.config.private_key_file", "missing"),
        ({"private_key_file": "x"}, "ca.config.root_cert_file", "missing"),
        ({"root_cert": "x"}, "ca.config.private_key", "missing"),
        ({"private_key": "x"}, "ca.config.root_cert", "missing"),
        (FILES | INLINE, "ca.config.root_cert_file", "inline"),
        (FILES | {"external_issuer": True}, "ca.config.external_issuer", "adopted"),
        ({"private_key_passphrase": "x"}, "ca.config.private_key_passphrase", "no private key"),
        ({"private_key_passphrase_file": "x"}, "ca.config.private_key_passphrase", "no private"),
        (
            FILES | {"private_key_passphrase": "x", "private_key_passphrase_file": "y"},
            "ca.config.private_key_passphrase",
            "also given",
        ),
        ({"intermediates": "yes"}, "ca.config.intermediates", "bool"),
        ({"root_cert_file": 7, "private_key_file": "x"}, "ca.config.root_cert_file", "str"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_key(raw, where, said):
    """Every mistake names its dotted key and says what would be right."""
    with pytest.raises(ConfigError, match=said) as refused:
        ca_provider().parse_config(raw)
    assert refused.value.where == where


def test_every_setting_is_described():
    """``provider show`` prints a sentence for each key, from the schema alone."""
    properties = ca_provider().schema["properties"]
    assert set(properties) == set(BuiltinConfig.__struct_fields__)
    undescribed = [name for name, node in properties.items() if "description" not in str(node)]
    assert undescribed == []


def test_the_role_decides_which_half_is_made():
    """A primary makes authorities, a secondary asks for intermediates; both sign leaves."""
    assert isinstance(World("builtin").server(), BuiltinPrimary)
    assert isinstance(World("builtin", role=Role.SECONDARY).server(), BuiltinSecondary)


def test_the_descriptor_promises_what_some_instance_declares():
    """Every capability of the descriptor is declared by an instance of some configuration."""
    plugin = ca_provider()
    assert isinstance(plugin, ProviderPlugin)
    assert plugin.api_version == API_VERSION
    declared = set(World("builtin", role=Role.SECONDARY).server().capabilities)
    for config in ({}, {"external_issuer": True}):
        declared |= World("builtin", config=config).server().capabilities
    assert declared == plugin.capabilities
    assert Capability.CROSS_SIGN_NEEDS_CSR not in declared


def test_changing_the_named_ca_is_no_change_in_place():
    """A new root is a rotation, decided by the core; the plugin vetoes no such update."""
    ca_provider().check_update({}, inline(own_root()))
    with pytest.raises(ConfigError):
        ca_provider().check_update({}, {"root_cert": "half"})


def test_the_project_registers_it_as_a_third_party_would():
    """The entry point in ``pyproject.toml`` leads the registry to this plugin."""
    text = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    declared = tomllib.loads(text)["project"]["entry-points"]["ca_core.providers"]["builtin"]
    entry = metadata.EntryPoint("builtin", declared, "ca_core.providers")
    found = Registry(entry_points=[entry])
    assert found.get("builtin").create is ca_provider().create
    assert found.get("consul").create is ca_provider().create
