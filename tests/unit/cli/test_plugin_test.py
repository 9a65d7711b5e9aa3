"""Tests of `plugin test`: what it runs, what it tells, and how it watches."""

import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ca_core.cli import plugin_actions as actions
from ca_core.cli.options import Output
from ca_core.cli.plugin_run import Failure, PluginTestsError, read_report, run_tests
from ca_core.cli.plugin_watch import POLL, snapshot, watch

REPORT = """
<testsuites><testsuite time="1.5">
  <testcase name="test_conformance[leaf.key]" time="0.1"/>
  <testcase name="test_conformance[leaf.at-most]">
    <failure message="ca_core.testing.conformance.verdict.Violation: acme breaks leaf.at-most
(L1)&#10;  rule     a leaf ends&#10;  seen     it lives too long&#10;  why      S33">
      the rest</failure></testcase>
  <testcase name="test_mine"><error message="failed on setup with &quot;ValueError: x&quot;"/>
  </testcase>
  <testcase name="test_conformance[race.install]"><skipped message="not declared"/></testcase>
</testsuite></testsuites>
"""
GREEN = '"""It passes."""\n\n\ndef test_it():\n    """True."""\n    assert True\n'
RED = GREEN.replace("True\n", "1 + 1 == 3\n")


@pytest.fixture
def folder(tmp_path):
    """Return a folder with one test that passes."""
    home = tmp_path / "ca-provider-acme"
    (home / "tests").mkdir(parents=True)
    (home / "pyproject.toml").write_text('[tool.pytest.ini_options]\ntestpaths = ["tests"]\n')
    (home / "tests" / "test_it.py").write_text(GREEN)
    return home


def test_a_report_becomes_a_verdict():
    """Checks are called by their ids, and what was seen is one line without Python's words."""
    verdict = read_report(REPORT, Path("x"))
    assert (verdict.passed, verdict.skipped, verdict.seconds) == (1, 1, 1.5)
    assert verdict.failures == (
        Failure("leaf.at-most", "it lives too long"),
        Failure("test_mine", 'failed on setup with "ValueError: x"'),
    )
    assert not verdict.is_green


def test_nothing_tried_is_not_green():
    """Skipped tests prove nothing."""
    text = '<testsuite time="0"><testcase name="a"><skipped message=""/></testcase></testsuite>'
    assert not read_report(text, Path("x")).is_green


def test_a_green_folder_ends_with_nought(run, folder, capfd):
    """Pytest's own progress is shown, then the verdict."""
    result = run("plugin", "test", str(folder))
    assert result.exit_code == 0, result.stderr
    assert "1 passed" in capfd.readouterr().out
    assert result.stdout.startswith("green: 1 passed, 0 failed, 0 skipped, in ")


