"""The published report is what the kit finds."""

import re

import pytest

from ca_core.testing.conformance import CHECKS, Level
from docs.vaultreport import BEGIN, PAGE, report
from tests.vaults.subjects import Mounts, subject

PUBLISHED = PAGE.read_text().partition(BEGIN)[2]


def test_the_published_report_has_every_check_and_no_failure():
    """A check that was added, renamed or taken away makes the page stale."""
    row = r"^\| `([a-z0-9.-]+)` \| ([a-z ]+?)(?:: .*)? \|"
    rows = dict(re.findall(row, PUBLISHED, re.MULTILINE))
    assert set(rows) == {check.id for check in CHECKS if check.level <= Level.L3}
    assert set(rows.values()) <= {"passed", "skipped", "not run"}


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_published_report_is_what_the_kit_finds(vault):
    """Run again, it says the same of every check; `python -m docs.vaultreport` writes it anew."""
    assert report(subject(Mounts(vault))) == PUBLISHED
