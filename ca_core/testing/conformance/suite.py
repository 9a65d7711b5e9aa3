"""The kit as a pytest class: one import and one fixture, one test for each check.

::

    class TestConformance(ProviderConformance):
        @pytest.fixture
        def provider_under_test(self):
            return ProviderUnderTest(provider="acme", make_config=lambda address: {...})
"""

from typing import ClassVar, Final

import pytest

from ca_core.testing.conformance.catalogue import CHECKS
from ca_core.testing.conformance.check import Check
from ca_core.testing.conformance.reports.wording import explanation, safe
from ca_core.testing.conformance.results import Result
from ca_core.testing.conformance.running import Runner, check_excuses
from ca_core.testing.conformance.subject import ProviderUnderTest
from ca_core.testing.conformance.verdict import Violation
from ca_core.testing.conformance.words import Level, Outcome

FOUND: Final = pytest.StashKey[tuple[Runner, Level, Result]]()
"""On each test's item: what its check found, for ``pytest_plugin``."""

_RUNNER: Final = pytest.StashKey[Runner]()


class ProviderConformance:
    """Subclass it, name the subclass ``Test…``, and give it the fixture ``provider_under_test``.

    The fixture returns a ``ProviderUnderTest`` and may have any scope; as long as it returns the
    same object, what was learnt about the provider is kept from test to test. What is undeclared or
    not supplied is a skipped test with its reason, a known deviation is an expected failure.

    Attributes:
        level: the highest level to ask for; ``--conformance-level`` goes before it, if
            ``pytest_plugins = ["ca_core.testing.conformance.pytest_plugin"]`` stands in
            ``conftest.py``.
    """

    level: ClassVar[Level] = Level.L2

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make one test of every check of the level; its id is the check's."""
        if "conformance_check" in metafunc.fixturenames:
            checks = CHECKS.up_to(_level(metafunc.config, self.level))
            params = [pytest.param(check, id=check.id) for check in checks]
            metafunc.parametrize("conformance_check", params)

    @pytest.fixture
    def conformance_runner(
        self, request: pytest.FixtureRequest, provider_under_test: ProviderUnderTest
    ) -> Runner:
        """Return the engine: the one before, as long as it is for the same object."""
        stash: pytest.Stash = request.node.parent.stash
        known = stash.get(_RUNNER, None)
        if known is None or known.subject is not provider_under_test:
            check_excuses(provider_under_test, [check.id for check in CHECKS])
            known = stash[_RUNNER] = Runner(provider_under_test)
        return known

    def test_conformance(
        self,
        request: pytest.FixtureRequest,
        conformance_runner: Runner,
        conformance_check: Check,
    ) -> None:
        """A rule of the contract holds, or the test says why it was not tried.

        Raises:
            Violation: it does not hold; shown by pytest as a failure.
        """
        __tracebackhide__ = True
        result = conformance_runner.result_of(conformance_check)
        level = _level(request.config, self.level)
        request.node.stash[FOUND] = (conformance_runner, level, result)
        _tell(result, conformance_runner.subject.name)


def _level(config: pytest.Config, usual: Level) -> Level:
    named = config.getoption("conformance_level", default=None)
    return usual if named is None else Level[named]


def _tell(result: Result, provider: str) -> None:
    """End the test as pytest knows it: pass, skip, expected failure, or failure."""
    __tracebackhide__ = True
    match result.outcome:
        case Outcome.PASSED:
            return
        case Outcome.SKIPPED:
            pytest.skip(safe(result.detail))
        case Outcome.NOT_RUN:
            pytest.skip(f"not run: {safe(result.detail)}")
        case Outcome.KNOWN_DEVIATION:
            pytest.xfail(safe(result.detail))
        case Outcome.FAILED:
            raise Violation(_message(result, provider)) from result.error


def _message(result: Result, provider: str) -> str:
    check = result.check
    lines = [f"{safe(provider)} breaks {check.id} ({check.level.name})"]
    lines += [f"  {label:<8} {text}" for label, text in explanation(result)]
    return "\n".join(lines)
