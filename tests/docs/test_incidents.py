"""Every outage of the list has an owner here, and what concerns providers is checked."""

import re

import pytest

from ca_core.testing.conformance import CHECKS
from docs.incident import CHECKED, Owner
from docs.incidentpage import citing, incidents
from docs.incidents import INCIDENTS
from docs.pages import ROOT

IDS = [row.id for row in INCIDENTS]
ROWS = pytest.mark.parametrize("row", INCIDENTS, ids=IDS)


def test_the_list_is_complete_and_in_order():
    """S01 to S38, each once."""
    assert [f"S{number:02}" for number in range(1, 39)] == IDS


@ROWS
def test_every_incident_has_an_owner_and_a_reason(row):
    """Who answers for it is said, and why."""
    assert row.owners
    assert row.because.endswith(".")
    assert re.search(r"GH-\d|#\d|CVE-\d|by reading", row.seen)


@ROWS
def test_what_concerns_a_provider_or_the_store_is_cited_by_a_check(row):
    """The conformance kit covers every such row by its id."""
    if CHECKED & set(row.owners):
        assert citing(row.id) != ()


@ROWS
def test_every_incident_is_covered_or_its_gap_is_admitted(row):
    """Checks, tests that exist, or the words "nothing yet"."""
    places = [place for place in row.covered if "/" in place]
    gaps = [place for place in row.covered if place not in places]
    assert [place for place in places if not (ROOT / place).is_file()] == []
    assert all(gap.startswith("nothing yet: ") for gap in gaps)
    assert citing(row.id) or places or gaps


def test_checks_cite_no_incident_that_is_not_in_the_list():
    """An id in a check's sources can be looked up."""
    cited = {source for check in CHECKS for source in check.sources}
    assert {source for source in cited if re.match(r"S\d", source)} - set(IDS) == set()


def test_the_table_names_every_check_that_covers_a_row():
    """A reader gets from the outage to the rule."""
    lines = {line.split("|")[1].strip(): line for line in incidents().splitlines()}
    for row in INCIDENTS:
        assert all(f"`{check.id}`" in lines[row.id] for check in citing(row.id))


def test_only_known_parts_own_incidents():
    """The kit's share is what any provider and the store answer for."""
    assert {Owner.PROVIDER, Owner.STORE} == CHECKED


@ROWS
def test_a_row_of_the_vault_provider_is_a_test_by_its_id(row):
    """On a real server, in a file that the row names; and a row names no file without its test."""
    places = [ROOT / place for place in row.covered if place.startswith("tests/vaults/")]
    assert places or Owner.VAULT not in row.owners
    named = re.compile(rf"^def test_(s\d\d_)*{row.id.lower()}_", re.MULTILINE)
    assert [place for place in places if not named.search(place.read_text())] == []
