"""The key-encryption keys a server has at hand, and changing the one that writes."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from ca_core.config.model import ServerConfig
from ca_core.errors import ConfigError, ConflictError
from ca_core.state.kek import (
    Kek,
    KeyRing,
    key_file,
    keys_from_command,
    keys_from_environment,
    open_key_file,
    write_key_file,
)
from ca_core.state.secrets import needed_keys, rekey
from ca_core.state.store import Store
from ca_core.state.wholefile import remove_drafts


class KeySource:
    """The live key ring; calling it returns the ring as it is now.

    Args:
        ring: the keys found at start; may be empty.
        save: writes a changed ring where it came from; None if only the operator can.
    """

    def __init__(self, ring: KeyRing, save: Callable[[KeyRing], None] | None) -> None:
        self._ring = ring
        self._save = save
        self._changing = threading.Lock()

    def __call__(self) -> KeyRing:
        """Return the keys that are live now."""
        return self._ring

    def rekey(self, store: Store) -> dict[str, object]:
        """Rewrap every secret with a new key, or with the operator's first one. Blocks.

        From a file: a new key is made, both are kept until every secret is rewrapped, then the old
        one goes. From a variable or command: the operator puts the new key first and restarts.
        One at a time: a second one would drop the key that the first just wrote with.

        Raises:
            ConflictError: another one is running.
            ConfigError: there is no key at hand, or the key's file cannot be written.
            UnavailableError: the store cannot be written; run it again, it goes on where it
                stopped.
        """
        if not self._changing.acquire(blocking=False):
            raise ConflictError("another rekey is running")
        try:
            return self._rekeyed(store)
        finally:
            self._changing.release()

    def _rekeyed(self, store: Store) -> dict[str, object]:
        target = self._ring.writer
        if target is None:
            raise ConfigError("no key-encryption key is at hand", where="kek")
        if self._save is None:
            return {"KeyID": target.id, "Rewrapped": rekey(store, self._ring, target)}
        rewrapped = self._finished(store, target)  # what an earlier call left: a ring has two keys
        target = Kek.made()
        self._change(self._ring.led_by(target))
        rewrapped += self._finished(store, target)
        return {"KeyID": target.id, "Rewrapped": rewrapped}

    def _finished(self, store: Store, target: Kek) -> int:
        """Rewrap what another key still wraps; only then let go of the others."""
        rewrapped = rekey(store, self._ring, target)
        if self._ring.keys != (target,):
            self._change(KeyRing((target,)))
        return rewrapped

    def _change(self, ring: KeyRing) -> None:
        if self._save is not None:
            self._save(ring)
        self._ring = ring


def ephemeral_keys() -> KeySource:
    """Return a fresh key that dies with the process, for state that does too."""
    return KeySource(KeyRing((Kek.made(),)), lambda _ring: None)


def server_keys(
    config: ServerConfig, data_dir: Path, store: Store, environment: Mapping[str, str]
) -> KeySource:
    """Return the keys of a server: environment, else command, else file (made at first start).

    A missing key is not an error here: the server serves reads and says which id it lacks. Drafts
    that a killed server left beside the default file, each a copy of a key, are removed.

    Raises:
        ConfigError: what is there cannot be used; says what to do.
    """
    given = keys_from_environment(environment)
    if given is not None:
        return KeySource(given, None)
    if config.kek_command:
        return KeySource(keys_from_command(config.kek_command), None)
    path = config.kek_file or key_file(data_dir)
    if config.kek_file is None:  # beside the state, which we hold: nobody else is writing it
        remove_drafts(path)
    ring = open_key_file(path, needed_keys(store.snapshot))
    return KeySource(ring, lambda changed: write_key_file(path, changed))
