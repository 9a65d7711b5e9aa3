"""Reports: every format says the same, escapes what is hostile, and explains what failed."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.testing.conformance import CHECKS, Level, Outcome
from ca_core.testing.conformance.references import INCIDENTS, readable
from ca_core.testing.conformance.reports import (
    FILES,
    ReportDocument,
    badge,
    junit,
    markdown,
    page,
    report_json,
    report_schema,
    verdict,
    write_reports,
)
from ca_core.testing.conformance.reports.markdown import escaped
from ca_core.testing.conformance.reports.wording import MAX_DETAIL, safe
from tests.unit.testing.conformance.reporting import HOSTILE, MIXED, report, result

TEXT_REPORTS = {"markdown": markdown, "page": page, "junit": junit, "json": report_json}


KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}

SILENT = {"title", "description", "format", "default", "$schema"}
"""Keywords that forbid nothing."""


def faults(schema, value, path="$"):
    """Yield where a value breaks a schema; knows the keywords that ours uses, and no other."""
    for keyword in set(schema) - SILENT:
        yield from KEYWORDS[keyword](schema[keyword], value, path)


def _type(kind, value, path):
    if not isinstance(value, KINDS[kind]):
        yield f"{path}: no {kind}"


def _any_of(choices, value, path):
    if all(list(faults(one, value, path)) for one in choices):
        yield f"{path}: none of anyOf"


def _enum(choices, value, path):
    if value not in choices:
        yield f"{path}: {value!r}"


def _required(keys, value, path):
    yield from (f"{path}.{key} is missing" for key in keys if key not in value)


def _properties(properties, value, path):
    for key in set(properties) & set(value):
        yield from faults(properties[key], value[key], f"{path}.{key}")


def _items(schema, value, path):
    for number, item in enumerate(value):
        yield from faults(schema, item, f"{path}[{number}]")


KEYWORDS = {
    "type": _type,
    "anyOf": _any_of,
    "enum": _enum,
    "required": _required,
    "properties": _properties,
    "items": _items,
}


def test_the_json_follows_the_published_schema():
    """Every key that the schema demands is there, of its type."""
    found = json.loads(report_json(report(*MIXED)))
    assert list(faults(report_schema(), found)) == []


def test_the_schema_notices_what_is_wrong():
    """A schema that accepts anything would prove nothing."""
    found = json.loads(report_json(report(*MIXED)))
    found["results"][0]["outcome"] = "fine"
    del found["level"]["asked"]
    assert len(list(faults(report_schema(), found))) == 2


def test_the_json_has_a_version_and_is_read_back():
    """A reader knows from the first key what it reads."""
    text = report_json(report(*MIXED))
    assert json.loads(text)["schema"] == 1
    assert msgspec.json.decode(text, type=ReportDocument).counts.known_deviation == 1


def test_the_five_outcomes_are_counted_and_there_is_no_score():
    """Skipped and not run are never counted as passed."""
    found = json.loads(report_json(report(*MIXED)))
    assert found["counts"] == {
        "passed": 2, "failed": 1, "skipped": 1, "not_run": 1, "known_deviation": 1,
    }  # fmt: skip
    text = "\n".join(write(report(*MIXED)) for write in TEXT_REPORTS.values())
    assert not re.search(r"\d+ ?%(?!;)|score", text.replace("width: 100%", ""))


@pytest.mark.parametrize("name", ["markdown", "page", "junit"])
def test_a_failure_prints_all_that_mends_it(name):
    """Id, rule, what was seen, why it exists with its public reference, and how to fix it."""
    text = TEXT_REPORTS[name](report(*MIXED)).replace("\\", "")
    for part in (
        "leaf.key",
        "A leaf carries the key of the CSR.",
        "detail of leaf.key",
        "It was useless",
        INCIDENTS["S21"],
        "RFC 2986 §3",
        "Take the key from `request.csr`.",
    ):
        assert part in text


@pytest.mark.parametrize("name", TEXT_REPORTS)
def test_what_did_not_run_says_why(name):
    """A reader sees what is undeclared and what was not supplied."""
    text = TEXT_REPORTS[name](report(*MIXED)).replace("\\", "")
    assert "not declared: cross-sign" in text
    assert "needs clock" in text


def hostile_report(text):
    """Return a report in which everything that a provider can say is ``text``."""
    bad = (result(outcome, f"leaf.{n}", detail=text) for n, outcome in enumerate(Outcome))
    return report(
        *bad, provider=text, distribution=text, version=text, entry_point=text, declared=(text,)
    )


ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class"}


class Reader(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts = set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert {name for name, _ in attrs} <= ATTRIBUTES

    def handle_data(self, data):
        self.texts.append(data)


@given(st.one_of(st.just(HOSTILE), st.text(max_size=60)))
def test_the_page_shows_hostile_text_and_runs_nothing(text):
    """Whatever a provider says becomes text; the tags are ours alone."""
    reader = Reader()
    reader.feed(page(hostile_report(text)))
    plain = Reader()
    plain.feed(page(hostile_report("x")))
    assert reader.tags == plain.tags
    assert "script" not in reader.tags
    assert safe(text).strip() in "".join(reader.texts)


def test_the_page_loads_nothing():
    """It is one file that can be sent by mail."""
    text = page(report(*MIXED))
    assert "Content-Security-Policy" in text
    assert not re.search(r"(src|href)=|@import|url\(", text)


@given(st.one_of(st.just(HOSTILE), st.text(max_size=60)))
def test_junit_is_well_formed_whatever_a_provider_says(text):
    """Control characters, which XML cannot hold, are replaced."""
    suite = ET.fromstring(junit(hostile_report(text)).encode()).find("testsuite")
    failure = suite.find("testcase/failure")
    assert failure.get("message") == safe(text)
    cases = suite.findall("testcase")
    assert suite.get("tests") == str(len(cases))
    assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
    assert suite.get("skipped") == str(len(suite.findall("testcase/skipped")))


@given(st.one_of(st.just(HOSTILE), st.text(max_size=60)))
def test_markdown_shows_hostile_text_as_it_is(text):
    """No character that means something to Markdown stands alone."""
    shown = escaped(text)
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", shown) == safe(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[<>|`*_\[\]()!#&:]", shown)
    lines = markdown(hostile_report(text)).splitlines()
    assert len(lines) == len(markdown(hostile_report("x")).splitlines())


def test_no_path_of_this_machine_is_in_a_report():
    """What a provider tells of its files says nothing of the author's home."""
    detail = f"cannot read {Path.cwd()}/ca/key.pem nor {sys.prefix}/lib, at {Path.home()}"
    text = "".join(
        write(report(result(Outcome.FAILED, detail=detail))).replace("\\", "")
        for write in TEXT_REPORTS.values()
    )
    for folder in (Path.cwd(), sys.prefix, Path.home()):
        assert f"{folder}/" not in text
        assert f"at {folder}" not in text
    assert "./ca/key.pem" in text


