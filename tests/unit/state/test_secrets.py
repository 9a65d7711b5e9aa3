"""Secrets at rest: unreadable without the key, bound to their names, rewrapped while in use."""

import base64
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from ca_core.contract.context import SecretStore
from ca_core.errors import RequestError, UnavailableError
from ca_core.state import Change, Store, Transaction
from ca_core.state.envelope import SecretRecord, opened, sealed
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.kek import Kek, KeyRing
from ca_core.state.memory import MemoryEngine
from ca_core.state.secrets import (
    SECRETS,
    EncryptedSecrets,
    missing_keys,
    needed_keys,
    rekey,
)
from ca_core.state.sqlite import SqliteEngine
from tests.unit.state.rows import put

RING = KeyRing((Kek.of(bytes(32)),))
OTHER = KeyRing((Kek.of(b"\1" * 32),))
SECRET = b"-----BEGIN PRIVATE KEY----- " + bytes(range(256))


@pytest.fixture
def store():
    """Return an empty store."""
    with Store(MemoryEngine()) as store:
        yield store


@pytest.fixture
def secrets(store):
    """Return one provider's secrets, as the contract sees them."""
    secrets: SecretStore = EncryptedSecrets(store, RING, "builtin")
    return secrets


def stored(store, full):
    """Return the record of a secret as it lies in the store."""
    return msgspec.json.decode(store.snapshot.get(SECRETS, full).value, type=SecretRecord)


@given(st.binary(max_size=2000), st.text(min_size=1, max_size=30))
def test_what_is_sealed_opens_again(secret, name):
    """Any bytes come back under their own name and key."""
    assert opened(name, sealed(name, secret, RING.writer), RING) == secret


def test_a_record_is_what_its_description_says():
    """Key, nonces and contexts stay as documented, so that records of old files open for ever."""
    record = msgspec.json.decode(sealed("p/key", SECRET, RING.writer), type=SecretRecord)
    wrapped, ciphertext = record.wrapped_key, record.ciphertext
    context = b"ca-core data key\0" + RING.writer.id.encode() + b"\0p/key"
    data_key = AESGCM(RING.writer.key).decrypt(wrapped[:12], wrapped[12:], context)
    assert len(data_key) == 32
    secret = AESGCM(data_key).decrypt(ciphertext[:12], ciphertext[12:], b"ca-core secret\0p/key")
    assert (secret, record.kek) == (SECRET, RING.writer.id)


def test_the_secret_that_stands_is_returned_to_everybody(secrets):
    """The second to create a secret gets the first one's."""
    assert secrets.get("key") is None
    assert secrets.create("key", SECRET) == SECRET
    assert secrets.create("key", b"another") == SECRET
    assert secrets.get("key") == SECRET


def test_racing_servers_end_with_one_secret():
    """Of two servers whose views lag, both hold the same secret afterwards."""
    backend = FakeBackend()
    engines = [FakeEngine(backend) for _ in range(2)]
    with Store(engines[0]) as one, Store(engines[1]) as two, ThreadPoolExecutor(1) as thread:
        engines[1].hold()
        assert EncryptedSecrets(one, RING, "p").create("key", b"first") == b"first"
        late = thread.submit(EncryptedSecrets(two, RING, "p").create, "key", b"second")
        while backend.index == two.snapshot.index:
            pass
        engines[1].release()
        assert late.result(10) == b"first"


def test_a_deleted_secret_is_gone_and_its_name_free(secrets):
    """Deleting twice is fine; creating afterwards keeps the new value."""
    secrets.create("key", SECRET)
    secrets.delete("key")
    secrets.delete("key")
    assert secrets.get("key") is None
    assert secrets.create("key", b"new") == b"new"


def test_namespaces_do_not_see_each_other(store):
    """The same name in two namespaces is two secrets."""
    one, two = (EncryptedSecrets(store, RING, name) for name in ("a", "b"))
    one.create("key", b"1")
    assert two.get("key") is None
    assert two.create("key", b"2") == b"2"
    assert one.get("key") == b"1"


def test_no_byte_of_a_secret_or_a_key_is_on_the_disk(tmp_path):
    """Neither raw nor in base64 nor in hex, in the file or in its log."""
    ring, secret = KeyRing((Kek.made(),)), os.urandom(64)
    with Store(SqliteEngine(tmp_path / "data" / "state.db")) as store:
        EncryptedSecrets(store, ring, "builtin").create("key", secret)
        store.commit(put("marker", b"this is found"))
        written = b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir())
    assert b"this is found" in written
    for hidden in (secret, ring.writer.key):
        for third in range(3):  # base64 looks different at each of three offsets
            assert base64.b64encode(hidden[third:])[4:40] not in written
        assert hidden[:16] not in written
        assert hidden.hex().encode()[:32] not in written


