"""The published report is what the kit finds."""

import re

import pytest

from ca_core.testing.conformance import CHECKS, Level
from docs.pages import ROOT
from docs.vaultreport import BEGIN, PAGE, report
from tests.vaults.process import VaultProcess
from tests.vaults.subjects import Mounts, subject

PUBLISHED = PAGE.read_text().partition(BEGIN)[2]


def test_the_published_report_has_every_check_and_no_failure():
    """A check that was added, renamed or taken away makes the page stale."""
    row = r"^\| `([a-z0-9.-]+)` \| ([a-z ]+?)(?:: .*)? \|"
    rows = dict(re.findall(row, PUBLISHED, re.MULTILINE))
    assert set(rows) == {check.id for check in CHECKS if check.level <= Level.L3}
    assert set(rows.values()) <= {"passed", "skipped", "not run"}


def test_the_page_names_the_version_that_is_tested(vault):
    """To the minor release: that is where behaviour changes."""
    if not isinstance(vault, VaultProcess) or not vault.program.endswith("bao"):
        pytest.skip("another server than the one that the page speaks of")
    minor = vault.call("GET", "sys/health")["version"].rpartition(".")[0]
    assert f"**Tested with OpenBao {minor}." in (ROOT / "docs/vault.md").read_text()


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_published_report_is_what_the_kit_finds(vault):
    """Run again, it says the same of every check; `python -m docs.vaultreport` writes it anew."""
    assert report(subject(Mounts(vault))) == PUBLISHED
