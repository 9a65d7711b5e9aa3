"""Tests of `ca simulate`."""

import json

import pytest

from ca_core.cli.answers import ANSWERS


def test_the_forecast_is_told_in_a_table(run):
    """Failed handshakes, duration, phases and the curve."""
    result = run("ca", "simulate", "--agents", "50")
    assert result.exit_code == 0
    for words in ("failed handshakes", "0 of", "leaves re-issued", "distributed", "SIGNED/S"):
        assert words in result.stdout


def test_programs_read_it_as_json(run):
    """Its keys are those that are promised."""
    result = run("ca", "simulate", "--agents", "50", "--policy", "wait", "--output", "json")
    found = json.loads(result.stdout)
    assert tuple(found) == ANSWERS["ca simulate"].keys
    assert found["Outcome"] == "active"
    assert found["CSRs"]["Signed"] >= 50


def test_what_goes_wrong_is_given_on_the_command_line(run):
    """Cohorts and outages are read, and the policy decides what they lead to."""
    wrong = ("--offline", "10%@0s+3h", "--outage", "1m+1m", "--policy", "abort")
    found = json.loads(run("ca", "simulate", "--agents", "50", *wrong, "-o", "json").stdout)
    assert (found["Outcome"], found["Missing"]) == ("aborted", 5)


def test_the_curve_is_drawn_into_a_file(run, tmp_path):
    """An SVG, named in the answer."""
    plot = tmp_path / "flight.svg"
    result = run("ca", "simulate", "--agents", "20", "--plot", str(plot))
    assert result.exit_code == 0
    assert plot.read_text().startswith("<svg ")
    assert "flight.svg" in result.stdout


@pytest.mark.parametrize(
    "wrong",
    [
        ("--offline", "5"),
        ("--offline", "500%@0s+1h"),
        ("--outage", "1m"),
        ("--plot", "flight.png"),
        ("--leaf-ttl", "10"),
        ("--leaf-ttl", "0s"),
        ("--leaf-ttl", "59m"),
        ("--rate", "-1"),
        ("--rate", "nan"),
        ("--quota", "inf"),
        ("--handshakes", "-1"),
        ("--intermediate-ttl", "100h"),
        ("--root-ttl", "1h"),
        ("--agents", "0"),
        ("--rate", "1e-300"),
        ("--signing-time", "1h"),
        ("--concurrency", "1000000000"),
        ("--outage", "0s+876000h"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_option(run, wrong):
    """Nothing is simulated."""
    result = run("ca", "simulate", *wrong)
    assert result.exit_code == 2
    assert wrong[0].removeprefix("--") in result.stderr.replace("_", "-")
    assert not result.stdout


def test_a_plot_that_cannot_be_written_is_an_error(run, tmp_path):
    """The folder is missing."""
    plot = tmp_path / "none" / "flight.svg"
    result = run("ca", "simulate", "--agents", "5", "--plot", str(plot))
    assert result.exit_code == 2
    assert "--plot" in result.stderr
