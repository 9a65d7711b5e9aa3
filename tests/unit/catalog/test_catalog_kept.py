"""The catalog outlives its server: a restart, and a backup that is restored."""

from datetime import UTC, datetime

from ca_core.catalog.viewing import Viewing
from ca_core.state.backup import backup, restore
from ca_core.state.sqlite import SqliteEngine
from ca_core.state.store import Store
from tests.unit.catalog.registering import EVERY_VIEW, Standing, check, native, proxy, state

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def views(standing):
    """Return every view with its index."""
    viewing, now = Viewing(), standing.now
    return {key: (viewing.encoded(now, key), viewing.look(now, key).index) for key in EVERY_VIEW}


def test_a_restart_and_a_restore_bring_every_view_back(tmp_path):
    """With the same indexes; after a restore they are of another epoch."""
    path, again = tmp_path / "data" / "state.db", tmp_path / "again" / "state.db"
    first = Standing(Store(SqliteEngine(path)))
    first.register("n1", state(native(checks=[check()]), proxy(), checks=(check("disk"),)))
    first.register("n2", state(native()))
    first.register("n2", state())
    before, epoch = views(first), first.store.snapshot.epoch
    backup(path, tmp_path / "b.zip", now=NOW)
    first.store.close()
    restore(tmp_path / "b.zip", again)
    for file, same in ((path, True), (again, False)):
        standing = Standing(Store(SqliteEngine(file)))
        assert views(standing) == before
        assert (standing.store.snapshot.epoch == epoch) is same
        assert standing.register("n2", state()) == 0
        standing.store.close()
