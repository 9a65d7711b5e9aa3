"""A backup holds one whole moment; a restore begins a new epoch and destroys nothing."""

import stat
import zipfile
from contextlib import closing
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.errors import ConfigError
from ca_core.state import Store
from ca_core.state.backup import backup, read_manifest, records_of, restore, write_backup
from ca_core.state.kek import Kek, KeyRing
from ca_core.state.memory import MemoryEngine
from ca_core.state.secrets import EncryptedSecrets
from ca_core.state.sqlite import SqliteEngine
from tests.unit.state.rows import cut, put

NOW = datetime(2030, 1, 1, tzinfo=UTC)
RING = KeyRing((Kek.of(bytes(32)),))
SECRET = b"a private key, in clear"


def filled(engine):
    """Return a store with rows, a lease, a secret, topics and ledgers."""
    store = Store(engine)
    store.commit(put("a", bytes(range(256)), topics=["x"]))
    store.commit(put("gone", topics=["y"]))
    store.commit(cut("gone", topics=["y"]))
    store.commit(put("leader", table="leases"))
    EncryptedSecrets(store, RING, "builtin").create("key", SECRET)
    for n in range(2500):
        store.append("issued", str(n).encode())
    store.append("audit", b"\xff\x00")
    store.flush()
    return store


def rows(view):
    """Return every row but the leases."""
    return {
        (table, key): row
        for table, by_key in view.tables.items()
        for key, row in by_key.items()
        if table != "leases"
    }


def ledger(store, name):
    """Return all values of a ledger."""
    return [row.value for row in dict(records_of(store))[name]]


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a running server's store on ``data/state.db``."""
    with filled(SqliteEngine(tmp_path / "data" / "state.db")) as store:
        yield tmp_path, store


def test_a_restored_cluster_is_the_same_in_a_new_epoch(folder):
    """Rows, versions, topics, index, ledgers and secrets are as they were; the epoch is not."""
    place, store = folder
    backup(place / "data" / "state.db", place / "b.zip", now=NOW)
    restored = restore(place / "b.zip", place / "new" / "state.db")
    assert restored.keys == RING.ids
    with Store(SqliteEngine(place / "new" / "state.db")) as again:
        assert rows(again.snapshot) == rows(store.snapshot)
        assert again.snapshot.index == store.snapshot.index == restored.index
        assert again.snapshot.epoch == restored.epoch != store.snapshot.epoch
        assert again.snapshot.topic_index("y") == store.snapshot.topic_index("y")
        assert ledger(again, "issued") == [str(n).encode() for n in range(2500)]
        assert ledger(again, "audit") == [b"\xff\x00"]
        assert EncryptedSecrets(again, RING, "builtin").get("key") == SECRET
        assert again.commit(put("b")) > restored.index


def test_nobody_leads_a_restored_cluster(folder):
    """Leases stay behind, so every old fence is refused."""
    place, _ = folder
    backup(place / "data" / "state.db", place / "b.zip", now=NOW)
    restore(place / "b.zip", place / "new" / "state.db")
    with Store(SqliteEngine(place / "new" / "state.db")) as again:
        assert not again.snapshot.table("leases")


def test_a_stopped_server_is_backed_up_alike(folder):
    """The file alone is enough."""
    place, store = folder
    live = backup(place / "data" / "state.db", place / "live.zip", now=NOW)
    store.close()
    assert backup(place / "data" / "state.db", place / "stopped.zip", now=NOW) == live


@pytest.mark.parametrize("engine", [MemoryEngine, None])
def test_any_running_store_is_backed_up_alike(tmp_path, engine):
    """What the server writes from memory equals what is read from the file."""
    path = tmp_path / "data" / "state.db"
    with filled(engine() if engine else SqliteEngine(path)) as store:
        view = store.snapshot.snapshot()
        made = write_backup(view, records_of(store), tmp_path / "b.zip", now=NOW)
        restore(tmp_path / "b.zip", tmp_path / "new" / "state.db")
        with Store(SqliteEngine(tmp_path / "new" / "state.db")) as again:
            assert rows(again.snapshot) == rows(store.snapshot)
            assert ledger(again, "issued") == ledger(store, "issued")
    assert (made.records, made.rows) == (2501, len(rows(store.snapshot)) + 1)


def test_the_manifest_says_what_is_in_it(folder):
    """Without reading the rest one learns when, which epoch, which index and which keys."""
    place, store = folder
    made = backup(place / "data" / "state.db", place / "b.zip", now=NOW)
    assert read_manifest(place / "b.zip") == made
    assert (made.made_at, made.epoch, made.index) == (
        NOW,
        store.snapshot.epoch,
        store.snapshot.index,
    )
    assert made.keys == RING.ids


def test_a_backup_is_private_and_shows_no_secret(folder):
    """The file is 0600; neither the secret nor a key is in any member."""
    place, _ = folder
    backup(place / "data" / "state.db", place / "b.zip", now=NOW)
    assert stat.S_IMODE((place / "b.zip").stat().st_mode) == 0o600
    with zipfile.ZipFile(place / "b.zip") as archive:
        text = b"".join(archive.read(name) for name in archive.namelist())
    lines = [msgspec.json.decode(line) for line in text.splitlines()]
    values = b"".join(
        msgspec.convert(line[2], bytes) for line in lines if isinstance(line, list) and line[2:]
    )
    for hidden in (SECRET, RING.writer.key):
        assert hidden not in text + values


