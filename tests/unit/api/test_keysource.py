"""Where a server's key-encryption keys come from, and what killed servers left there."""

import pytest

from ca_core.api.keysource import server_keys
from ca_core.config.model import ServerConfig
from ca_core.state.kek import key_file
from ca_core.state.memory import MemoryEngine
from ca_core.state.store import Store

DRAFT = "data.kek.0123abcd.new"
OTHERS = ("data.kek.old", "data.kek.0123abcd.new2", "other.kek.0123abcd.new")


@pytest.fixture
def data_dir(tmp_path):
    """Return a data folder with a draft of its key file beside it, and what looks like one."""
    for name in (DRAFT, *OTHERS):
        (tmp_path / name).write_text("key")
    return tmp_path / "data"


def names(data_dir):
    """Return the names of the files beside a data folder."""
    return {path.name for path in data_dir.parent.iterdir()}


def test_a_draft_that_a_killed_server_left_is_removed(data_dir):
    """It is a copy of a key that nobody knows of; its neighbours are none of our business."""
    with Store(MemoryEngine()) as store:
        server_keys(ServerConfig(), data_dir, store, {})
    assert names(data_dir) == {*OTHERS, key_file(data_dir).name}


def test_drafts_of_a_key_file_that_others_may_share_stay(data_dir):
    """Another server may be writing one at this moment."""
    shared = ServerConfig(kek_file=key_file(data_dir))
    with Store(MemoryEngine()) as store:
        server_keys(shared, data_dir, store, {})
    assert DRAFT in names(data_dir)
