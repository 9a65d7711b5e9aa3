"""What we ship works where nothing else is: the wheel, in an empty environment."""

import json
import os
import re
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from ca_core.testing.ports import free_port

ROOT = Path(__file__).parents[2]
ALONE = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return the wheel, built from this checkout without touching it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    subprocess.run([*command, ROOT], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def command(wheel, tmp_path_factory):
    """Return ``ca-core`` of an environment that held nothing before the wheel came."""
    home = tmp_path_factory.mktemp("empty")
    venv.create(home, with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python"]
    installed = subprocess.run(
        [*pip, "install", "--quiet", "--disable-pip-version-check", wheel],
        capture_output=True,
        text=True,
        check=False,
    )
    assert installed.returncode == 0, installed.stderr
    return home / "bin" / "ca-core"


def run(command, *arguments, cwd):
    """Run the installed command far from the checkout and return what it said."""
    finished = subprocess.run(
        [command, *arguments], cwd=cwd, env=ALONE, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def first_answer(url, process):
    """Return the JSON of the first 200 answer of a process that is starting."""
    give_up = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return json.load(response)
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None, "it ended before it answered"
            assert time.monotonic() < give_up, "no answer in 20 s"
            time.sleep(0.02)


def test_the_wheel_holds_its_packages_typed_and_nothing_else(wheel):
    """Top-level packages, type markers, licence and entry points are there; tests are not."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (points,) = (archive.read(n).decode() for n in names if n.endswith("entry_points.txt"))
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"ca_core", "ca_provider_builtin", "ca_provider_vault"}
    assert {f"{package}/py.typed" for package in tops} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "builtin = ca_provider_builtin" in points
    assert "vault = ca_provider_vault" in points


def test_the_source_distribution_holds_what_an_image_is_made_of(tmp_path):
    """Policies, scripts, Dockerfiles and compose file are in it: they are for operators."""
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path]
    subprocess.run([*command, ROOT], check=True, capture_output=True)
    (built,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    shipped = {
        str(file.relative_to(ROOT)) for file in (ROOT / "docker").rglob("*") if file.is_file()
    }
    assert shipped | {".dockerignore", "LICENSE"} <= names
    assert not [name for name in names if name.startswith((".git/", ".venv"))]


@pytest.mark.timeout(180)  # installs from the registry, unless pip has it all in its cache
def test_the_installed_command_knows_its_version_and_its_provider(command, tmp_path):
    """``--version`` and ``provider list`` work with only what the wheel asked for."""
    assert re.search(r"\d+\.\d+\.\d+", run(command, "--version", cwd=tmp_path))
    listed = json.loads(run(command, "provider", "list", "--output", "json", cwd=tmp_path))
    assert "builtin" in json.dumps(listed)


@pytest.mark.timeout(180)
def test_the_installed_command_begins_a_provider(command, tmp_path):
    """The templates are in the wheel; without pytest the files come all the same."""
    told = run(command, "plugin", "new", "acme", "--no-run", "--output", "json", cwd=tmp_path)
    files = json.loads(told)["Files"]
    assert ".github/workflows/test.yml" in files
    assert all((tmp_path / "ca-provider-acme" / file).is_file() for file in files)


@pytest.mark.timeout(180)
def test_the_installed_command_gives_a_first_leaf(command, tmp_path):
    """``ca-core dev`` from the wheel answers a leaf for ``web``."""
    port = free_port()
    process = subprocess.Popen(
        [command, "dev", "--listen", f"127.0.0.1:{port}"],
        cwd=tmp_path,
        env=ALONE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        leaf = first_answer(f"http://127.0.0.1:{port}/v1/agent/connect/ca/leaf/web", process)
    finally:
        process.terminate()
        process.wait(timeout=20)
    assert leaf["ServiceURI"].endswith("/ns/default/dc/dc1/svc/web")
