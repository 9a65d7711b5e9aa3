"""A passport of a wheel that was really built and installed, made and demanded offline."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "ca-provider-tiny"
version = "1.0"

[project.scripts]
tiny-tool = "ca_provider_tiny:main"

[project.entry-points."ca_core.providers"]
tiny = "ca_provider_tiny.plugin"
"""

PLUGIN = """
from ca_core.contract import hookimpl
from ca_core.testing import reference_plugin

@hookimpl
def ca_provider():
    return reference_plugin()
"""

ADMIT = """
import sys
from pathlib import Path
from ca_core.authority.demand import demand_of
from ca_core.authority.registry import Registry
from ca_core.config import load_config
from ca_core.errors import PluginConformanceError

registry = Registry().demanding(demand_of(load_config(Path(sys.argv[1]))).admit)
try:
    registry.get("tiny")
except PluginConformanceError as error:
    assert not [name for name in sys.modules if name.startswith("ca_provider_tiny")]
    print("refused:", error)
else:
    print("admitted")
"""


def pip(*arguments):
    """Run pip offline."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return the wheel of a tiny provider."""
    source = tmp_path_factory.mktemp("source")
    package = source / "ca_provider_tiny"
    package.mkdir()
    (source / "pyproject.toml").write_text(PYPROJECT)
    (package / "__init__.py").write_text("def main():\n    pass\n")
    (package / "plugin.py").write_text(PLUGIN)
    pip("wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", source, source)
    (built,) = source.glob("*.whl")
    return built


def installed(wheel, folder, *how):
    """Install the wheel and return the folder that goes on the path."""
    pip("install", "--no-index", "--no-deps", *how, folder, wheel)
    (plugin,) = folder.rglob("plugin.py")
    return plugin.parent.parent


@pytest.fixture
def site(wheel, tmp_path):
    """Return a fresh installation."""
    return installed(wheel, tmp_path / "site", "--target")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Return files of a private and a public key."""
    folder = tmp_path_factory.mktemp("keys")
    private, public = folder / "key.pem", folder / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return private, public


def python(site, *arguments):
    """Run Python with the installation on the path, far from the checkout."""
    path = os.pathsep.join(map(str, (site, ROOT, ROOT / "providers")))
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=site.parent,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": path, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def passport(wheel, keys, tmp_path_factory):
    """Return a passport, made from another installation of the same wheel."""
    folder = tmp_path_factory.mktemp("elsewhere")
    elsewhere = installed(wheel, folder / "there", "--prefix")
    file = folder / "passports" / "tiny.json"
    command = ("-m", "ca_core", "provider", "conformance", "tiny", "--fake-clock")
    signing = ("--level", "L1", "--passport", file, "--sign-key", keys[0], "--output", "json")
    done = python(elsewhere, *command, *signing)
    assert done.returncode == 0, done.stderr
    return file


def verify(site, passport, public):
    """Verify the passport beside an installation; return the exit code and the answer."""
    command = ("-m", "ca_core", "provider", "verify-passport", passport)
    done = python(site, *command, "--key", public, "--output", "json")
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def config(tmp_path, keys, passport):
    """Return a configuration that demands L1 by the key."""
    file = tmp_path / "ca-core.toml"
    file.write_text(
        '[conformance]\nrequire_conformance = "L1"\n'
        f'trusted_keys = ["{keys[1]}"]\npassports = "{passport.parent}"\n'
    )
    return file


def admission(site, config):
    """Return what a registry under the demand says of the provider."""
    done = python(site, "-c", ADMIT, config)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_one_wheel_has_one_digest_however_it_was_installed(wheel, site, passport, keys):
    """The passport was made in another place, with scripts and caches of its own."""
    code, answer = verify(site, passport, keys[1])
    assert (code, answer["Installed"]) == (0, "same")
    compiled = installed(wheel, site.parent / "compiled", "--target")
    python(compiled, "-m", "compileall", "-q", compiled)
    assert verify(compiled, passport, keys[1])[0] == 0


def test_the_passport_opens_the_door(site, config):
    """The server's registry imports the provider."""
    assert admission(site, config) == "admitted"


def test_a_patched_file_closes_it(site, config, passport, keys):
    """Nothing of a patched distribution is imported."""
    with (site / "ca_provider_tiny" / "plugin.py").open("a") as file:
        file.write("# patched\n")
    assert "plugin.py was changed since it was installed" in admission(site, config)
    code, answer = verify(site, passport, keys[1])
    assert (code, answer["Installed"]) == (1, "other")


def test_a_file_beside_the_package_closes_it(site, config):
    """A module that the wheel never had may be imported in place of one it has."""
    (site / "ca_provider_tiny" / "plugin").mkdir()
    (site / "ca_provider_tiny" / "plugin" / "__init__.py").write_text(PLUGIN)
    assert "plugin/__init__.py is code that its RECORD does not list" in admission(site, config)


def test_a_server_does_not_start_without_the_passport(site, tmp_path, keys):
    """The command line tells the operator what to type."""
    file = tmp_path / "server.toml"
    file.write_text(
        f'[server]\ndata_dir = "{tmp_path / "data"}"\nlisten = ["127.0.0.1:0"]\n'
        '[ca]\nprovider = "tiny"\n[conformance]\nrequire_conformance = "L2"\n'
        f'trusted_keys = ["{keys[1]}"]\n'
    )
    done = python(site, "-m", "ca_core", "server", "--config", file)
    assert done.returncode == 2
    assert "tiny (ca-provider-tiny 1.0" in done.stderr
    assert "next:  `ca-core provider conformance tiny" in done.stderr
