"""The state of a server in its data folder."""

import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ca_core.api.keysource import server_keys
from ca_core.api.server import OpenState
from ca_core.config.model import ServerConfig
from ca_core.state.sqlite import SqliteEngine
from ca_core.state.store import Store
from ca_core.state.wholefile import create_whole

STATE_FILE = "state.db"
NAME_FILE = "server.id"


def _ignore(_boundary: str) -> None:
    """Nobody watches."""


def stored_state(
    config: ServerConfig,
    data_dir: Path,
    environment: Mapping[str, str],
    *,
    on_boundary: Callable[[str], None] = _ignore,
) -> OpenState:
    """Open the state in ``data_dir``, making it at the first start. Blocks.

    Args:
        config: where the key-encryption keys come from.
        data_dir: folder of the state.
        environment: may hold the keys.
        on_boundary: called around every durable step; crash tests use it.

    Raises:
        ConfigError: corrupt, in use by another process, newer than this program, or the keys cannot
            be used; says which file and what to do. Nothing is changed.
    """
    store = Store(SqliteEngine(data_dir / STATE_FILE, on_boundary=on_boundary))
    try:
        keys = server_keys(config, data_dir, store, environment)
        return OpenState(store=store, keys=keys, name=_lasting_name(data_dir / NAME_FILE))
    except BaseException:
        store.close()
        raise


def _lasting_name(path: Path) -> str:
    """Return this data folder's server name, drawn once: the lease knows a former life by it."""

    def write(file: BinaryIO) -> None:
        file.write(f"server-{uuid.uuid4().hex[:12]}\n".encode())

    if not path.exists():
        with suppress(FileExistsError):
            create_whole(path, write)
    return path.read_text().strip()
