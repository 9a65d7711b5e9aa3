"""Tests of `backup` and `restore`: a file that is whole, a folder that is never overwritten."""

import json
import stat
from datetime import UTC, datetime

import pytest

from ca_core.state.backup import records_of, write_backup
from ca_core.state.memory import MemoryEngine
from ca_core.state.store import Store

BACKUP = "/v1/cluster/backup"


@pytest.fixture
def backup_bytes(tmp_path) -> bytes:
    """Return a real backup of an empty cluster."""
    file = tmp_path / "made.backup"
    with Store(MemoryEngine()) as store:
        write_backup(store.snapshot.snapshot(), records_of(store), file, now=datetime.now(UTC))
    return file.read_bytes()


def test_the_file_is_private_and_what_the_server_sent(run, api, backup_bytes, tmp_path):
    """The backup arrives unchanged, readable by its owner alone."""
    api.answer("GET", BACKUP, backup_bytes)
    result = run("backup", "b.zip", "--http-addr", api.url, "-o", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["File"] == "b.zip"
    assert (tmp_path / "b.zip").read_bytes() == backup_bytes
    assert stat.S_IMODE((tmp_path / "b.zip").stat().st_mode) == 0o600


def test_an_existing_file_is_never_replaced(run, api, tmp_path):
    """The older backup may be the good one; the server is not even asked."""
    (tmp_path / "b.zip").write_text("older")
    assert run("backup", "b.zip", "--http-addr", api.url).exit_code == 2
    assert (tmp_path / "b.zip").read_text() == "older"
    assert api.requests == []


@pytest.mark.parametrize("cut", [0, 10, -5])
def test_a_damaged_answer_leaves_no_file(run, api, backup_bytes, tmp_path, cut):
    """What is not a whole backup does not get the name of one."""
    api.answer("GET", BACKUP, backup_bytes[:cut])
    result = run("backup", "b.zip", "--http-addr", api.url)
    assert result.exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made.backup"]


def test_a_refusal_leaves_no_file(run, api, tmp_path):
    """Without the right to back up, there is nothing but the error."""
    api.answer("GET", BACKUP, b"Permission denied", status=403)
    assert run("backup", "b.zip", "--http-addr", api.url).exit_code == 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("backup_bytes")
def test_a_backup_becomes_a_state_once(run, tmp_path):
    """Restoring makes the state; a second time refuses and changes nothing."""
    first = run("restore", "made.backup", "--data-dir", "new", "-o", "json")
    assert first.exit_code == 0
    assert json.loads(first.stdout)["DataDir"] == "new"
    before = (tmp_path / "new" / "state.db").read_bytes()
    second = run("restore", "made.backup", "--data-dir", "new")
    assert second.exit_code == 2
    assert "exists already" in second.stderr
    assert (tmp_path / "new" / "state.db").read_bytes() == before


def test_a_missing_backup_is_named(run):
    """The path is in the message."""
    result = run("restore", "absent.backup", "--data-dir", "new")
    assert result.exit_code == 2
    assert "absent.backup" in result.stderr