def test_paths_of_a_backend_stay():
    """They are what an author must look at."""
    assert safe(f"GET /v1/pki{Path.home()}/ca") == f"GET /v1/pki{Path.home()}/ca"


def test_endless_text_is_cut():
    """A provider cannot fill a disk by an error message."""
    assert len(safe("x" * 10_000)) == MAX_DETAIL


@pytest.mark.parametrize("name", TEXT_REPORTS)
def test_two_runs_differ_in_one_place_only(name):
    """Times stand in one place: reports can be compared line by line."""
    from datetime import timedelta

    first = report(*MIXED)
    later = report(*MIXED, started=first.started + timedelta(days=1), seconds=99.25)
    pairs = zip(
        TEXT_REPORTS[name](first).splitlines(), TEXT_REPORTS[name](later).splitlines(), strict=True
    )
    changed = [number for number, (one, other) in enumerate(pairs) if one != other]
    assert len(changed) in {1, 2}
    assert changed[-1] - changed[0] <= 1


def test_a_page_without_times_is_the_same_every_day():
    """What is kept in a repository changes only if the outcome does."""
    from datetime import timedelta

    first = report(*MIXED)
    later = report(*MIXED, started=first.started + timedelta(days=1), seconds=99.25)
    assert markdown(first, timed=False) == markdown(later, timed=False)


@pytest.mark.parametrize(
    ("results", "level", "message", "color"),
    [
        ((), Level.L1, "L1", "brightgreen"),
        ((), Level.L2, "L1", "yellow"),
        ((result(Outcome.FAILED),), Level.L1, "L0", "yellow"),
        ((result(Outcome.FAILED, level=Level.L0),), Level.L1, "failing", "red"),
        ((result(Outcome.KNOWN_DEVIATION),), Level.L1, "L0, 1 known deviation", "yellow"),
    ],
)
def test_the_badge_tells_the_level_reached(results, level, message, color):
    """It follows the endpoint schema of shields.io."""
    found = json.loads(badge(report(*results, level=level)))
    assert found == {
        "schemaVersion": 1, "label": "ca-core conformance", "message": message, "color": color,
    }  # fmt: skip


def test_a_run_that_left_checks_out_says_nothing_of_a_level():
    """One chosen check that passes is no proof of a whole level."""
    found = report(left_out=7)
    assert "7 checks of L1 were left out" in verdict(found)
    document = json.loads(report_json(found))
    assert document["level"] == {
        "asked": "L1", "reached": None, "conforms": False, "left_out": 7,
    }  # fmt: skip
    assert json.loads(badge(found))["message"] == "partial run"
    assert "failed" in verdict(report(*MIXED, left_out=7))


def test_the_verdict_is_one_sentence():
    """It names the provider, what was asked and what was reached."""
    assert verdict(report()) == "acme conforms to L1."
    assert verdict(report(*MIXED)) == "acme does not conform to L1; it reaches L0."
    broken = report(result(Outcome.FAILED, level=Level.L0))
    assert verdict(broken) == "acme does not conform to L1; no level."


def test_every_report_is_written_whole(tmp_path):
    """The folder is made, and no draft is left in it."""
    folder = tmp_path / "a" / "b"
    files = write_reports(report(), folder)
    assert write_reports(report(*MIXED), folder) == files
    assert {path.name for path in folder.iterdir()} == set(FILES)
    assert "leaf.key" in (folder / "junit.xml").read_text()


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    """A full disk or a broken writer destroys nothing."""
    (old, *_) = write_reports(report(), tmp_path)
    before = old.read_text()

    def full(*_arguments, **_named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_reports(report(*MIXED), tmp_path)
    assert old.read_text() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_every_incident_id_of_a_check_can_be_read_about():
    """A short id alone tells an outsider nothing."""
    cited = {source for check in CHECKS for source in check.sources}
    assert {one for one in cited if re.fullmatch(r"S\d\d", one)} <= set(INCIDENTS)
    assert readable(["S01", "RFC 1"]) == (f"S01 ({INCIDENTS['S01']})", "RFC 1")


def test_the_references_are_those_of_the_incident_table():
    """Two lists of the same outages must not differ."""
    from docs.incidents import INCIDENTS as TABLE

    assert {incident.id: incident.seen for incident in TABLE} == INCIDENTS
