"""What only a file can suffer: permissions, damage, other programs, other versions, a full disk."""

import os
import sqlite3
import stat
from contextlib import closing

import pytest

from ca_core.errors import ConfigError, UnavailableError
from ca_core.state import Store
from ca_core.state.schema import MIGRATIONS
from ca_core.state.sqlite import SqliteEngine, SqliteReader
from tests.unit.state.rows import put


@pytest.fixture
def path(tmp_path):
    """Return a place in a folder that does not exist yet."""
    return tmp_path / "data" / "state.db"


def filled(path, rows=200):
    """Make a state file with rows and close it."""
    with Store(SqliteEngine(path)) as store:
        for n in range(rows):
            store.commit(put(str(n), b"value-%d" % n * 20))
    return path.read_bytes()


def contents(folder):
    """Return every file of a folder that holds data, by name."""
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    return {name: data for name, data in files.items() if name in {"state.db", "state.db-wal"}}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_files_and_folder_belong_to_their_owner_alone(path, umask):
    """Whatever the umask, the folder is 0700 and every file in it 0600."""
    before = os.umask(umask)
    try:
        with Store(SqliteEngine(path)) as store:
            store.commit(put("a"))
            modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in path.parent.iterdir()}
    finally:
        os.umask(before)
    names = {"state.db", "state.db-wal", "state.db-shm", "state.db.lock"}
    assert modes == dict.fromkeys(names, 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_open_to_others_is_refused_with_the_command(path):
    """Wrong permissions are named with the chmod to type."""
    filled(path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="0640") as refusal:
        SqliteEngine(path)
    assert refusal.value.hint == f"chmod 600 {path}"


def test_a_folder_that_exists_keeps_its_mode(path):
    """A folder that the operator made is the operator's."""
    path.parent.mkdir(mode=0o750)
    SqliteEngine(path).close()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750


def test_commits_are_synced_in_a_write_ahead_log(path):
    """Durability is not left to SQLite's defaults."""
    with closing(SqliteEngine(path)) as engine:
        run = engine._connection.execute
        assert run("PRAGMA journal_mode").fetchone() == ("wal",)
        assert run("PRAGMA synchronous").fetchone() == (2,)


def test_a_second_engine_on_one_file_is_refused(path):
    """The refusal names the process that holds the file."""
    with closing(SqliteEngine(path)), pytest.raises(ConfigError, match=f"process {os.getpid()}"):
        SqliteEngine(path)
    SqliteEngine(path).close()


def damage(data, how):
    """Return the bytes of a state file after an accident."""
    half = len(data) // 2 // 4096 * 4096
    match how:
        case "not a database":
            return b"hello" * 1000
        case "cut short":
            return data[:half]
        case "a page overwritten":
            return data[:half] + b"\xff" * 4096 + data[half + 4096 :]
        case "a page zeroed":
            return data[:half] + bytes(4096) + data[half + 4096 :]
        case "one bit of a value":
            return data.replace(b"value-77", b"value-76", 1)
        case "one bit of a key":
            place = data.index(b"value-77") - 3
            return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize(
    "how",
    [
        "not a database",
        "cut short",
        "a page overwritten",
        "a page zeroed",
        "one bit of a value",
        "one bit of a key",
    ],
)
def test_a_damaged_file_is_refused_and_left_as_it_is(path, how):
    """The error names the file and the next step, and not a byte is changed."""
    whole = filled(path)
    path.write_bytes(damage(whole, how))
    assert path.read_bytes() != whole
    before = contents(path.parent)
    for _ in range(2):  # the refusal holds nothing that would change the second answer
        with pytest.raises(ConfigError) as refusal:
            Store(SqliteEngine(path))
        assert refusal.value.where == str(path)
        assert "restore" in refusal.value.hint
    after = contents(path.parent)
    assert after["state.db"] == before["state.db"]
    assert not after.get("state.db-wal")


def test_a_damaged_file_keeps_the_log_beside_it(path):
    """What a killed server left in the write-ahead log is not folded into a damaged file."""
    filled(path)
    with closing(SqliteEngine(path)) as engine:
        engine.commit(put("newest"))
        main, log = path.read_bytes(), path.with_name("state.db-wal").read_bytes()
    killed = {"state.db": damage(main, "a page overwritten"), "state.db-wal": log}
    for name, data in killed.items():
        path.with_name(name).write_bytes(data)
    with pytest.raises(ConfigError):
        SqliteEngine(path)
    assert contents(path.parent) == killed


def test_a_file_of_another_program_is_refused_and_left_as_it_is(path):
    """A SQLite file that is not ours gets no table from us."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="not a ca-core state file"):
        SqliteEngine(path)
    assert path.read_bytes() == before


ADDED = (*MIGRATIONS, "CREATE TABLE later (x); INSERT INTO later VALUES (7);")


def test_an_older_file_becomes_a_newer_one(path):
    """Migration keeps rows, index and epoch, and runs once."""
    filled(path, rows=3)
    with Store(SqliteEngine(path)) as store:
        before = store.snapshot
    for _ in range(2):
        engine = SqliteEngine(path, migrations=ADDED)
        with Store(engine) as store:
            assert store.snapshot == before
            assert engine._connection.execute("SELECT x FROM later").fetchall() == [(7,)]


def test_a_newer_file_is_refused_and_left_as_it_is(path):
    """A downgrade is told both versions and what to do."""
    filled(path, rows=3)
    SqliteEngine(path, migrations=ADDED).close()
    before = contents(path.parent)
    with pytest.raises(ConfigError, match=r"schema 2, this program knows 1") as refusal:
        SqliteEngine(path)
    assert "newer version" in refusal.value.hint
    assert contents(path.parent)["state.db"] == before["state.db"]


def test_a_migration_that_fails_changes_nothing(path):
    """The file stays at its version, with its rows, and opens with the program that knows it."""
    filled(path, rows=3)
    broken = (*MIGRATIONS, "CREATE TABLE later (x); CREATE TABLE later (x);")
    with pytest.raises(UnavailableError):
        SqliteEngine(path, migrations=broken)
    with Store(SqliteEngine(path)) as store:
        assert len(store.snapshot.table("t")) == 3


def test_an_empty_file_becomes_a_state_file(path):
    """A first start that was killed right after making the file is a first start."""
    path.parent.mkdir()
    path.touch(mode=0o600)
    with Store(SqliteEngine(path)) as store:
        store.commit(put("a"))


def test_a_place_that_is_no_place_is_refused(tmp_path):
    """A data folder that is a file, or a state file that is a folder, is named."""
    (tmp_path / "file").touch()
    (tmp_path / "state.db").mkdir()
    for path in (tmp_path / "file" / "state.db", tmp_path / "state.db"):
        with pytest.raises(ConfigError) as refusal:
            SqliteEngine(path)
        assert str(tmp_path) in refusal.value.where


def test_a_full_disk_writes_nothing_and_space_ends_it(path):
    """Commits are refused whole while there is no room, and succeed once there is."""
    engine = SqliteEngine(path)
    with Store(engine) as store:
        small = store.commit(put("small", b"before"))
        (pages,) = engine._connection.execute("PRAGMA page_count").fetchone()
        engine._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(UnavailableError, match="disk is full") as refusal:
            store.commit(put("large", b"x" * 100_000))
        assert "free some space" in refusal.value.hint
        assert store.snapshot.index == small
        store.commit(put("small", b"still fits"))
        engine._connection.execute("PRAGMA max_page_count = 1000000")
        store.commit(put("large", b"x" * 100_000))
    with Store(SqliteEngine(path)) as store:
        assert store.snapshot.get("t", "small").value == b"still fits"
        assert len(store.snapshot.get("t", "large").value) == 100_000


def test_ledger_records_wait_for_a_full_disk(path):
    """Records that find no room are kept, shown as failing, and written in order later."""
    engine = SqliteEngine(path)
    with Store(engine) as store:
        (pages,) = engine._connection.execute("PRAGMA page_count").fetchone()
        engine._connection.execute(f"PRAGMA max_page_count = {pages}")
        for n in range(10):
            store.append("l", b"%d" % n + b"x" * 10_000)
        with pytest.raises(UnavailableError, match="disk is full"):
            store.flush()
        assert isinstance(store.ledger_error, UnavailableError)
        engine._connection.execute("PRAGMA max_page_count = 1000000")
        store.flush()
        assert store.ledger_error is None
        assert [row.value[:1] for row in store.read("l")] == [b"%d" % n for n in range(10)]


def test_a_reader_sees_one_moment_while_the_owner_writes(path):
    """A backup is consistent: what is committed after it began is not in it."""
    with Store(SqliteEngine(path)) as store:
        store.commit(put("a", b"old"))
        with closing(SqliteReader(path)) as reader:
            first = reader.load()
            store.commit(put("a", b"new"))
            store.append("l", b"later")
            store.flush()
            assert reader.load() == first
            assert reader.read("l") == []
        assert store.snapshot.get("t", "a").value == b"new"


def test_a_reader_of_nothing_is_refused(path):
    """Reading makes no file."""
    with pytest.raises(ConfigError):
        SqliteReader(path)
    assert not path.exists()
