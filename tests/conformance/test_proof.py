"""The kit is itself proven: broken providers fail where they should, and nowhere else."""

import gc
import warnings
import zlib

import pytest

from ca_core.testing.conformance import CHECKS, Level, Outcome, leaking, run_conformance
from tests.conformance.broken import BROKEN

IDS = [broken.name for broken in BROKEN]

HEAVY = frozenset(
    {
        *("cross.by-another", "cross.life", "cross.tls", "intermediate.key-id"),
        *("intermediate.subject", "leaf.handshake", "leaf.key-pairs", "race.signer"),
        *("secondary.below-ours", "secondary.pairs"),
    }
)
"""Together half of the kit's time: real handshakes, and every pair of keys."""


@pytest.fixture(autouse=True)
def nothing_needs_long_to_settle(monkeypatch):
    """What is broken here never settles; what is not, settles at once."""
    monkeypatch.setattr(leaking, "SETTLES", 0.2)


def is_drawn(check, broken):
    """Say whether a check is tried on this provider in every run; `make soak` tries them all.

    Always those that name its fault; of the others one in eight, of the heavy ones one in sixteen.
    """
    if check.id in broken.caught_by:
        return True
    one_in = 16 if check.id in HEAVY else 8
    return zlib.crc32(f"{check.id} {broken.name}".encode()) % one_in == 0


def failed_checks(broken, checks):
    """Return what fails, with what was seen."""
    with warnings.catch_warnings():
        if any("leak" in check_id for check_id in broken.caught_by):
            warnings.simplefilter("ignore", ResourceWarning)  # it leaves sockets open on purpose
        report = run_conformance(broken.subject(), level=Level.L3, checks=checks)
        failed = {result.check.id: result.detail for result in report.of(Outcome.FAILED)}
        del report
        if any("leak" in check_id for check_id in broken.caught_by):
            gc.collect()
    return failed


@pytest.mark.parametrize("broken", BROKEN, ids=IDS)
def test_a_broken_provider_fails_exactly_the_checks_that_name_its_fault(broken):
    """With any one check left out, the providers that it alone catches would pass."""
    drawn = [check for check in CHECKS.up_to(Level.L3) if is_drawn(check, broken)]
    failed = failed_checks(broken, drawn)
    assert set(failed) == broken.caught_by, failed


@pytest.mark.soak
@pytest.mark.parametrize("broken", BROKEN, ids=IDS)
def test_no_check_fails_for_a_fault_that_is_not_its_own(broken):
    """What every run only samples is tried in full."""
    failed = failed_checks(broken, CHECKS.up_to(Level.L3))
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
