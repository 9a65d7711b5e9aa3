"""Finding providers: metadata first, one import, refusals that name the culprit."""

import dataclasses
import sys
import types
from importlib import metadata
from importlib.metadata import EntryPoint

import pytest

from ca_core.authority.loading import registered
from ca_core.authority.plugintrace import PluginTrace, trace_wanted_by
from ca_core.authority.registry import Registry
from ca_core.contract import ApiVersion, ProviderPlugin, hookimpl
from ca_core.contract.plugin import PLUGIN_GROUP, SERVED_VERSIONS, hookspec
from ca_core.errors import (
    ConfigError,
    PluginAnswerError,
    PluginDuplicateError,
    PluginError,
    PluginHookError,
    PluginImportError,
    PluginOrigin,
    PluginUnknownError,
    PluginVersionError,
)
from ca_core.testing.clock import FakeClock
from ca_core.testing.reference import reference_plugin

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
    "secret": "TOKEN = 'hunter2'\nraise RuntimeError(f'cannot log in with {TOKEN}')\n",
    "quitter": "import sys\nsys.exit('hunter2')\n",
    "missing": "import boto9\n",
    "raising_hook": "from ca_core.contract import hookimpl\n"
    "@hookimpl\ndef ca_provider():\n    raise KeyError('hunter2')\n",
    "wrong_argument": "from ca_core.contract import hookimpl\n"
    "@hookimpl\ndef ca_provider(request):\n    return None\n",
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


def versioned(number, *older, description=""):
    """Return a module whose provider offers these API versions, newest first."""
    module = types.ModuleType("ca_provider_versioned")
    plugin = dataclasses.replace(
        reference_plugin(),
        api_version=number,
        description=description or str(number),
        older=tuple(dataclasses.replace(reference_plugin(), api_version=one) for one in older),
    )
    module.ca_provider = hookimpl(lambda: plugin)
    return module


@pytest.fixture
def bring(monkeypatch):
    """Return a function that makes a module importable, and its entry point in a distribution."""

    def make(module, name="acme", group=GROUP, distribution="ca-provider-acme"):
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return EntryPoint(name, module.__name__, group)._for(Distribution(distribution))

    return make


class Distribution(metadata.Distribution):
    """A distribution without files."""

    def __init__(self, name):
        self._name = name

    def read_text(self, filename):
        return f"Name: {self._name}\nVersion: 1.2.3\n" if filename == "METADATA" else None

    def locate_file(self, path):
        return path


TWO = (ApiVersion(2), ApiVersion(1, deprecated="use version 2; version 1 goes in 3.0"))
THREE = (ApiVersion(3), *TWO)


@pytest.mark.parametrize(
    ("offered", "served", "chosen"),
    [
        ((1,), SERVED_VERSIONS, 1),
        ((2, 1), SERVED_VERSIONS, 1),
        ((99, 2, 1), TWO, 2),
        ((1,), THREE, 1),
        ((3, 2, 1), THREE, 3),
        ((1, 2), THREE, 2),
    ],
)
def test_the_newest_version_that_both_know_is_taken(bring, offered, served, chosen):
    """A plugin may offer several, the core serves several; the core's ranking decides."""
    registry = Registry(entry_points=[bring(versioned(*offered))], served=served)
    assert registry.get("acme").api_version == chosen


def test_a_deprecated_version_is_logged_once_with_what_to_use(bring, caplog):
    """Plugin, distribution and version are named, so that the operator knows whom to ask."""
    registry = Registry(entry_points=[bring(versioned(1))], served=TWO)
    registry.get("acme")
    registry.get("acme")
    (told,) = [record.getMessage() for record in caplog.records]
    assert "acme (ca-provider-acme 1.2.3, ca_provider_versioned)" in told
    assert "API version 1: use version 2; version 1 goes in 3.0" in told


def test_a_version_that_is_not_deprecated_is_not_spoken_of(bring, caplog):
    """Silence is for those who are up to date."""
    Registry(entry_points=[bring(versioned(2, 1))], served=TWO).get("acme")
    assert caplog.records == []


def test_no_version_in_common_names_both_sides(bring):
    """The error says what the plugin offers and what the core serves."""
    registry = Registry(entry_points=[bring(versioned(99, 98))], served=THREE)
    with pytest.raises(PluginVersionError, match="API version 99, 98; this core serves 3, 2, 1"):
        registry.get("acme")


