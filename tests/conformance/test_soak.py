"""The long checks: honest providers survive them, and each alone catches a broken one."""

import pytest

from ca_core.testing.conformance import CHECKS, Level, Outcome, run_conformance
from tests.conformance.broken.soak import BROKEN
from tests.conformance.test_honest import SUBJECTS

SOAK = [check for check in CHECKS if check.level is Level.L4]


def failed(report):
    """Return what failed, and what was seen."""
    return {result.check.id: result.detail for result in report.of(Outcome.FAILED)}


def test_the_reference_provider_passes_a_sample():
    """The quickest honest provider goes through all of them in every run of the tests."""
    assert not failed(run_conformance(SUBJECTS["reference"](), level=Level.L4, checks=SOAK))


@pytest.mark.parametrize("broken", BROKEN[:1], ids=lambda broken: broken.name)
def test_a_sample_of_what_errs_only_late_is_caught(broken):
    """The long checks are not there for show."""
    report = run_conformance(broken.subject(), level=Level.L4, checks=SOAK)
    assert set(failed(report)) == broken.caught_by


@pytest.mark.soak
@pytest.mark.parametrize("name", SUBJECTS)
def test_an_honest_provider_survives_the_long_run(name):
    """Thousands of leaves, hundreds of rotations, months."""
    assert not failed(run_conformance(SUBJECTS[name](), level=Level.L4, checks=SOAK))


@pytest.mark.soak
@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_what_errs_only_late_fails_no_other_check(broken):
    """All other levels let it through."""
    report = run_conformance(broken.subject(), level=Level.L4)
    assert set(failed(report)) == broken.caught_by


def test_every_long_check_alone_catches_a_broken_provider():
    """Leaving one out lets a broken provider through."""
    assert {check.id for check in SOAK} == set.union(*(set(one.caught_by) for one in BROKEN))
