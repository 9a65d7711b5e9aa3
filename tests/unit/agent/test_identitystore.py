"""The agent's identity on disk."""

import os
from datetime import timedelta

import pytest

from ca_core.agent.identitystore import BUNDLE, FACTS, KEY, LEAF, AgentIdentity, IdentityStore
from ca_core.errors import ConfigError
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import AgentId
from ca_core.testing.clock import START
from tests.unit.agent.fakes import DATACENTER, TRUST_DOMAIN, Authority

OLD, NEW = Authority("old", START), Authority("new", START)
ID = AgentId(trust_domain=TRUST_DOMAIN, datacenter=DATACENTER, node="n1")


def identity(authority=OLD):
    """Return a joined agent."""
    key = new_leaf_key()
    leaf = authority.leaf(csr_pem(leaf_csr(key, ID)), START, timedelta(hours=72))
    return AgentIdentity(
        id=ID,
        key=key,
        chain=(leaf, authority.signer.certificate),
        anchors=(authority.root.certificate,),
        server="https://ca:8501",
        issued_at=START,
        renew_at=START + timedelta(hours=50),
    )


def stored(tmp_path):
    """Return a folder with an identity in it."""
    IdentityStore(tmp_path / "agent").save(identity())
    return tmp_path / "agent"


def test_what_is_saved_is_found_again(tmp_path):
    """Every part survives, the drawn renewal moment included."""
    store, saved = IdentityStore(tmp_path), identity()
    assert store.joined is None
    store.save(saved)
    found = IdentityStore(tmp_path).current
    parts = ("id", "chain", "anchors", "server", "issued_at", "renew_at")
    assert [getattr(found, part) for part in parts] == [getattr(saved, part) for part in parts]
    assert found.key.private_numbers() == saved.key.private_numbers()


@pytest.mark.parametrize("name", [KEY, LEAF, BUNDLE, FACTS])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_file_open_to_others_is_refused_with_the_command_to_type(tmp_path, name, mode):
    """A key that others may have read, or a bundle that they may have changed, is not used."""
    folder = stored(tmp_path)
    (folder / name).chmod(mode)
    with pytest.raises(ConfigError) as caught:
        IdentityStore(folder)
    assert caught.value.hint == f"chmod 600 {folder / name}"
    assert f"{mode:04o}" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_another_user_is_refused(tmp_path):
    """Whoever owns the file could replace the identity."""
    folder = stored(tmp_path)
    os.chown(folder / KEY, 4242, 4242)
    with pytest.raises(ConfigError, match="4242"):
        IdentityStore(folder)


@pytest.mark.parametrize("name", [KEY, LEAF, BUNDLE, FACTS])
@pytest.mark.parametrize("damage", [b"", b"{}", b"-----BEGIN nothing"])
def test_a_damaged_file_is_named_and_nothing_is_destroyed(tmp_path, name, damage):
    """The agent does not start with half an identity, and says what to do."""
    folder = stored(tmp_path)
    (folder / name).write_bytes(damage)
    with pytest.raises(ConfigError) as caught:
        IdentityStore(folder)
    assert "join again" in caught.value.hint
    assert (folder / name).read_bytes() == damage


def test_a_missing_file_is_named(tmp_path):
    """A set that lost a member is not taken for a fresh host."""
    folder = stored(tmp_path)
    (folder / "current" / KEY).unlink()
    with pytest.raises(ConfigError, match=KEY):
        IdentityStore(folder)


def test_a_key_of_another_leaf_is_refused(tmp_path):
    """Files put together by hand do not pass for an identity."""
    folder = stored(tmp_path)
    other = IdentityStore(tmp_path / "other")
    other.save(identity())
    (folder / KEY).write_bytes((tmp_path / "other" / KEY).read_bytes())
    with pytest.raises(ConfigError, match="does not belong"):
        IdentityStore(folder)


def test_an_empty_or_equal_bundle_changes_nothing():
    """Trust is never lost to an empty answer; the same roots in another order are the same."""
    one = identity()
    both = one.trusting((OLD.root.certificate, NEW.root.certificate))
    assert one.trusting(()) is one
    assert both.trusting((NEW.root.certificate, OLD.root.certificate)) is both
    assert len(both.anchors) == 2


def test_no_repr_shows_the_key():
    """Neither the identity nor the pair for TLS prints a secret."""
    assert "PRIVATE" not in repr(identity()) + repr(identity().pair)
