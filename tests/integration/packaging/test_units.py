"""The units of systemd: it understands them, they are hardened, and nothing secret is in them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parents[3] / "packaging" / "systemd").glob("*.service"))
CA_CORE = Path(sys.executable).parent / "ca-core"
BY_UNIT = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


def settings(unit):
    """Return the lines of a unit that set something, as pairs."""
    lines = unit.read_text().splitlines()
    return [tuple(line.split("=", 1)) for line in lines if re.match(r"[A-Z]\w+=", line)]


def test_there_is_one_for_each_process():
    """Of the agent and of the server; ``dev`` is for trying things."""
    assert [unit.name for unit in UNITS] == ["ca-core-agent.service", "ca-core-server.service"]


@BY_UNIT
def test_systemd_understands_it(unit, tmp_path):
    """``systemd-analyze verify`` has nothing to say; the program is where it is here."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("NOT CHECKED: systemd-analyze is not installed, no unit file was verified")
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace("/usr/local/bin/ca-core", str(CA_CORE)))
    found = subprocess.run(
        [analyze, "verify", "--man=no", str(here)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert unit.name not in found.stdout + found.stderr
    assert found.returncode == 0


@BY_UNIT
def test_it_waits_for_ready_and_for_signs_of_life(unit):
    """Ready is said by the process; one whose loop hangs is started again; reload is a hangup."""
    said = dict(settings(unit))
    assert said["Type"] == "notify"
    assert said["WatchdogSec"]
    assert said["ExecReload"].endswith("kill -HUP $MAINPID")
    assert said["Restart"] == "always"
    role = unit.stem.removeprefix("ca-core-")
    assert said["ExecStart"] == (
        f"/usr/local/bin/ca-core {role} --config /etc/ca-core/ca-core.toml"
    )


@BY_UNIT
def test_it_may_do_little(unit):
    """A user of its own, no capability, a file system that it cannot write."""
    said = dict(settings(unit))
    assert said["User"] == "ca-core"
    assert said["CapabilityBoundingSet"] == ""
    assert said["ProtectSystem"] == "strict"
    wanted = {"NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "LockPersonality"}
    assert {name for name, value in said.items() if value == "yes"} >= wanted


@BY_UNIT
def test_no_secret_is_in_it(unit):
    """Nor a place for one: environments of units are readable by everybody."""
    names = [name for name, _ in settings(unit)]
    assert not {"Environment", "EnvironmentFile", "PassEnvironment"} & set(names)
    assert not re.search(
        r"token=|secret|BEGIN|--join-token", "\n".join(v for _, v in settings(unit))
    )
