"""A disk that is really full: a tiny file system in memory, filled to the last block."""

import os
import subprocess
from datetime import UTC, datetime

import pytest

from ca_core.errors import ConfigError, UnavailableError
from ca_core.state import Store
from ca_core.state.backup import backup
from ca_core.state.sqlite import SqliteEngine
from tests.unit.state.rows import put

SIZE = 4 * 1024 * 1024
NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def disk(tmp_path):
    """Return a mounted file system of 4 MiB."""
    if os.geteuid() != 0:
        pytest.skip("NOT RUN: mounting a tiny tmpfs needs root; max_page_count covers SQLITE_FULL")
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"NOT RUN: this machine does not let root mount ({mounted.stderr.strip()})")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk):
    """Fill the disk to the last byte and return the ballast."""
    ballast = disk / "ballast"
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    size = 64 * 1024
    while size:
        try:
            os.write(descriptor, bytes(size))
        except OSError:
            size //= 2
    os.close(descriptor)
    return ballast


def commit_until_refused(store, accepted):
    """Commit rows, noting each that was accepted, until one is not."""
    for n in range(10_000):
        store.commit(put(str(n), b"x" * 3000))
        accepted[str(n)] = b"x" * 3000


def test_a_full_disk_stops_writing_until_there_is_space(disk):
    """What was refused is nowhere, what was accepted is there, and no restart is needed."""
    path, accepted = disk / "data" / "state.db", {}
    with Store(SqliteEngine(path)) as store:
        store.commit(put("first", b"1"))
        ballast = fill(disk)
        os.truncate(ballast, ballast.stat().st_size - 200_000)
        with pytest.raises(UnavailableError, match="nothing was written"):
            commit_until_refused(store, accepted)
        assert accepted
        index = store.snapshot.index
        for _ in range(3):
            with pytest.raises(UnavailableError):
                store.commit(put("refused", b"x" * 3000))
        store.append("l", b"x" * 100_000)
        with pytest.raises(UnavailableError):
            store.flush()
        assert isinstance(store.ledger_error, UnavailableError)
        assert store.snapshot.index == index
        ballast.unlink()
        store.commit(put("after", b"2"))
        store.flush()
    with Store(SqliteEngine(path)) as store:
        rows = {key: row.value for key, row in store.snapshot.table("t").items()}
        assert rows == accepted | {"first": b"1", "after": b"2"}
        assert [len(row.value) for row in store.read("l")] == [100_000]


def test_a_start_on_a_full_disk_is_refused_and_succeeds_later(disk):
    """A server that restarts while the disk is full says so, and loses nothing."""
    path = disk / "data" / "state.db"
    with Store(SqliteEngine(path)) as store:
        store.commit(put("first", b"1"))
    ballast = fill(disk)
    for place in (path, disk / "new" / "state.db"):
        with pytest.raises((UnavailableError, ConfigError)):
            Store(SqliteEngine(place))
    ballast.unlink()
    with Store(SqliteEngine(path)) as store:
        assert store.snapshot.get("t", "first").value == b"1"


def test_a_backup_to_a_full_disk_leaves_nothing_behind(disk):
    """No half a backup stays that somebody might trust."""
    path = disk / "data" / "state.db"
    with Store(SqliteEngine(path)) as store:
        store.commit(put("large", os.urandom(500_000)))
        fill(disk)
        with pytest.raises(UnavailableError, match="no backup was made"):
            backup(path, disk / "b.zip", now=NOW)
        assert sorted(file.name for file in disk.iterdir()) == ["ballast", "data"]