def test_something_else_among_the_older_descriptors_is_refused(bring):
    """What is not a descriptor is never opened."""
    module = versioned(2)
    plugin = dataclasses.replace(module.ca_provider(), older=("1",))
    module.ca_provider = hookimpl(lambda: plugin)
    with pytest.raises(PluginAnswerError, match="returned str, not ProviderPlugin"):
        Registry(entry_points=[bring(module)]).get("acme")


REFUSALS = {
    "syntax": PluginImportError,
    "wrong_return": PluginAnswerError,
    "unknown_hook": PluginHookError,
    "no_hook": PluginHookError,
    "future": PluginVersionError,
    "secret": PluginImportError,
    "quitter": PluginImportError,
    "missing": PluginImportError,
    "raising_hook": PluginImportError,
}


@pytest.mark.parametrize(("name", "kind"), REFUSALS.items())
def test_every_refusal_has_its_type_and_names_whose_plugin_it_is(entry, name, kind):
    """Name, distribution, version and entry point are in the error, as data and as text."""
    point = entry(name)._for(Distribution("ca-provider-acme"))
    with pytest.raises(kind) as caught:
        Registry(entry_points=[point]).get(name)
    origin = caught.value.origin
    assert (origin.name, origin.distribution, origin.version) == (name, "ca-provider-acme", "1.2.3")
    assert str(origin) in str(caught.value)
    assert "hunter2" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("secret", "RuntimeError at ca_provider_for_test_secret.py:2"),
        ("syntax", "ca_provider_for_test_syntax.py:1"),
        ("quitter", "SystemExit at ca_provider_for_test_quitter.py:2"),
        ("missing", "no module 'boto9', wanted at ca_provider_for_test_missing.py:1"),
        ("raising_hook", "ca_provider() raised KeyError at ca_provider_for_test_raising_hook.py:4"),
        ("unknown_hook", "'ca_provdier'; did you mean 'ca_provider'?"),
        ("wrong_argument", "Argument(s) {'request'}"),
    ],
)
def test_a_refusal_says_where_to_look_and_shows_no_foreign_text(entry, name, told):
    """File and line lead the author there; what an exception says may be a secret."""
    with pytest.raises(PluginError) as caught:
        Registry(entry_points=[entry(name)]).get(name)
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value) + caught.value.hint


def test_an_entry_point_without_such_an_attribute_is_refused():
    """The plugin's own code was never reached, so the entry point itself is the place."""
    point = EntryPoint("acme", "ca_provider_builtin:no_such_thing", GROUP)
    with pytest.raises(PluginImportError, match="AttributeError at its entry point"):
        Registry(entry_points=[point]).get("acme")


def test_a_name_of_ours_cannot_be_taken(bring):
    """A stranger that calls itself ``builtin`` neither replaces ours nor stops it."""
    (ours,) = metadata.entry_points(group=GROUP, name="builtin")
    theirs = bring(versioned(1, description="a stranger"), name="builtin")
    for points in ([ours, theirs], [theirs, ours]):
        assert "stranger" not in Registry(entry_points=points).get("builtin").description


def test_both_owners_of_a_name_are_in_the_error_as_data(bring):
    """Distribution and version of each, so that one can be uninstalled."""
    points = [bring(versioned(1)), bring(versioned(1), distribution="acme-two")]
    with pytest.raises(PluginDuplicateError) as caught:
        Registry(entry_points=points).get("acme")
    assert [one.distribution for one in caught.value.owners] == ["ca-provider-acme", "acme-two"]
    assert "acme-two 1.2.3" in str(caught.value)


