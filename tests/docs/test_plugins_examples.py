"""The other code of ``plugins.md`` works as printed: an HTTP CA, settings, own tests."""

import ast
import importlib
import re
import sys
from datetime import timedelta

import pytest

from ca_core.cli.schema import option_rows
from ca_core.clock import SystemClock
from ca_core.contract import ConfigError, KeySpec
from ca_core.testing.conformance import Level, Outcome, ProviderUnderTest, run_conformance
from tests.docs.printed import PAGE, module_of, source_of, tutorial_source
from tests.docs.remoteca import TOKEN, RemoteCA, served

BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def remote():
    """Return the report of the printed HTTP provider, against a CA on loopback."""
    plugin = module_of(source_of("remote"), "ca_provider_remote").ca_provider()
    with served(RemoteCA(SystemClock().now())) as url:
        subject = ProviderUnderTest(
            provider=plugin,
            make_config=lambda address: {"address": address or url, "token": TOKEN},
            backend=url,
            keys=(KeySpec(),),
        )
        yield run_conformance(subject, level=Level.L3)


def test_the_printed_http_provider_conforms(remote):
    """It fails nothing up to L3, as the page says."""
    failed = {result.check.id: result.detail for result in remote.of(Outcome.FAILED)}
    assert failed == {}
    assert remote.reached is Level.L3


@pytest.fixture(scope="module")
def settings():
    """Return the module of the printed settings."""
    return module_of(source_of("settings"), "settings")


def test_the_printed_settings_are_read_as_the_page_says(settings):
    """Durations from text, secrets that show nothing, unknown keys refused by their full name."""
    read = settings.parse_config({"address": "https://ca", "token": "hush", "timeout": "3s"})
    assert read.timeout == timedelta(seconds=3)
    assert "hush" not in repr(read)
    with pytest.raises(ConfigError, match=r"ca\.config\.adress: unknown key.*'address'"):
        settings.parse_config({"adress": "https://ca"})
    with pytest.raises(ConfigError, match=r"ca\.config\.timeout"):
        settings.parse_config({"address": "https://ca", "timeout": "0s"})
    with pytest.raises(ConfigError, match="another authority"):
        settings.validate_update(read, settings.parse_config({"address": "https://other"}))


def test_the_printed_settings_are_shown_with_meanings(settings):
    """The schema marks the secret and describes every key."""
    rows = {key: (kind, meaning) for key, kind, _, meaning in option_rows(settings.SCHEMA)}
    assert rows["token"][0] == "secret"
    assert all(meaning for _, meaning in rows.values())
    assert set(settings.CONSUL_NAMES) == set(rows)


@pytest.fixture(scope="module")
def own_tests():
    """Return the module of an author's own tests, beside the tutorial's provider."""
    sys.modules["ca_provider_example"] = module_of(tutorial_source(), "ca_provider_example")
    try:
        yield module_of(source_of("testing"), "own_tests")
    finally:
        del sys.modules["ca_provider_example"]


@pytest.mark.parametrize("name", re.findall(r"def (test_\w+)", source_of("testing")))
def test_the_printed_tests_pass(own_tests, name):
    """Each is run as pytest would run it."""
    getattr(own_tests, name)()


@pytest.mark.parametrize("source", BLOCKS, ids=range(len(BLOCKS)))
def test_every_printed_import_exists(source):
    """No block imports a name of ours that is not there."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ca_core"):
            module = importlib.import_module(node.module)
            assert [name.name for name in node.names if not hasattr(module, name.name)] == []


def test_authors_import_the_contract_and_the_testing_package_only():
    """What the page shows is what the page says one needs."""
    modules = {
        node.module
        for source in BLOCKS
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ca_core")
    }
    assert modules <= {"ca_core.contract", "ca_core.testing", "ca_core.testing.conformance"}
