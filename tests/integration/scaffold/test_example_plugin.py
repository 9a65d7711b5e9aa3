"""The provider of the tutorial is a distribution of its own: installed, found, and conforming."""

import ast
import json
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "example_plugin"
SOURCE = EXAMPLE / "src" / "ca_provider_example" / "__init__.py"
PROMISED_LINES = 60

pytestmark = pytest.mark.timeout(120)  # pip, and a run of the whole kit


@pytest.fixture(scope="module")
def installed(desk, tmp_path_factory):
    """Return the folder into which pip has installed the example, offline."""
    target = tmp_path_factory.mktemp("installed")
    told = desk.python(
        *("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"),
        *("--disable-pip-version-check", "--target", target, EXAMPLE),
    )
    assert told.code == 0, told.err
    return target


def test_a_complete_provider_stays_under_sixty_lines():
    """The promise of the tutorial: what is neither empty nor documentation is short."""
    text = SOURCE.read_text()
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    words = [
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, documented) and ast.get_docstring(node)
        for line in range(node.body[0].lineno, node.body[0].end_lineno + 1)
    ]
    code = [
        line
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and number not in words
    ]
    assert len(code) < PROMISED_LINES


def test_the_installed_example_is_found_by_its_name(desk, installed):
    """Its entry point is all that the core needs."""
    told = desk.python("-m", "ca_core", "provider", "list", "--output", "json", path=[installed])
    assert told.code == 0, told.err
    (row,) = [row for row in json.loads(told.out) if row["Name"] == "example"]
    assert row["Package"] == "ca-provider-example"


def test_the_installed_example_passes_everything_that_it_declares(desk, installed):
    """Its own conformance test, from its own folder, with every level but the soak."""
    told = desk.python(
        *("-m", "ca_core", "plugin", "test", EXAMPLE, "--level", "L3", "--output", "json"),
        path=[installed],
    )
    assert told.code == 0, told.out + told.err
    found = json.loads(told.out)
    assert found["Failures"] == []
    assert found["Passed"] > 100


def test_the_example_is_typed(desk):
    """An author's type checker finds nothing in what the tutorial shows."""
    told = desk.run(
        *(sys.executable, "-m", "mypy", "--strict", "--cache-dir", desk.home / "cache", SOURCE),
        cwd=EXAMPLE,
    )
    assert told.code == 0, told.out
