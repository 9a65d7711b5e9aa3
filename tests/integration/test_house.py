"""The house keeps its own rules: who may import whom, and what the Makefile promises."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
RECIPES = [
    "run",
    "demo",
    "test",
    "lint",
    "fix",
    "types",
    "docs",
    "bench",
    "soak",
    "fuzz",
    "system-deps",
]
SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore)(?P<codes>[^#\n]*)")
WITH_REASON = re.compile(r"\s*(?:\[[\w, -]+\]|:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)\s+[-#]\s*\S")


def lint_imports(checkout):
    """Run import-linter on a checkout, whatever is installed."""
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--no-logo"],
        cwd=checkout,
        env={"PYTHONPATH": f"{checkout}:{checkout / 'providers'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path):
    """Return a copy of our packages and of the contracts, free to be damaged."""
    for name in ("ca_core", "providers"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_import_contract_is_kept(checkout):
    """The packages as they stand break no import contract."""
    found = lint_imports(checkout)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    ("module", "planted", "contract"),
    [
        ("ca_core/identity/spiffe.py", "import ca_core.contract", "only rooms below it"),
        ("ca_core/state/memory.py", "import ca_core.authority.rows", "only rooms below it"),
        ("ca_core/errors.py", "import ca_core.identity.keys", "only rooms below it"),
        ("ca_core/identity/keys.py", "import logging", "no locks, sleep, logs or I/O"),
        ("ca_core/identity/csr.py", "import os.path", "no locks, sleep, logs or I/O"),
        ("ca_core/contract/context.py", "import ca_provider_builtin", "never imports a provider"),
        ("ca_core/contract/plugin.py", "import starlette.applications", "brings no server"),
        ("ca_core/errors.py", "import httpx", "brings no server"),
        ("ca_core/authority/limiter.py", "import sqlite3", "stay in their rooms"),
        (
            "providers/ca_provider_builtin/__init__.py",
            "from ca_core.identity.spiffe import TrustDomain",
            "ca_core.contract and nothing else",
        ),
        (
            "providers/ca_provider_builtin/__init__.py",
            "import ca_core",
            "ca_core.contract and nothing else",
        ),
    ],
)
def test_a_planted_import_against_the_grain_is_found(checkout, module, planted, contract):
    """Each contract names the import that breaks it."""
    path = checkout / module
    path.write_text(f"{path.read_text()}\n{planted}\n")
    found = lint_imports(checkout)
    assert found.returncode == 1
    broken = [line for line in found.stdout.splitlines() if " BROKEN" in line]
    assert any(contract in line for line in broken), found.stdout


def test_a_room_that_nobody_placed_is_found(checkout):
    """A new package of ca_core must be given its layer before it can pass."""
    (checkout / "ca_core" / "attic").mkdir()
    (checkout / "ca_core" / "attic" / "__init__.py").write_text('"""Nobody placed me."""\n')
    found = lint_imports(checkout)
    assert found.returncode == 1
    assert "attic" in found.stdout


@pytest.mark.parametrize("name", RECIPES)
def test_every_promised_recipe_is_one_line(name):
    """The Makefile has the recipe, on one line, with something to do."""
    lines = (ROOT / "Makefile").read_text().splitlines()
    found = [line for line in lines if line.startswith(f"{name}:")]
    assert len(found) == 1
    assert found[0].partition(";")[2].strip()


def test_every_suppression_carries_its_reason():
    """No ``noqa`` and no ``type: ignore`` stands without a code and a sentence."""
    bare = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in ("ca_core", "providers", "bench", "demo", "docs")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for mark in SUPPRESSION.finditer(line)
        if not WITH_REASON.match(line[mark.end(1) :])
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ("exit 1", "Python 3.11 or newer is needed"),
        ('case "$2" in *ensurepip*) exit 1;; esac', "apt-get install python3-venv"),
    ],
    ids=["too old", "no venv"],
)
def test_a_python_that_will_not_do_is_answered_with_the_next_step(tmp_path, script, answer):
    """Making the environment says what to type when Python is old or lacks ``venv``."""
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    found = subprocess.run(
        [ROOT / ".ci" / "venv"],
        env={"PYTHON": str(python), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert answer in found.stderr
