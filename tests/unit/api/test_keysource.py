"""Changing the key-encryption key loses no secret, interrupted or twice at once."""

import threading

import pytest

from ca_core.api import keysource
from ca_core.api.keysource import KeySource
from ca_core.errors import ConfigError, ConflictError
from ca_core.state.kek import Kek, KeyRing
from ca_core.state.memory import MemoryEngine
from ca_core.state.secrets import EncryptedSecrets, needed_keys, rekey
from ca_core.state.store import Store

NAMES = [f"key{number}" for number in range(5)]


@pytest.fixture
def store():
    """Return an empty store."""
    with Store(MemoryEngine()) as built:
        yield built


class File:
    """Where a ring is kept; ``failing`` writes raise."""

    def __init__(self):
        self.ring = KeyRing((Kek.made(),))
        self.written = []
        self.failing = 0

    def save(self, ring):
        """Write, or fail."""
        self.written.append(ring)
        if len(self.written) == self.failing:
            raise ConfigError("disk full", where="kek")
        self.ring = ring

    def source(self):
        """Return the source as a starting server opens it."""
        return KeySource(self.ring, self.save)


def filled(store, file):
    """Put secrets under the file's key."""
    secrets = EncryptedSecrets(store, file.source(), "ca")
    for name in NAMES:
        secrets.create(name, name.encode())


def readable(store, file):
    """Say whether a restarted server reads every secret."""
    secrets = EncryptedSecrets(store, file.source(), "ca")
    return all(secrets.get(name) == name.encode() for name in NAMES)


def test_every_secret_is_under_the_new_key(store):
    """The file ends with the new key alone, and everything is read by it."""
    file = File()
    filled(store, file)
    before, source = file.ring, file.source()
    answer = source.rekey(store)
    assert answer == {"KeyID": source().writer.id, "Rewrapped": len(NAMES)}
    assert needed_keys(store.snapshot) == file.ring.ids == (source().writer.id,)
    assert before.writer.id not in file.ring.ids
    assert readable(store, file)


@pytest.mark.parametrize("failing", [1, 2])
def test_an_interrupted_change_is_finished_by_the_next(store, failing):
    """Whichever write fails, every secret stays readable, and a second try succeeds."""
    file = File()
    filled(store, file)
    file.failing = failing
    with pytest.raises(ConfigError):
        file.source().rekey(store)
    assert readable(store, file)
    file.source().rekey(store)
    assert readable(store, file)
    assert len(file.ring.keys) == 1


def test_a_change_interrupted_halfway_keeps_the_old_key_until_it_is_done(store, monkeypatch):
    """Secrets under two keys: the next call finishes the first change before it begins its own."""
    file = File()
    filled(store, file)
    calls = iter([rekey, lambda *_: 1 / 0])

    def second_one_dies(*given):
        return next(calls)(*given)

    with monkeypatch.context() as patched:
        patched.setattr(keysource, "rekey", second_one_dies)
        with pytest.raises(ZeroDivisionError):
            file.source().rekey(store)
    assert len(file.ring.keys) == 2
    assert needed_keys(store.snapshot) == (file.ring.keys[1].id,)
    file.source().rekey(store)
    assert readable(store, file)
    assert max(len(ring.keys) for ring in file.written) == 2


def test_a_second_change_at_once_is_refused(store):
    """The second caller is told; the first finishes, and nothing is lost."""
    file = File()
    filled(store, file)
    source = file.source()
    entered, leave = threading.Event(), threading.Event()
    plain = file.save

    def slow(ring):
        entered.set()
        assert leave.wait(10)
        plain(ring)

    source._save = slow
    first = threading.Thread(target=source.rekey, args=(store,))
    first.start()
    assert entered.wait(10)
    with pytest.raises(ConflictError):
        source.rekey(store)
    leave.set()
    first.join(10)
    assert readable(store, file)
    source.rekey(store)
    assert readable(store, file)


def test_the_operators_own_key_is_never_written_anywhere(store):
    """From a variable or command: the first key of the operator's becomes the one that wraps."""
    old, new = Kek.made(), Kek.made()
    EncryptedSecrets(store, KeyRing((old,)), "ca").create("a", b"x")
    answer = KeySource(KeyRing((new, old)), None).rekey(store)
    assert answer == {"KeyID": new.id, "Rewrapped": 1}
    assert EncryptedSecrets(store, KeyRing((new,)), "ca").get("a") == b"x"


def test_without_a_key_nothing_is_changed(store):
    """A server that has none says so."""
    with pytest.raises(ConfigError, match="no key-encryption key"):
        KeySource(KeyRing(), lambda _ring: None).rekey(store)
