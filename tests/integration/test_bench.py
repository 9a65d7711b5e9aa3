"""The benchmarks run: a tiny sample of each, whose figures mean nothing but that they exist."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import vault
from bench.__main__ import NAMES
from bench.callers import take_turns_at_once
from bench.finding import Finding
from bench.interleaved import Turns, take_turns
from ca_core.identity.keys import ALL_KEY_SPECS
from tests.vaults.process import binary

ROOT = Path(__file__).parents[2]


def finding(**judged):
    """Return a finding with what is judged."""
    return Finding(benchmark="b", case="c", value=50.0, unit="ms", **judged)


@pytest.mark.timeout(240)
def test_every_benchmark_yields_figures_in_a_table_and_in_json(tmp_path):
    """``python -m bench`` runs each benchmark, prints a table and keeps the same as JSON."""
    finished = subprocess.run(
        [sys.executable, "-m", "bench", "--seconds", "0.05", "--results", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    (kept,) = tmp_path.glob("*.json")
    findings = json.loads(kept.read_text())["findings"]
    without = set() if binary() else {"vault"}
    assert {one["benchmark"] for one in findings if one["goal"]} == set(NAMES) - without
    assert all(one["value"] > 0 for one in findings)
    assert [one["case"] for one in findings if one["benchmark"] == "sign"] == [
        f"guarded, {spec}" for spec in ALL_KEY_SPECS
    ]
    assert all(one["case"] in finished.stdout for one in findings)


@pytest.mark.parametrize(
    ("judged", "met"),
    [
        ({}, None),
        ({"at_most": 50}, True),
        ({"at_most": 49}, False),
        ({"ratio": 0.8, "at_least": 0.8}, True),
        ({"ratio": 0.79, "at_least": 0.8}, False),
    ],
)
def test_a_goal_is_met_or_missed_by_the_ratio_if_there_is_one(judged, met):
    """The ratio is judged where there is one, else the figure itself."""
    assert finding(**judged).met is met


def test_a_ratio_is_the_median_over_rounds_of_turns():
    """One disturbed round does not decide."""
    turns = Turns({"limit": (1.0, 1.0, 1.0), "ours": (2.0, 2.0, 90.0)})
    assert turns.ratio("ours", "limit") == 0.5


def test_variants_are_measured_by_turns():
    """Each round measures every variant, so that a busy machine disturbs all alike."""
    seen = []
    turns = take_turns(
        {"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}, rounds=3, seconds=1e-9
    )
    assert seen[-6:] == ["a", "b"] * 3
    assert {len(figures) for figures in turns.seconds.values()} == {3}


def test_without_a_server_the_vault_benchmark_says_so(monkeypatch, capsys):
    """What was not measured has no line in the table, and a loud one on the terminal."""
    monkeypatch.setattr(vault, "binary", lambda: None)
    assert not list(vault.run(seconds=1))
    assert "SKIPPED" in capsys.readouterr().err


def test_callers_at_once_share_the_same_jobs():
    """In each round every way does the same new jobs, each job once, whoever of its callers."""
    made, done = iter(range(10_000)), {"a": [], "b": []}
    ways = {"a": [done["a"].append] * 3, "b": [done["b"].append] * 3}
    turns = take_turns_at_once(
        ways, lambda count: [next(made) for _ in range(count)], rounds=4, seconds=1e-9
    )
    assert {len(figures) for figures in turns.seconds.values()} == {4}
    rounds = list(range(3, 15))  # the first three warmed up
    assert sorted(done["a"])[-12:] == sorted(done["b"])[-12:] == rounds


def test_a_caller_that_fails_ends_the_measurement():
    """Rates of calls that were refused are no rates."""
    with pytest.raises(ZeroDivisionError):
        take_turns_at_once({"a": [(1).__truediv__]}, lambda _: [0], rounds=1, seconds=1e-9)
