"""Both ways to fuzz run: guided by coverage where atheris is, and drawn everywhere."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.fuzz.__main__ import ROOT


def ran(*arguments):
    """Return the output of a module of this folder, which ends well."""
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_inputs_are_drawn_until_the_time_is_over():
    """Where no atheris is."""
    assert "inputs drawn" in ran("tests.fuzz.drawn", "spiffe_uri", "0.1")


@pytest.mark.soak
@pytest.mark.skipif(not find_spec("atheris"), reason="NO ATHERIS: nothing is guided by coverage")
def test_a_guided_run_keeps_its_corpus(tmp_path):
    """Seeds are laid out, inputs that reach new lines are kept, and nothing broke."""
    said = ran("tests.fuzz", "--seconds", "1", "--folder", str(tmp_path), "spiffe_uri")
    assert "broken: none" in said
    assert len(list((tmp_path / "spiffe_uri").iterdir())) > 13
    assert list((tmp_path / "found").iterdir()) == []
