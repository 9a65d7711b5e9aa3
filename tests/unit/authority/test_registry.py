"""Finding providers: metadata first, one import, refusals that name the culprit."""

import sys
from importlib.metadata import EntryPoint

import pytest

from ca_core.authority.registry import Registry
from ca_core.contract import ProviderPlugin
from ca_core.errors import ConfigError

GROUP = "ca_core.providers"

MODULES = {
    "good": "from ca_core.testing.reference import reference_plugin\n"
    "from ca_core.contract import hookimpl\n"
    "@hookimpl\ndef ca_provider():\n    return reference_plugin()\n",
    "syntax": "def broken(:\n",
    "wrong_return": "from ca_core.contract import hookimpl\n"
    "@hookimpl\ndef ca_provider():\n    return 7\n",
    "unknown_hook": "from ca_core.contract import hookimpl\n"
    "@hookimpl\ndef ca_provdier():\n    return None\n",
    "no_hook": "VALUE = 1\n",
    "future": "import dataclasses\n"
    "from ca_core.testing.reference import reference_plugin\n"
    "from ca_core.contract import hookimpl\n"
    "@hookimpl\ndef ca_provider():\n"
    "    return dataclasses.replace(reference_plugin(), api_version=99)\n",
}


@pytest.fixture
def entry(tmp_path, monkeypatch):
    """Return a function that makes an entry point for one of ``MODULES``."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str) -> EntryPoint:
        module = f"ca_provider_for_test_{name}"
        (tmp_path / f"{module}.py").write_text(MODULES[name])
        monkeypatch.delitem(sys.modules, module, raising=False)
        return EntryPoint(name, module, GROUP)

    return make


def test_the_built_in_provider_enters_by_the_same_door():
    """It is found through the entry points of the installed distribution."""
    (found,) = [p for p in Registry().installed() if p.name == "builtin"]
    assert (found.distribution, found.entry_point) == ("ca-core", "ca_provider_builtin")
    assert isinstance(Registry().get("builtin"), ProviderPlugin)


def test_consul_is_another_name_of_the_built_in_provider():
    """Consul's configuration files name their own provider ``consul``."""
    assert Registry().get("consul") is not None


def test_a_good_plugin_is_loaded_by_its_name(entry):
    """The entry point's name is the provider's name."""
    assert isinstance(Registry(entry_points=[entry("good")]).get("good"), ProviderPlugin)


def test_listing_imports_nothing(entry):
    """A neighbour with a syntax error is listed like any other, and disturbs nobody."""
    registry = Registry(entry_points=[entry("syntax"), entry("good")])
    assert [plugin.name for plugin in registry.installed()] == ["good", "syntax"]
    assert isinstance(registry.get("good"), ProviderPlugin)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("syntax", "SyntaxError"),
        ("wrong_return", "returned int, not ProviderPlugin"),
        ("unknown_hook", "unknown hook"),
        ("no_hook", "does not implement ca_provider"),
        ("future", "API version 99"),
    ],
)
def test_a_broken_plugin_is_refused_by_name(entry, name, told):
    """The error names the plugin, its module, and what is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        Registry(entry_points=[entry(name)]).get(name)
    assert told in str(caught.value)
    assert f"ca_provider_for_test_{name}" in str(caught.value)


def test_an_unknown_name_is_answered_with_the_nearest_one(entry):
    """``gud`` means ``good``."""
    with pytest.raises(ConfigError, match="did you mean 'good'"):
        Registry(entry_points=[entry("good")]).get("goood")


def test_an_unknown_name_lists_what_is_installed(entry):
    """Nothing near: the whole list."""
    with pytest.raises(ConfigError, match="known: good"):
        Registry(entry_points=[entry("good")]).get("zzz")


def test_two_plugins_of_one_name_are_both_named(entry):
    """A duplicate is refused, never resolved by chance."""
    twice = [entry("good"), EntryPoint("good", "somewhere.else", GROUP)]
    with pytest.raises(ConfigError) as caught:
        Registry(entry_points=twice).get("good")
    assert "somewhere.else" in str(caught.value)
    assert "ca_provider_for_test_good" in str(caught.value)
