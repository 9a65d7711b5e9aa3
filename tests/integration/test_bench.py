"""The benchmarks run: a tiny sample of each, whose figures mean nothing but that they exist."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import NAMES
from bench.finding import Finding
from bench.interleaved import Turns, take_turns
from ca_core.identity.keys import ALL_KEY_SPECS

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
    assert {one["benchmark"] for one in findings} == set(NAMES)
    assert all(one["value"] > 0 and one["goal"] for one in findings)
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
