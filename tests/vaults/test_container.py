"""The server in a container: what pytest-docker is told to do, on an engine that is a process."""

import sys

import pytest

from tests.docker.files import composed
from tests.vaults.choosing import this_machine
from tests.vaults.container import COMPOSE_FILE, SERVICE
from tests.vaults.test_choosing import ROOT, SAMPLE, suite


@pytest.fixture
def engine(tmp_path):
    """Return the variables under which `docker` is the engine of these tests."""
    programs = tmp_path / "bin"
    programs.mkdir()
    docker = programs / "docker"
    docker.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.vaults.fakedocker "$@"\n')
    docker.chmod(0o755)
    return {
        "PATH": f"{programs}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "FAKE_DOCKER": str(tmp_path),
        "DOCKER_HOST": "",
    }


def test_an_engine_that_does_not_answer_is_none(engine, monkeypatch, tmp_path):
    """A client without its engine, or without compose, starts nothing."""
    monkeypatch.setenv("PATH", engine["PATH"])
    (tmp_path / "bin" / "docker").write_text('#!/bin/sh\n[ "$1" = info ]\n')
    assert not this_machine().docker()
    (tmp_path / "bin" / "docker").write_text("#!/bin/sh\nexit 0\n")
    assert this_machine().docker()


def test_the_service_that_is_started_is_one_of_the_compose_file():
    """By that name, published where the tests ask for it."""
    service = composed()["services"][SERVICE]
    assert service["profiles"] == [SERVICE]
    assert "VAULT_PORT" in service["ports"][0]


@pytest.mark.soak
def test_the_service_is_started_killed_and_taken_away(engine, tmp_path):
    """The same tests run on it; only the audit log is missing, and that is said."""
    code, said = suite(SAMPLE, TEST_VAULT="docker", **engine)
    assert code == 0, said
    assert "2 passed, 1 skipped" in said
    assert "the server in a container keeps no audit log" in said
    calls = (tmp_path / "calls").read_text().splitlines()
    composed_calls = [call for call in calls if f"-f {COMPOSE_FILE} -p pytest" in call]
    verbs = [call.rpartition(f"--profile {SERVICE} ")[2] for call in composed_calls]
    assert verbs[0] == f"up --detach --no-deps {SERVICE}"
    assert {f"kill {SERVICE}", f"start {SERVICE}"} <= set(verbs)
    assert verbs[-1] == "down --volumes"
