"""``provider check`` on providers that misbehave: it ends, names them, and shows no secret."""

import json

import pytest

from tests.integration.plugins.neighbours import Neighbourhood

PROVIDER = """
import atexit, subprocess, sys, threading
from ca_core.contract import Findings, Health, PermissionDeniedError, ProviderPlugin, hookimpl
from ca_core.testing.reference import ReferenceProvider, reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend

print('{"error": "printed by the plugin"}')
subprocess.run(["echo", "printed by its child"])
atexit.register(print, '{"error": "printed by the plugin, last"}')

def parse_config(raw):
    if "parse" in raw:
        exec(raw["parse"])
    return dict(raw)

class Odd(ReferenceProvider):
    def __init__(self, config, context):
        super().__init__(reference_plugin().parse_config({}), context, ReferenceBackend())
        self._odd = config

    def probe(self, request):
        if "probe" in self._odd:
            exec(self._odd["probe"])
        return Findings(exists=True, limits={"max_leaf_ttl_seconds": "60"}, notes=("slow",))

    def health(self, *, deep=False):
        if "health" in self._odd:
            exec(self._odd["health"])
        return Health(ok=deep and "ill" not in self._odd, message="deep" if deep else "shallow")

@hookimpl
def ca_provider():
    return ProviderPlugin(parse_config=parse_config, create=Odd)
"""
HANG = "threading.Event().wait()"


@pytest.fixture
def check(tmp_path):
    """Return a function that checks the odd provider with these lines below ``[ca.config]``."""
    hood = Neighbourhood(tmp_path)
    hood.install("acme-odd", "acme_odd", PROVIDER, name="odd")

    def run(*arguments, **config):
        lines = [f"{key} = {json.dumps(value)}" for key, value in config.items()]
        hood.configure("\n".join(['[ca]\nprovider = "odd"\n[ca.config]', *lines]))
        return hood.run("provider", "check", "odd", *arguments)

    return run


def test_what_a_plugin_prints_is_not_taken_for_an_answer(check):
    """Neither what it prints itself nor what a child of it prints; health was asked deeply."""
    found = check("--online", "-o", "json")
    told = json.loads(found.stdout)
    assert (found.returncode, told["OK"], told["Package"]) == (0, True, "acme-odd")
    assert told["Online"]["Message"] == "deep"
    assert told["Online"]["Limits"] == {"max_leaf_ttl_seconds": "60"}
    assert "printed by" not in found.stdout + found.stderr


@pytest.mark.parametrize(
    ("config", "code", "told"),
    [
        ({"parse": "sys.exit('hunter2')"}, 6, "parse_config() raised SystemExit at <string>:1"),
        ({"probe": "raise KeyError('hunter2')"}, 6, "probe() raised KeyError at <string>:1"),
        ({"probe": "raise PermissionDeniedError('no', needed=('pki/sign',))"}, 6, "pki/sign"),
        ({"probe": "import os; os.kill(os.getpid(), 9)"}, 6, "died by SIGKILL"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_provider_that_breaks_is_named_without_the_text_of_its_exception(
    check, config, code, told
):
    """It is one line of error and a code, whatever it does."""
    found = check("--online", **config)
    assert (found.returncode, told in found.stderr) == (code, True), found.stderr
    assert "odd" in found.stderr
    assert "hunter2" not in found.stdout + found.stderr


def test_a_provider_that_hangs_is_ended(check):
    """The limit is for all of it."""
    found = check("--online", "--timeout", "3", health=HANG)
    assert (found.returncode, "odd: it did not end within 3 s" in found.stderr) == (6, True)


def test_a_provider_that_is_not_well_fails_the_check(check):
    """What it says is shown, and the code says that it will not do."""
    found = check("--online", ill=True)
    assert (found.returncode, "not well: deep" in found.stdout) == (6, True)
