"""The pytest class and its plugin, as an author's own test run sees them."""

import json
import subprocess
import sys
from importlib import metadata

import pytest

from ca_core.testing.conformance import CHECKS, Level

pytest_plugins = ["pytester"]

PLUGIN = "ca_core.testing.conformance.pytest_plugin"

INI = "[pytest]\nfilterwarnings = error\n"

SUITE = """
import pytest
from ca_core.testing import FakeClock, reference_plugin
from ca_core.testing.conformance import Level, ProviderConformance, ProviderUnderTest
from ca_core.testing.reference import ReferenceProvider
{more}

def subject():
    return ProviderUnderTest(
        provider={provider}, make_config=lambda address: {{}}, {arguments}
    )

class TestConformance(ProviderConformance):
    level = Level.{level}
"""

METHOD = """
    @pytest.fixture
    def provider_under_test(self):
        return subject()
"""

FUNCTION = """
@pytest.fixture(scope="{scope}")
def provider_under_test():
    return subject()
"""

BROKEN = """
import dataclasses
from cryptography.hazmat.primitives.asymmetric import ec
from ca_core.contract import LeafRequest, issue_leaf

class WrongKey(ReferenceProvider):
    def sign_leaf(self, request):
        made = ReferenceProvider.sign_leaf(self, request)
        raise RuntimeError("secret-of-the-backend")

def broken():
    inner = reference_plugin()
    def create(config, context):
        made = inner.create(config, context)
        made.__class__ = WrongKey
        return made
    return dataclasses.replace(inner, create=create)
"""


@pytest.fixture
def suite(pytester):
    """Return a function that writes an author's test module."""
    pytester.makeini(INI)

    def write(*, level="L1", provider="reference_plugin()", arguments="", scope="class", more=""):
        text = SUITE.format(level=level, provider=provider, arguments=arguments, more=more)
        fixture = METHOD if scope == "method" else FUNCTION.format(scope=scope)
        pytester.makepyfile(text + fixture)

    return write


def run(pytester, *arguments):
    """Run the author's tests in this process, without the plugins of this test run."""
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio", *arguments)


def test_there_is_one_test_for_each_check_named_by_its_id(suite, pytester):
    """`-k leaf.key` picks a check, whatever the number of checks."""
    suite(level="L1")
    found = run(pytester, "--collect-only", "-q").outlines
    ids = [line.partition("[")[2][:-1] for line in found if "::test_conformance[" in line]
    assert ids == [check.id for check in CHECKS.up_to(Level.L1)]


def test_a_class_that_is_only_imported_is_not_run(pytester):
    """`from … import ProviderConformance` adds no test."""
    pytester.makepyfile("from ca_core.testing.conformance import ProviderConformance\n")
    assert run(pytester).ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize("scope", ["method", "function", "class", "module", "session"])
def test_an_honest_provider_passes_whatever_the_scope_of_its_fixture(suite, pytester, scope):
    """The author decides how long a backend lives."""
    suite(scope=scope)
    outcomes = run(pytester, "-k", "leaf.key]").parseoutcomes()
    assert set(outcomes) <= {"passed", "skipped", "deselected"}
    assert outcomes["passed"] > 0


def test_a_fixture_of_the_conftest_is_used(pytester):
    """The fixture may stand wherever pytest looks."""
    pytester.makeconftest(
        "import pytest\n"
        "from ca_core.testing import reference_plugin\n"
        "from ca_core.testing.conformance import ProviderUnderTest\n"
        "@pytest.fixture(scope='session')\n"
        "def provider_under_test():\n"
        "    return ProviderUnderTest(\n"
        "        provider=reference_plugin(), make_config=lambda address: {})\n"
    )
    pytester.makepyfile(
        "from ca_core.testing.conformance import Level, ProviderConformance\n"
        "class TestIt(ProviderConformance):\n    level = Level.L1\n"
    )
    assert run(pytester, "-k", "leaf.key").ret == 0


@pytest.mark.parametrize(("scope", "objects"), [("class", 1), ("method", 2)])
def test_what_was_learnt_is_kept_for_the_same_object_only(suite, pytester, scope, objects):
    """A new backend gets a new engine; the same one is asked once what it declares."""
    first, second, *_ = (f"[{check.id}]" for check in CHECKS if check.id.startswith("leaf."))
    more = (
        "from ca_core.testing.conformance import running\n"
        "import atexit\n"
        "made = []\n"
        "real = running.Runner.__init__\n"
        "def counting(self, *arguments, **named):\n"
        "    made.append(1); real(self, *arguments, **named)\n"
        "@pytest.fixture(scope='session', autouse=True)\n"
        "def counted():\n"
        "    running.Runner.__init__ = counting\n"
        "    yield\n"
        "    running.Runner.__init__ = real\n"
        "    print('RUNNERS', len(made))\n"
    )
    suite(scope=scope, more=more)
    (file,) = pytester.path.glob("test_*.py")
    tests = [f"{file.name}::TestConformance::test_conformance{one}" for one in (first, second)]
    found = run(pytester, "-s", *tests)
    found.assert_outcomes(passed=2)
    assert f"RUNNERS {objects}" in found.stdout.str()


def test_what_cannot_be_tried_is_skipped_with_its_reason(suite, pytester):
    """Never passed: a reader sees what was not declared and what was not supplied."""
    suite(level="L2")
    ids = [check.id for check in CHECKS if {"clock"} <= {need.value for need in check.needs}]
    found = run(pytester, "-rs", "-k", ids[0])
    assert "not run: needs clock" in found.stdout.str()
    assert found.parseoutcomes()["skipped"] >= 1


