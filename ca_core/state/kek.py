"""Key-encryption keys: the few keys that open every secret of a cluster, and where they come from.

They never lie in the state: a file beside the data folder, an environment variable, or a command.
"""

import base64
import binascii
import hashlib
import os
import secrets
import stat
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from ca_core.errors import ConfigError, UnavailableError
from ca_core.state.wholefile import create_whole, replace_whole

KEY_BYTES = 32
"""AES-256."""

MAX_KEYS = 2
"""One that writes, and one on its way out."""

ENVIRONMENT_NAME = "CA_CORE_KEK"
"""The environment variable that may hold the keys."""

_MAKE = "make one with: head -c 32 /dev/urandom | base64"


@dataclass(frozen=True, slots=True)
class Kek:
    """One key-encryption key; only its id is ever shown.

    Attributes:
        id: first 16 hex digits of SHA-256("ca-core kek" + key); a secret names it.
        key: 32 bytes.
    """

    id: str
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, key: bytes) -> "Kek":
        """Return the key with its id.

        Raises:
            ConfigError: it does not have 32 bytes.
        """
        if len(key) != KEY_BYTES:
            raise ConfigError(f"a key has {KEY_BYTES} bytes, not {len(key)}", hint=_MAKE)
        return cls(hashlib.sha256(b"ca-core kek" + key).hexdigest()[:16], key)

    @classmethod
    def made(cls) -> "Kek":
        """Return a new random key."""
        return cls.of(secrets.token_bytes(KEY_BYTES))


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The live keys, at most two; the first one writes, all of them read. It may be empty.

    Attributes:
        keys: in the order of their source.
    """

    keys: tuple[Kek, ...] = ()

    def __call__(self) -> "KeyRing":
        """Return itself: a ring that never changes serves where one that may is asked for."""
        return self

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the keys, the writing one first."""
        return tuple(kek.id for kek in self.keys)

    @property
    def writer(self) -> Kek | None:
        """The key that new secrets are written under, or None."""
        return self.keys[0] if self.keys else None

    def get(self, kek_id: str) -> Kek | None:
        """Return the key of that id, or None."""
        return next((kek for kek in self.keys if kek.id == kek_id), None)

    def missing(self, kek_ids: Iterable[str]) -> tuple[str, ...]:
        """Return those of the ids that no key has, in their order."""
        return tuple(kek_id for kek_id in kek_ids if self.get(kek_id) is None)

    def led_by(self, kek: Kek) -> "KeyRing":
        """Return the ring in which ``kek`` writes and the present writer still reads."""
        others = tuple(other for other in self.keys if other.id != kek.id)
        return KeyRing((kek, *others[:1]))


def key_file(data_dir: Path) -> Path:
    """Return where a data folder's keys lie: beside it, never inside, so a copy has no keys."""
    whole = data_dir.resolve()
    return whole.with_name(f"{whole.name}.kek")


def read_key_file(path: Path, *, owners: Collection[int] | None = None) -> KeyRing:
    """Return the keys of a file: base64, one a line, the writing one first.

    Args:
        path: the file.
        owners: uids that may own it; None for anybody.

    Raises:
        ConfigError: missing, unreadable, open to other users (with the chmod to type), of another
            owner, or no keys.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            text = file.read()
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", where=str(path)) from error
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        hint = f"chmod 600 {path}"
        raise ConfigError(f"other users may read it (mode {mode:04o})", where=str(path), hint=hint)
    if owners is not None and found.st_uid not in owners:
        hint = f"chown {os.geteuid()} {path}, if the key is yours"
        raise ConfigError(f"belongs to uid {found.st_uid}", where=str(path), hint=hint)
    return _parsed(text, where=str(path))


def open_key_file(path: Path, needed: Sequence[str]) -> KeyRing:
    """Return the file's keys, making the first one if the cluster has no secret yet.

    It must belong to us or to root: a key that somebody else laid there is known to them.

    Args:
        path: the file.
        needed: ids that stored secrets name; with any, a missing file gives an empty ring, never a
            new key.

    Raises:
        ConfigError: as ``read_key_file``, or it cannot be made.
    """
    if not path.exists():
        if needed:
            return KeyRing()
        create_key_file(path)
    return read_key_file(path, owners=(0, os.geteuid()))


def create_key_file(path: Path) -> None:
    """Make a file with one new key unless there is a file; it appears whole or not at all.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        create_whole(path, lambda file: _write(file, KeyRing((Kek.made(),))))
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigError(f"cannot be made ({error.strerror})", where=str(path)) from error


def write_key_file(path: Path, ring: KeyRing) -> None:
    """Replace the file by these keys, at once.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        replace_whole(path, lambda file: _write(file, ring))
    except OSError as error:
        raise ConfigError(f"cannot be written ({error.strerror})", where=str(path)) from error


def keys_from_environment(environment: Mapping[str, str]) -> KeyRing | None:
    """Return the keys in ``CA_CORE_KEK`` (base64, separated by blanks), None if it is not set.

    Raises:
        ConfigError: it holds something else; the value is not shown.
    """
    text = environment.get(ENVIRONMENT_NAME)
    return None if text is None else _parsed(text.encode(), where=ENVIRONMENT_NAME)


def keys_from_command(
    argv: Sequence[str], *, time_limit: timedelta = timedelta(seconds=10)
) -> KeyRing:
    """Return the keys that a command prints (base64, one a line). No shell; no output is shown.

    Raises:
        ConfigError: it cannot be started, fails, or prints something else.
        UnavailableError: it took longer than ``time_limit``.
    """
    where = f"key command {' '.join(argv[:1])!r}"
    done = _run(argv, where, time_limit.total_seconds())
    if done is None:  # raised here, not where it was caught: that error carries the output
        raise UnavailableError(f"{where} took longer than {time_limit.total_seconds():g} s")
    if done.returncode != 0:
        hint = "run it by hand as the user of this program"
        raise ConfigError(f"ended with {done.returncode}", where=where, hint=hint)
    return _parsed(done.stdout, where=where)


def _run(
    argv: Sequence[str], where: str, seconds: float
) -> subprocess.CompletedProcess[bytes] | None:
    try:
        return subprocess.run(  # noqa: S603 - the operator's own configuration names the command
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    except (OSError, IndexError, ValueError) as error:
        raise ConfigError(f"cannot be started ({error})", where=where) from error


def _parsed(text: bytes, *, where: str) -> KeyRing:
    try:
        keys = tuple(Kek.of(base64.b64decode(word, validate=True)) for word in text.split())
    except (binascii.Error, ConfigError):  # neither may show what was read
        raise ConfigError("does not hold base64 of 32 bytes", where=where, hint=_MAKE) from None
    if not 1 <= len(keys) <= MAX_KEYS:
        raise ConfigError(f"holds {len(keys)} keys, not one or two", where=where, hint=_MAKE)
    return KeyRing(keys)


def _write(file: BinaryIO, ring: KeyRing) -> None:
    file.writelines(base64.b64encode(kek.key) + b"\n" for kek in ring.keys)
