"""Every engine passes the one suite."""

import pytest

from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.memory import MemoryDisk, MemoryEngine
from ca_core.state.sqlite import SqliteEngine
from tests.unit.state.engine_suite import EngineSuite
from tests.unit.state.rows import put


class TestMemoryEngine(EngineSuite):
    """The engine without a disk."""

    @pytest.fixture(autouse=True)
    def _place(self):
        self.disk = MemoryDisk()

    def open(self):
        """Open an engine on this test's disk."""
        return MemoryEngine(disk=self.disk)


class TestSqliteEngine(EngineSuite):
    """The default engine."""

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path):
        self.path = tmp_path / "data" / "state.db"

    def open(self):
        """Open the engine on this test's file."""
        return SqliteEngine(self.path)


class TestFakeEngine(EngineSuite):
    """The stand-in for etcd, with gaps in the index."""

    @pytest.fixture(autouse=True)
    def _place(self):
        self.backend = FakeBackend(gaps=(0, 3, 1))

    def open(self):
        """Connect one server to this test's backend."""
        return FakeEngine(self.backend)


def test_a_reopened_memory_engine_finds_its_rows():
    """Reopening is how a test restarts a server that has no disk."""
    engine = MemoryEngine("epoch")
    index = engine.commit(put("a"))
    again = engine.reopen().load()
    assert (again.index, again.epoch, again.tables["t"]["a"].value) == (index, "epoch", b"v")