class TestHookPlugins:
    def module(self, **functions):
        """Return a module with these hook implementations."""
        module = types.ModuleType("ca_hooks_for_test")
        for name, function in functions.items():
            setattr(module, name, hookimpl(function))
        return module

    def loaded(self, bring, module):
        """Return the hook plugin that ``module`` is."""
        point = bring(module, "audit", PLUGIN_GROUP, "acme-audit")
        return Registry(entry_points=[point]).hook_plugin("audit")

    def test_a_plugin_of_the_hooks_is_found_by_its_name(self, bring):
        """It says which of the two it implements, and whose it is."""
        found = self.loaded(bring, self.module(ca_event=lambda event: None))
        assert (found.name, found.reviews, found.observes) == ("audit", False, True)
        assert str(found.origin) == "audit (acme-audit 1.2.3, ca_hooks_for_test)"

    def test_the_two_groups_are_apart(self, bring):
        """A provider is no hook plugin, and the other way round."""
        points = [
            bring(versioned(1), "vault"),
            bring(self.module(ca_event=lambda event: None), "audit", PLUGIN_GROUP),
        ]
        registry = Registry(entry_points=points)
        assert [one.name for one in registry.installed()] == ["vault"]
        assert [one.name for one in registry.installed_hooks()] == ["audit"]
        with pytest.raises(PluginUnknownError, match="no plugin 'vault' is installed"):
            registry.hook_plugin("vault")
        with pytest.raises(PluginUnknownError) as caught:
            registry.get("audit")
        assert caught.value.known == ("vault",)

    def test_a_plugin_without_a_hook_is_refused(self, bring):
        """Whoever enabled it expects something of it."""
        with pytest.raises(PluginHookError, match="implements neither"):
            self.loaded(bring, self.module())

    def test_an_argument_that_does_not_exist_is_refused(self, bring):
        """The hook it belongs to is named; the plugin's code is not shown."""

        def ca_event(event, token="hunter2"):
            """Take a default that nobody should see."""

        def ca_review_issuance(request):
            """Take what the hook does not give."""

        module = self.module(ca_event=ca_event, ca_review_issuance=ca_review_issuance)
        with pytest.raises(PluginHookError, match=r"Argument\(s\) .*'ca_review_iss") as caught:
            self.loaded(bring, module)
        assert "hunter2" not in str(caught.value)


class OlderSpecs:
    """Hooks as they might be after a change: one argument goes."""

    @staticmethod
    @hookspec(warn_on_impl_args={"old": DeprecationWarning("use event.fields; gone in 2.0")})
    def ca_event(event, old):
        """Take an argument that will go."""


def test_a_deprecated_argument_warns_and_names_the_plugin(caplog):
    """The warning of pluggy shows a line of code; ours says whose plugin it is and what to use."""

    class Old:
        @hookimpl
        def ca_event(self, event, old):
            """Use what will go."""

    class New:
        @hookimpl
        def ca_event(self, event):
            """Use what stays."""

    origin = PluginOrigin(name="audit", distribution="acme", version="2", entry_point="acme:x")
    with pytest.warns(DeprecationWarning, match="use event.fields"):
        registered(Old(), origin, specs=OlderSpecs)
    registered(New(), origin, specs=OlderSpecs)
    (told,) = [record.getMessage() for record in caplog.records]
    assert "audit (acme 2, acme:x)" in told
    assert "argument 'old' of ca_event: use event.fields; gone in 2.0" in told


def test_a_trace_names_imports_and_calls_and_shows_no_argument(bring, caplog):
    """Names, milliseconds, and how a call ended; nothing that was passed."""

    def ca_event(event):
        raise ValueError(event)

    module = types.ModuleType("ca_hooks_for_test")
    module.ca_event = hookimpl(ca_event)
    clock = FakeClock()
    caplog.set_level("INFO", "ca_core.plugins")
    point = bring(module, "audit", PLUGIN_GROUP, "acme-audit")
    plugin = Registry(entry_points=[point], trace=PluginTrace(clock)).hook_plugin("audit")
    with pytest.raises(ValueError, match="hunter2"):
        plugin.manager.hook.ca_event(event="hunter2")
    assert [record.getMessage() for record in caplog.records] == [
        "imported audit (acme-audit 1.2.3, ca_hooks_for_test) in 0.0 ms",
        "calling ca_event of audit (acme-audit 1.2.3, ca_hooks_for_test)",
        "called ca_event of audit (acme-audit 1.2.3, ca_hooks_for_test): it raised ValueError",
    ]


@pytest.mark.parametrize(
    ("value", "wanted"), [(None, False), ("", False), ("0", False), ("1", True)]
)
def test_a_trace_is_made_when_the_variable_says_so(value, wanted):
    """Unset, empty and 0 are no."""
    environment = {} if value is None else {"CA_CORE_TRACE_PLUGINS": value}
    assert (trace_wanted_by(environment) is not None) == wanted
