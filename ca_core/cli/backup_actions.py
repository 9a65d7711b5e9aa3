"""What ``backup`` and ``restore`` do; imported when they run."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from ca_core.api.storedstate import STATE_FILE
from ca_core.cli.backup import BACKUP
from ca_core.cli.client import Client
from ca_core.errors import ConfigError
from ca_core.state.backup import Restored, read_manifest
from ca_core.state.backup import restore as restore_state
from ca_core.state.backupfile import Manifest
from ca_core.state.wholefile import create_whole
from ca_core.wire.times import wire_time


def require_free(file: Path) -> None:
    """Refuse a name that is taken: a backup never replaces anything.

    Raises:
        ConfigError: the file exists.
    """
    if file.exists():
        raise ConfigError("exists already", where=str(file), hint="choose another name")


def saved(client: Client, file: Path) -> Manifest:
    """Write the server's backup to ``file`` (0600) after it has been checked; return its manifest.

    1. The answer is received into an unnamed place on the same disk.
    2. Its manifest is read, so that a truncated answer is noticed.
    3. Only then does it get its name, in one step.

    Raises:
        ConfigError: the file cannot be written, or what came is no backup.
        Error: as ``Client``.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.") as draft:
            with client.stream(BACKUP) as pieces:  # 1
                draft.writelines(pieces)
            draft.flush()
            manifest = read_manifest(Path(draft.name))  # 2
            _publish(draft.name, file)  # 3
    except FileExistsError:
        require_free(file)
        raise
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
        raise ConfigError(reason, where=str(file)) from None
    return manifest


def _publish(draft: str, file: Path) -> None:
    def copy(target: BinaryIO) -> None:
        with Path(draft).open("rb") as source:
            shutil.copyfileobj(source, target)

    create_whole(file, copy)


def restored(file: Path, data_dir: Path) -> Restored:
    """Make the state of a server in ``data_dir`` from a backup.

    Raises:
        ConfigError: there is a state already, or the backup is missing, damaged or newer.
        UnavailableError: the disk is full; nothing was made.
    """
    return restore_state(file, data_dir / STATE_FILE)


def manifest_facts(manifest: Manifest) -> list[tuple[str, str]]:
    """Return what a backup says about itself, for people."""
    return [
        ("made", wire_time(manifest.made_at)),
        ("holds", f"{manifest.rows} rows, {manifest.records} records, index {manifest.index}"),
        ("keys needed", ", ".join(manifest.keys) or "none"),
    ]


def manifest_json(manifest: Manifest) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "MadeAt": wire_time(manifest.made_at),
        "Epoch": manifest.epoch,
        "Index": manifest.index,
        "Rows": manifest.rows,
        "Records": manifest.records,
        "KeyIDs": list(manifest.keys),
    }