def test_reprs_and_errors_show_no_secret(secrets):
    """The object shows its namespace and key ids."""
    secrets.create("key", SECRET)
    assert repr(secrets) == f"EncryptedSecrets('builtin', keys={RING.ids})"


def test_a_ring_that_changes_is_followed(store):
    """Secrets kept after the operator put a new key in front are under that key."""
    live = [RING]
    secrets = EncryptedSecrets(store, lambda: live[-1], "builtin")
    secrets.create("old", b"1")
    live.append(RING.led_by(OTHER.writer))
    secrets.create("new", b"2")
    assert (secrets.get("old"), secrets.get("new")) == (b"1", b"2")
    assert stored(store, "builtin/old").kek == RING.writer.id
    assert stored(store, "builtin/new").kek == OTHER.writer.id


def test_a_missing_key_is_named(store, secrets):
    """A server without the key says which id it needs, and keeps nothing it could not open."""
    secrets.create("key", SECRET)
    for ring in (OTHER, KeyRing()):
        poor = EncryptedSecrets(store, ring, "builtin")
        with pytest.raises(UnavailableError, match=RING.writer.id):
            poor.get("key")
        with pytest.raises(UnavailableError, match=RING.writer.id):
            poor.create("key", b"mine")
        assert missing_keys(store.snapshot, ring) == RING.ids
    assert missing_keys(store.snapshot, RING) == ()
    assert needed_keys(store.snapshot) == RING.ids


def test_nothing_is_kept_without_a_key(store):
    """An empty ring refuses to create and writes nothing."""
    with pytest.raises(UnavailableError, match="no key-encryption key"):
        EncryptedSecrets(store, KeyRing(), "builtin").create("key", SECRET)
    assert not store.snapshot.table(SECRETS)


def test_a_record_moved_to_another_row_does_not_open(store, secrets):
    """Whoever can write the store cannot put one secret in the place of another."""
    secrets.create("one", b"1")
    secrets.create("two", b"2")
    moved = store.snapshot.get(SECRETS, "builtin/one").value
    store.commit(put("builtin/two", moved, table=SECRETS))
    store.commit(put("other/one", moved, table=SECRETS))
    with pytest.raises(UnavailableError, match="does not open"):
        secrets.get("two")
    with pytest.raises(UnavailableError, match="does not open"):
        EncryptedSecrets(store, RING, "other").get("one")
    assert secrets.get("one") == b"1"


def test_a_ciphertext_moved_under_another_data_key_does_not_open(store, secrets):
    """Both layers are bound to the name: mixing two records gives nothing."""
    secrets.create("one", b"1")
    secrets.create("two", b"2")
    one, two = stored(store, "builtin/one"), stored(store, "builtin/two")
    for mixed in (
        msgspec.structs.replace(two, ciphertext=one.ciphertext),
        msgspec.structs.replace(two, wrapped_key=one.wrapped_key),
        msgspec.structs.replace(two, wrapped_key=one.wrapped_key, ciphertext=one.ciphertext),
    ):
        store.commit(put("builtin/two", msgspec.json.encode(mixed), table=SECRETS))
        with pytest.raises(UnavailableError, match="does not open"):
            secrets.get("two")


def test_a_record_that_names_another_key_does_not_open():
    """The key's id is authenticated too: an edited one fails even with that key in the ring."""
    record = msgspec.json.decode(sealed("n", SECRET, RING.writer), type=SecretRecord)
    edited = msgspec.json.encode(msgspec.structs.replace(record, kek=OTHER.writer.id))
    alias = KeyRing((Kek(OTHER.writer.id, RING.writer.key),))
    with pytest.raises(UnavailableError, match="does not open"):
        opened("n", edited, alias)


@given(st.data())
def test_any_flipped_bit_is_noticed(data):
    """No single damaged bit of a record yields other bytes than the secret."""
    record = sealed("n", b"secret", RING.writer)
    place = data.draw(st.integers(0, len(record) * 8 - 1))
    damaged = bytearray(record)
    damaged[place // 8] ^= 1 << place % 8
    with suppress(UnavailableError):  # a flip in base64's unused bits changes nothing
        assert opened("n", bytes(damaged), RING) == b"secret"


def test_equal_secrets_look_different():
    """Every record has its own data key and nonces."""
    one, two = (
        msgspec.json.decode(sealed("n", SECRET, RING.writer), type=SecretRecord) for _ in range(2)
    )
    assert one.ciphertext != two.ciphertext
    assert one.wrapped_key != two.wrapped_key


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 201, "a\n"])
def test_a_malformed_name_is_refused(secrets, name):
    """Names are plain and short, whatever is done with them."""
    for use in (secrets.get, secrets.delete, lambda name: secrets.create(name, b"")):
        with pytest.raises(RequestError):
            use(name)


