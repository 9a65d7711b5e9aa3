"""The kit is itself proven: broken providers fail where they should, and nowhere else."""

import pytest

from ca_core.testing.conformance import CHECKS, Level, Outcome, run_conformance
from tests.conformance.broken import BROKEN

IDS = [broken.name for broken in BROKEN]


@pytest.mark.parametrize("broken", BROKEN, ids=IDS)
def test_a_broken_provider_fails_exactly_the_checks_that_name_its_fault(broken):
    """With any one check left out, the providers that it alone catches would pass."""
    report = run_conformance(broken.subject(), level=Level.L3)
    failed = {result.check.id: result.detail for result in report.of(Outcome.FAILED)}
    assert set(failed) == broken.caught_by, failed


def test_every_check_alone_catches_a_broken_provider():
    """No check is there for show: leaving it out lets at least one broken provider through."""
    alone = {next(iter(broken.caught_by)) for broken in BROKEN if len(broken.caught_by) == 1}
    assert {check.id for check in CHECKS.up_to(Level.L3)} - alone == set()


def test_broken_providers_have_names_of_their_own():
    """A name stands for one fault."""
    assert len(set(IDS)) == len(IDS)


def test_there_are_forty_and_half_of_them_err_only_later():
    """Faults that show at once are the easy ones."""
    later = [broken for broken in BROKEN if broken.later]
    assert len(BROKEN) >= 40
    assert len(later) >= 20