def test_what_is_not_declared_is_skipped_with_its_reason(suite, pytester):
    """The capability is named."""
    suite(
        level="L1",
        provider="narrow()",
        more=(
            "import dataclasses\n"
            "def narrow():\n"
            "    inner = reference_plugin()\n"
            "    def create(config, context):\n"
            "        made = inner.create(config, context)\n"
            "        made.capabilities = frozenset()\n"
            "        return made\n"
            "    return dataclasses.replace(inner, create=create)\n"
        ),
    )
    assert "not declared: cross-sign" in run(pytester, "-rs", "-k", "cross").stdout.str()


def test_a_failure_says_all_that_mends_it(suite, pytester):
    """Id, rule, what was seen, why, sources and fix; the provider's own traceback is chained."""
    suite(level="L1", provider="broken()", more=BROKEN)
    found = run(pytester, "-k", "leaf.key")
    check = CHECKS.get("leaf.key")
    text = found.stdout.str()
    assert found.parseoutcomes()["failed"] >= 1
    for part in ("breaks leaf.key (L1)", check.rule, check.why, check.fix, check.sources[0]):
        assert part in text
    assert "raised RuntimeError at" in text
    assert "The above exception was the direct cause" in text
    assert "def sign_leaf(self, request)" in text


def test_a_known_deviation_is_an_expected_failure(suite, pytester):
    """The author has said so, and where it is tracked."""
    suite(
        level="L1",
        provider="broken()",
        more=BROKEN,
        arguments="known_deviations={'leaf.key': 'tracked as #7'}",
    )
    found = run(pytester, "-rx", "-k", "leaf.key")
    assert found.parseoutcomes()["xfailed"] == 1
    assert "tracked as #7" in found.stdout.str()


def test_a_known_deviation_that_passes_fails(suite, pytester):
    """Excuses that are no longer true must go."""
    suite(arguments="known_deviations={'leaf.key': 'old'}")
    found = run(pytester, "-k", "[leaf.key]")
    assert found.parseoutcomes()["failed"] == 1
    assert "passed, but is listed as a known deviation" in found.stdout.str()


def test_an_excuse_for_no_check_is_an_error(suite, pytester):
    """A misspelt id would excuse nothing."""
    suite(arguments="known_deviations={'no.such': 'x'}")
    found = run(pytester, "-k", "leaf.key")
    assert "there is no check 'no.such'" in found.stdout.str()
    assert found.ret == pytest.ExitCode.TESTS_FAILED


def test_the_plugin_adds_a_level_a_table_and_reports(suite, pytester):
    """With one line in conftest.py."""
    pytester.makeconftest(f"pytest_plugins = [{PLUGIN!r}]\n")
    suite(level="L4")
    found = run(pytester, "--conformance-level", "L0", "--conformance-report", "out/here")
    text = found.stdout.str()
    assert found.ret == 0
    assert "provider conformance: " in text
    assert "conforms to L0." in text
    assert "loads and describes itself" in text
    report = json.loads((pytester.path / "out/here/conformance.json").read_text())
    assert [one["id"] for one in report["results"]] == [c.id for c in CHECKS.up_to(Level.L0)]
    assert report["level"]["reached"] == "L0"


def test_the_plugin_works_from_a_test_module_and_by_name(suite, pytester):
    """In a test module it is too late for options, not for the table."""
    suite(level="L0", more=f"pytest_plugins = [{PLUGIN!r}]")
    assert "conforms to L0." in run(pytester).stdout.str()


def test_a_chosen_check_is_no_level(suite, pytester):
    """`-k` leaves checks out, and the table says so."""
    suite()
    text = run(pytester, "-p", PLUGIN, "-k", "leaf.key").stdout.str()
    assert "were left out, so this says nothing of a level" in text


def test_two_classes_have_two_reports(suite, pytester):
    """Each configuration of a provider is judged for itself."""
    suite()
    (module,) = pytester.path.glob("test_*.py")
    module.write_text(module.read_text() + "\n\nclass TestAgain(TestConformance):\n    pass\n")
    text = run(pytester, "-p", PLUGIN, "-k", "leaf.key", "--conformance-report", "out").stdout.str()
    assert text.count("were left out") == 2
    assert {path.name for path in (pytester.path / "out").iterdir()} == {"1", "2"}


def test_results_come_back_from_workers(suite, pytester):
    """pytest-xdist's workers report to the process that writes the table."""
    suite(level="L0")
    arguments = ("-p", PLUGIN, "--conformance-report", "out", "-n", "1")
    found = pytester.runpytest_subprocess("-p", "no:asyncio", *arguments)
    assert found.ret == 0
    report = json.loads((pytester.path / "out/conformance.json").read_text())
    assert [one["id"] for one in report["results"]] == [c.id for c in CHECKS.up_to(Level.L0)]


def test_nothing_is_loaded_into_strangers_test_runs():
    """No entry point of pytest's group is ours."""
    ours = [
        point.name
        for point in metadata.distribution("ca-core").entry_points
        if point.group == "pytest11"
    ]
    assert ours == []


def test_a_strangers_run_does_not_know_the_options(pytester):
    """They are there only for who asked."""
    pytester.makepyfile("def test_it():\n    pass\n")
    found = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--conformance-level", "L0")
    assert "unrecognized arguments" in found.stderr.str()


def test_without_pytest_all_but_the_class_can_be_imported():
    """A program that runs checks needs no pytest, and is told what the class needs."""
    code = (
        "import sys\n"
        "sys.modules['pytest'] = None\n"
        "import ca_core.testing, ca_core.testing.conformance as kit\n"
        "kit.run_conformance\n"
        "try: kit.ProviderConformance\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ca-core[testing]" in done.stdout


def test_pytest_is_imported_only_for_the_class():
    """Importing the kit is light."""
    code = "import sys, ca_core.testing.conformance; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