def test_a_failure_is_named_and_ends_with_one(run, folder):
    """Programs get which test failed and why; nothing else stands on standard output."""
    (folder / "tests" / "test_it.py").write_text(RED)
    result = run("plugin", "test", str(folder), "--output", "json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["Passed"], told["Failed"]) == (0, 1)
    assert told["Failures"] == [{"Test": "test_it", "Message": "assert (1 + 1) == 3"}]


def test_the_folder_one_is_in_needs_no_name(run, folder, monkeypatch):
    """`ca-core plugin test` alone runs what is here."""
    monkeypatch.chdir(folder)
    assert json.loads(run("plugin", "test", "-o", "json").stdout)["Passed"] == 1


def test_a_test_that_cannot_be_collected_is_a_failure(run, folder):
    """A syntax error is found like any other fault."""
    (folder / "tests" / "test_it.py").write_text("def broken(:\n")
    result = run("plugin", "test", str(folder), "-o", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["Failed"] == 1


@pytest.mark.parametrize("missing", ["pyproject.toml", "tests"])
def test_a_strange_folder_is_refused_with_the_next_step(run, folder, missing):
    """Where no provider lies, the command that makes one is named."""
    (folder / missing).rename(folder / "elsewhere")
    for more in ((), ("--watch",)):
        result = run("plugin", "test", str(folder), *more)
        assert result.exit_code == 2
        assert f"has no {missing}" in result.stderr
        assert "ca-core plugin new NAME" in result.stderr


def test_without_pytest_the_extra_is_named(run, folder, monkeypatch):
    """ca-core itself does not bring pytest."""
    monkeypatch.setitem(sys.modules, "pytest", None)
    for more in ((), ("--watch",)):
        result = run("plugin", "test", str(folder), *more)
        assert result.exit_code == 2
        assert "pip install 'ca-core[testing]'" in result.stderr


def test_pytest_that_cannot_begin_is_quoted(folder):
    """Its own words say what is wrong with the folder."""
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--nonsense"\n')
    with pytest.raises(PluginTestsError, match="nonsense"):
        run_tests(folder, shows=False)


def test_an_interrupted_run_lets_fixtures_end(folder):
    """Ctrl-C reaches pytest as an interrupt, so what a fixture began is ended."""
    (folder / "tests" / "test_it.py").write_text(
        "import os, pathlib, signal, time, pytest\n"
        "@pytest.fixture\n"
        "def thing():\n"
        "    yield\n"
        "    pathlib.Path('ended').touch()\n"
        "def test_it(thing):\n"
        "    os.kill(os.getppid(), signal.SIGUSR1)\n"
        "    time.sleep(30)\n"
    )

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_tests(folder, shows=False)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (folder / "ended").exists()


class Hand:
    """Plays the author: each pause does the next thing; after the last comes Ctrl-C."""

    def __init__(self, *deeds):
        self.deeds = list(deeds)
        self.waited = []

    def __call__(self, seconds):
        self.waited.append(seconds)
        if not self.deeds:
            raise KeyboardInterrupt
        self.deeds.pop(0)()


def watched_runs(folder, *deeds):
    """Return how often something was done while the author did ``deeds``, one a pause."""
    runs, hand = [], Hand(*deeds)
    with pytest.raises(KeyboardInterrupt):
        watch(folder, lambda: runs.append(1), pause=hand)
    assert set(hand.waited) == {POLL.total_seconds()}
    return len(runs)


def test_a_watch_acts_at_once_and_then_only_on_changes(folder):
    """Nothing changed, nothing done."""
    source = folder / "tests" / "test_it.py"
    assert watched_runs(folder) == 1
    assert watched_runs(folder, lambda: None, lambda: None) == 1
    assert watched_runs(folder, lambda: source.write_text(RED), lambda: None) == 2


@pytest.mark.parametrize(
    "deed",
    [
        lambda home: (home / "tests" / "test_more.py").write_text(""),
        lambda home: (home / "tests" / "test_it.py").unlink(),
        lambda home: (home / "tests" / "test_it.py").rename(home / "tests" / "test_other.py"),
        lambda home: os.utime(home / "tests" / "test_it.py", ns=(1, 1)),
        lambda home: (home / "README.md").write_text("x"),
    ],
    ids=["new", "gone", "renamed", "touched", "page"],
)
def test_every_change_of_a_source_counts(folder, deed):
    """New, gone, renamed, saved again: the tests run once more."""
    assert watched_runs(folder, lambda: deed(folder), lambda: None) == 2


@pytest.mark.parametrize(
    "name", [".git/x.py", "__pycache__/x.py", "tests/__pycache__/x.py", "build/x.py", "notes.txt",
             ".hidden.py", "report.xml"],
)  # fmt: skip
def test_what_is_no_source_changes_nothing(folder, name):
    """Caches, builds and hidden files are written by tools."""
    before = snapshot(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("x")
    assert snapshot(folder) == before


def test_a_change_during_a_run_leads_to_another(folder):
    """What was saved while the tests ran is not missed."""
    runs = []

    def act():
        runs.append(1)
        if len(runs) == 1:
            (folder / "tests" / "test_it.py").write_text(RED)

    with pytest.raises(KeyboardInterrupt):
        watch(folder, act, pause=Hand(lambda: None, lambda: None))
    assert len(runs) == 2


@pytest.mark.parametrize("output", list(Output))
def test_a_watch_tells_verdict_and_failures_alone(folder, capfd, output):
    """Green, then broken, then Ctrl-C: no traceback, and nothing of pytest's own pages."""
    source = folder / "tests" / "test_it.py"
    actions.watched(
        folder,
        output=output,
        pause=Hand(lambda: source.write_text(RED)),
        now=lambda: datetime(2030, 1, 1, 12, 3, 11, tzinfo=UTC),
    )
    said = capfd.readouterr()
    lines = said.out.splitlines()
    assert said.err == ""
    if output is Output.JSON:
        assert [json.loads(line)["Failed"] for line in lines] == [0, 1]
        return
    assert lines[0] == f"watching {folder}; Ctrl-C ends it"
    assert lines[1].startswith("12:03:11  green: 1 passed, 0 failed, 0 skipped, in ")
    assert lines[2].startswith("12:03:11  FAILED: 0 passed, 1 failed, 0 skipped, in ")
    assert lines[3:] == ["  test_it  assert (1 + 1) == 3"]


def test_a_watch_outlives_a_folder_that_cannot_be_tested(folder, capfd):
    """A half-written setting is told; once it is mended, the tests run again."""
    settings = folder / "pyproject.toml"
    right = settings.read_text()
    settings.write_text("[tool.pytest.ini_options\n")
    actions.watched(folder, output=Output.JSON, pause=Hand(lambda: settings.write_text(right)))
    said = capfd.readouterr()
    assert said.err.startswith(f"error: pytest could not run in {folder}")
    assert json.loads(said.out)["Passed"] == 1