def test_an_existing_backup_is_not_overwritten(folder):
    """The old file stays, and no draft is left behind."""
    place, _ = folder
    (place / "b.zip").write_bytes(b"precious")
    with pytest.raises(ConfigError, match="exists already"):
        backup(place / "data" / "state.db", place / "b.zip", now=NOW)
    assert (place / "b.zip").read_bytes() == b"precious"
    assert sorted(file.name for file in place.iterdir()) == ["b.zip", "data"]


def test_a_backup_into_no_folder_is_refused(folder):
    """The error names the file that cannot be written."""
    place, _ = folder
    with pytest.raises(ConfigError, match=r"gone/b\.zip"):
        backup(place / "data" / "state.db", place / "gone" / "b.zip", now=NOW)


def test_a_live_cluster_is_not_restored_over(folder):
    """While a server runs, the refusal names its process and nothing changes."""
    place, store = folder
    backup(place / "data" / "state.db", place / "b.zip", now=NOW)
    with pytest.raises(ConfigError, match="in use by process"):
        restore(place / "b.zip", place / "data" / "state.db")
    store.commit(put("still", b"alive"))


@pytest.mark.parametrize("name", ["state.db", "state.db-wal"])
def test_a_stopped_cluster_is_not_restored_over(folder, name):
    """Neither a state file nor the log of one is overwritten or mixed with the restored one."""
    place, store = folder
    backup(place / "data" / "state.db", place / "b.zip", now=NOW)
    store.close()
    (place / "other").mkdir()
    (place / "other" / name).write_bytes(b"precious")
    with pytest.raises(ConfigError, match="exists already"):
        restore(place / "b.zip", place / "other" / "state.db")
    assert (place / "other" / name).read_bytes() == b"precious"


def test_a_restore_after_a_killed_one_succeeds(folder):
    """The draft of a restore that died is no obstacle and nothing of it remains."""
    place, _ = folder
    backup(place / "data" / "state.db", place / "b.zip", now=NOW)
    (place / "new").mkdir()
    for name in ("state.db.restoring", "state.db.restoring-wal"):
        (place / "new" / name).write_bytes(b"half")
    restore(place / "b.zip", place / "new" / "state.db")
    assert sorted(f.name for f in (place / "new").iterdir()) == ["state.db", "state.db.lock"]
    assert stat.S_IMODE((place / "new" / "state.db").stat().st_mode) == 0o600


def test_a_missing_backup_is_named(tmp_path):
    """There is nothing to restore, and no state file appears."""
    with pytest.raises(ConfigError, match=r"b\.zip"):
        restore(tmp_path / "b.zip", tmp_path / "state.db")
    assert not (tmp_path / "state.db").exists()


def test_a_newer_backup_is_refused(tmp_path):
    """An older program says that it cannot read what a newer one wrote."""
    with Store(MemoryEngine()) as store:
        made = write_backup(store.snapshot.snapshot(), (), tmp_path / "b.zip", now=NOW)
    newer = msgspec.structs.replace(made, format=2)
    with zipfile.ZipFile(tmp_path / "newer.zip", "w") as archive:
        archive.writestr("manifest.json", msgspec.json.encode(newer))
    with pytest.raises(ConfigError, match="format 2, this one knows 1"):
        restore(tmp_path / "newer.zip", tmp_path / "state.db")


def test_a_member_exchanged_for_another_is_refused(folder):
    """A zip that is sound in itself but not what the manifest describes is damaged."""
    place, _ = folder
    backup(place / "data" / "state.db", place / "b.zip", now=NOW)
    for exchanged in ("rows.jsonl", "records.jsonl"):
        with (
            zipfile.ZipFile(place / "b.zip") as good,
            zipfile.ZipFile(place / "bad.zip", "w") as bad,
        ):
            for name in good.namelist():
                lines = good.read(name).splitlines(keepends=True)
                bad.writestr(name, b"".join(lines[:-1] if name == exchanged else lines))
        with pytest.raises(ConfigError, match=f"{exchanged} has another SHA-256"):
            restore(place / "bad.zip", place / "new" / "state.db")
        assert not (place / "new" / "state.db").exists()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return the bytes of a small backup, and what it restores to."""
    place = tmp_path_factory.mktemp("small")
    with Store(MemoryEngine()) as store:
        store.commit(put("a", b"value", topics=["x"]))
        store.append("l", b"record")
        store.flush()
        file = place / "b.zip"
        write_backup(store.snapshot.snapshot(), records_of(store), file, now=NOW)
        return file.read_bytes(), rows(store.snapshot), place


@settings(max_examples=120)
@given(data=st.data())
def test_a_damaged_backup_is_refused_or_harmless(small, data):
    """A flipped byte or a cut end never restores something else, and never half of it."""
    whole, expected, place = small
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[at] ^= data.draw(st.integers(1, 255))
    (place / "damaged.zip").write_bytes(bytes(damaged) if data.draw(st.booleans()) else whole[:at])
    target = place / "new" / "state.db"
    try:
        restore(place / "damaged.zip", target)
    except ConfigError:
        assert not target.exists()
        return
    with closing(SqliteEngine(target)) as engine, Store(engine) as again:
        assert rows(again.snapshot) == expected
        assert ledger(again, "l") == [b"record"]
    target.unlink()
