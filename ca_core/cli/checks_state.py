"""``doctor`` on the server's folder, its key-encryption key and its state file."""

import fcntl
import os
import shutil
import stat
from contextlib import closing
from pathlib import Path

from ca_core.api.casettings import settings_from
from ca_core.api.storedstate import STATE_FILE
from ca_core.authority.configuration import digest_of
from ca_core.authority.rows import CONFIGURATION, ConfigurationRow, read
from ca_core.cli.checkup import Check, Level, Situation
from ca_core.errors import ConfigError
from ca_core.state.kek import (
    ENVIRONMENT_NAME,
    KeyRing,
    key_file,
    keys_from_command,
    keys_from_environment,
    read_key_file,
)
from ca_core.state.secrets import missing_keys
from ca_core.state.sqlite import SqliteReader
from ca_core.state.sqlite_file import examined
from ca_core.state.view import View

LEAST_SPACE = 100 * 1024 * 1024
"""A day of records of a busy server, and room for SQLite's log."""

NO_STATE = "no server state on this machine"


def state_file(situation: Situation) -> Path:
    """Return where the server's state lies or would lie."""
    return situation.config.server.data_dir / STATE_FILE


def is_running(path: Path) -> bool:
    """Say whether a process holds the lock of a state file; nothing is changed."""
    try:
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _folder(situation: Situation) -> tuple[Level, str, str]:
    folder = situation.config.server.data_dir
    try:
        found = folder.stat()
    except FileNotFoundError:
        return Level.SKIPPED, f"{NO_STATE} ({folder})", ""
    except OSError as error:
        raise ConfigError(
            (error.strerror or "cannot be read").lower(),
            where=str(folder),
            hint="run doctor as the user of the server",
        ) from None
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        return Level.WARNING, f"{folder} is open to others (mode {mode:04o})", f"chmod 700 {folder}"
    return Level.OK, f"{folder} belongs to one user (mode {mode:04o})", ""


def _space(situation: Situation) -> tuple[Level, str, str]:
    folder = situation.config.server.data_dir
    if not folder.is_dir():
        return Level.SKIPPED, NO_STATE, ""
    free = shutil.disk_usage(folder).free
    text = f"{free // (1024 * 1024)} MiB free on the disk of {folder}"
    if free < LEAST_SPACE:
        return Level.WARNING, text, "make room: a server that cannot write does not sign"
    return Level.OK, text, ""


def _keys(situation: Situation) -> KeyRing:
    """Return the key-encryption keys as a server would find them.

    Raises:
        ConfigError: missing, open to others, or no keys.
        UnavailableError: the command took too long.
    """
    server = situation.config.server
    given = keys_from_environment(os.environ)
    if given is not None:
        return given
    if server.kek_command:
        return keys_from_command(server.kek_command)
    return read_key_file(server.kek_file or key_file(server.data_dir))


def _key(situation: Situation) -> tuple[Level, str, str]:
    if not state_file(situation).exists():
        return Level.SKIPPED, NO_STATE, ""
    try:
        ring = _keys(situation)
    except ConfigError as error:
        hint = error.hint or f"bring it back from where it is kept, or set {ENVIRONMENT_NAME}"
        raise ConfigError(str(error), hint=hint) from None
    return Level.OK, f"key {', '.join(ring.ids)} is at hand", ""


def _state(situation: Situation) -> tuple[Level, str, str]:
    path = state_file(situation)
    if not path.exists():
        return Level.SKIPPED, NO_STATE, ""
    if is_running(path):
        return Level.OK, f"{path} is in use by a running server", ""
    return Level.OK, f"{path} is sound (schema {examined(path)}); no server runs on it", ""


def _secrets(situation: Situation) -> tuple[Level, str, str]:
    path = state_file(situation)
    if not path.exists():
        return Level.SKIPPED, NO_STATE, ""
    with closing(SqliteReader(path)) as reader:
        missing = missing_keys(View.of(reader.load()), _keys(situation))
    if missing:
        return (
            Level.FAILURE,
            f"secrets are kept under a key that is missing: {', '.join(missing)}",
            f"put the key of that id into {key_file(path.parent)}",
        )
    return Level.OK, "every secret can be opened", ""


def _drift(situation: Situation) -> tuple[Level, str, str]:
    """Compare the ``[ca]`` section with the one that was applied last."""
    path = state_file(situation)
    if not path.exists():
        return Level.SKIPPED, NO_STATE, ""
    with closing(SqliteReader(path)) as reader:
        row = read(View.of(reader.load()), ConfigurationRow, CONFIGURATION, "ca")
    if row is None:
        return Level.SKIPPED, "no configuration has been applied yet", ""
    if digest_of(settings_from(situation.config.ca)) == row.file_digest:
        return Level.OK, "the [ca] section is the one that was applied last", ""
    return (
        Level.WARNING,
        "the [ca] section differs from the one that was applied last; the store counts",
        "`ca-core ca plan` says what it would change, `ca-core ca apply` applies it",
    )


CHECKS = (
    Check("state", "folder", _folder),
    Check("state", "disk", _space),
    Check("state", "file", _state),
    Check("state", "key", _key),
    Check("state", "secrets", _secrets),
    Check("state", "drift", _drift),
)