@pytest.mark.parametrize("namespace", ["", "a/b", "a b", "x" * 65])
def test_a_malformed_namespace_is_refused(store, namespace):
    """A slash in a namespace would let two of them meet."""
    with pytest.raises(RequestError):
        EncryptedSecrets(store, RING, namespace)


def filled(store, count):
    """Create secrets and return their values by name."""
    secrets = EncryptedSecrets(store, RING, "p")
    return {f"key-{n}": secrets.create(f"key-{n}", str(n).encode()) for n in range(count)}


def all_of(store, ring):
    """Return every secret of the namespace with one ring."""
    secrets = EncryptedSecrets(store, ring, "p")
    names = [key.removeprefix("p/") for key in store.snapshot.table(SECRETS)]
    return {name: secrets.get(name) for name in names}


def test_rekey_rewraps_everything_and_changes_no_secret(store):
    """Afterwards the new key alone opens all, in as many commits as the limit demands."""
    values = filled(store, 250)
    ciphertexts = {full: stored(store, full).ciphertext for full in store.snapshot.table(SECRETS)}
    before = store.snapshot.index
    assert rekey(store, RING, OTHER.writer) == 250
    assert store.snapshot.index - before == 3
    assert all_of(store, OTHER) == values
    assert needed_keys(store.snapshot) == OTHER.ids
    assert ciphertexts == {full: stored(store, full).ciphertext for full in ciphertexts}
    assert rekey(store, RING, OTHER.writer) == 0


def test_an_interrupted_rekey_goes_on_where_it_stopped():
    """After a failure part of the secrets have the new key; the next call does the rest."""
    engine = FakeEngine(FakeBackend())
    with Store(engine) as store:
        values = filled(store, 150)
        failing = iter([None, UnavailableError("away")])
        real = engine.commit

        def commit(transaction):
            if error := next(failing, None):
                raise error
            return real(transaction)

        engine.commit = commit
        with pytest.raises(UnavailableError):
            rekey(store, RING, OTHER.writer)
        assert all_of(store, RING.led_by(OTHER.writer)) == values
        assert set(needed_keys(store.snapshot)) == {*RING.ids, *OTHER.ids}
        assert rekey(store, RING, OTHER.writer) == 50
        assert all_of(store, OTHER) == values


def test_rekey_without_the_old_key_names_it(store):
    """Rewrapping what cannot be opened stops before it damages anything."""
    values = filled(store, 2)
    with pytest.raises(UnavailableError, match=RING.writer.id):
        rekey(store, KeyRing(), OTHER.writer)
    assert all_of(store, RING) == values


def test_rekey_is_safe_while_another_server_creates_and_deletes():
    """No secret is lost or brought back, and the last pass leaves none under the old key."""
    backend = FakeBackend(gaps=(0, 2))
    with Store(FakeEngine(backend)) as one, Store(FakeEngine(backend)) as two:
        filled(one, 120)
        other = EncryptedSecrets(two, RING, "p")
        begun = threading.Event()

        def busy():
            for n in range(120):
                other.create(f"new-{n}", b"new")
                other.delete(f"key-{n}")
                begun.set()

        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(busy)
            begun.wait(10)
            rekey(one, RING, OTHER.writer)
            done.result(20)
        rekey(one, RING, OTHER.writer)
        assert all_of(one, OTHER) == {f"new-{n}": b"new" for n in range(120)}


def test_rekey_brings_no_deleted_secret_back():
    """A server whose view lags does not rewrap what another one has deleted."""
    backend = FakeBackend()
    engine = FakeEngine(backend)
    with Store(engine) as late, Store(FakeEngine(backend)) as other:
        filled(late, 3)
        engine.hold()
        EncryptedSecrets(other, RING, "p").delete("key-1")
        with ThreadPoolExecutor(1) as thread:
            outcome = thread.submit(rekey, late, RING, OTHER.writer)
            with pytest.raises(TimeoutError):
                outcome.result(0.05)
            engine.release()
            assert outcome.result(10) == 2
        assert set(all_of(other, OTHER)) == {"key-0", "key-2"}


def test_a_row_that_is_no_record_is_named(store, secrets):
    """Damage is told apart from absence, and shows nothing of the row."""
    change = Change(SECRETS, "builtin/key", b"{not json")
    store.commit(Transaction(changes=(change,)))
    with pytest.raises(UnavailableError, match="builtin/key") as refusal:
        secrets.get("key")
    assert "not json" not in str(refusal.value)
