"""Outages of others in which the wrong certificate signed, replayed on the real server."""

import time
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca_core.contract import (
    Error,
    KeySpec,
    KeyType,
    ProviderError,
    is_signed_by,
    subject_key_id,
)
from ca_core.identity.certificates import authority_key_id
from tests.vaults.incidents.later import Ahead, at, on_clock
from tests.vaults.subjects import Mounts, arena_of, subject

RSA = KeySpec(KeyType.RSA, 2048)


def prefer(mounts, signer_of):
    """Make one issuer the default of the signers' mount, as an operator or an upgrade might."""
    path = f"{mounts.intermediate}/config/issuers"
    mounts.call("POST", path, {"default": signer_of})


def remote(mesh, signer):
    """Return what the server calls a signer's issuer."""
    return f"ca-core.{mesh.authority}.{signer}.ca"


def test_s01_the_next_leaf_is_signed_by_the_signer_that_was_asked_for(mounts, arena):
    """Whichever issuer the mount prefers, a leaf's key id is that of the signer in the request."""
    mesh = arena.mesh()
    signers = [mesh.prepare() for _ in range(2)]
    for preferred in signers:
        prefer(mounts, remote(mesh, preferred.id))
        for signer in signers:
            leaf = mesh.leaf(mesh.ask.leaf(signer.id))
            assert authority_key_id(leaf) == subject_key_id(signer.certificate)
            assert is_signed_by(leaf, signer.certificate)


def test_s01_a_day_of_hourly_looks_mints_nothing(mounts, arena, tail):
    """Each hour the signer is asked for again, on new objects, too: it stays the same one."""
    mesh = arena.mesh()
    first = mesh.prepare("s-hourly")
    before, seen = mounts.count(), len(tail.on(mounts))
    for _ in range(24):
        assert mesh.another().prepare("s-hourly") == first
    assert mounts.count() == before
    assert {each.operation for each in tail.on(mounts)[seen:]} == {"list"}  # our own counting


def test_s02_a_root_elsewhere_has_signers_of_its_own(vault, arena):
    """After a move to another root mount, nothing leads to the old root."""
    old = arena.mesh()
    elsewhere = Mounts(vault)
    moved = arena.subject.make_config(None) | {"root_pki_path": elsewhere.root}
    new = old.cluster.server(config=moved)
    new.ensure()
    signer = new.prepare()
    root = new.provider.trust_chain().primary
    assert is_signed_by(signer.certificate, root)
    assert is_signed_by(new.leaf(), signer.certificate)
    assert not is_signed_by(signer.certificate, old.provider.trust_chain().primary)
    assert [
        link for link in signer.chain if link.subject == old.provider.trust_chain().primary
    ] == []


def test_s02_a_root_path_that_moves_below_an_authority_is_an_error(vault, arena):
    """The authority's root is not there: no signer is made below another one."""
    mesh = arena.mesh()
    elsewhere = Mounts(vault, made=True)
    moved = mesh.another(config=arena.subject.make_config(None) | {"root_pki_path": elsewhere.root})
    with pytest.raises(ProviderError, match="lost the root") as caught:
        moved.prepare("s-moved")
    assert elsewhere.root in caught.value.hint
    assert mesh.provider.trust_chain() == moved.provider.trust_chain()
    assert is_signed_by(mesh.prepare("s-moved").certificate, mesh.provider.trust_chain().primary)


def test_s03_a_changed_life_or_key_shows_in_the_next_certificate(arena):
    """Nothing of an earlier request is kept in the role that leaves are signed with."""
    mesh = arena.mesh()
    for hours in (72, 1, 24):
        request = mesh.ask.leaf(mesh.signer, ttl=timedelta(hours=hours))
        assert mesh.leaf(request).not_valid_after_utc == request.not_after
    assert isinstance(mesh.prepare(key=RSA).certificate.public_key(), rsa.RSAPublicKey)
    assert mesh.leaf().signature_algorithm_oid._name == "sha256WithRSAEncryption"
    shorter = mesh.prepare(key=KeySpec(), ttl=timedelta(days=7)).certificate
    assert isinstance(shorter.public_key(), ec.EllipticCurvePublicKey)
    assert shorter.not_valid_after_utc - mesh.cluster.tempo.clock.now() < timedelta(days=7)
    assert "ecdsa" in mesh.leaf().signature_algorithm_oid._name


def test_s05_expired_signers_leave_issuers_and_keys_behind_nowhere(mounts, arena):
    """Ten rotations, each signer retired after its end: one issuer and one key are there."""
    mesh = arena.mesh()
    before, old = mounts.count(), mesh.signer
    for _ in range(10):
        fresh = mesh.prepare(ttl=timedelta(seconds=1))
        mesh.retire_signer(old)
        old = fresh.id
    time.sleep(1.1)  # the server's own clock decides
    last = mesh.prepare()
    mesh.retire_signer(old)
    assert mounts.count() == before
    assert is_signed_by(mesh.leaf(), last.certificate)


@pytest.mark.parametrize(("ours", "theirs"), [(KeySpec(), RSA), (RSA, KeySpec())])
def test_s16_keys_of_two_kinds_cross_sign_in_one_server(vault, arena, ours, theirs):
    """Rotation from one kind of key to the other and back, both roots in Vault."""
    old = arena.unmade()
    old.ensure(key=ours)
    with arena_of(subject(Mounts(vault))) as other:
        new = other.unmade()
        new.ensure(key=theirs)
        primary = new.provider.trust_chain().primary
        bridge = old.cross(primary, csr=new.cross_csr())
    assert is_signed_by(bridge, old.provider.trust_chain().primary)
    assert subject_key_id(bridge) == subject_key_id(primary)
    assert bridge.serial_number != primary.serial_number


def test_s16_an_expired_root_can_be_left(mounts, arena):
    """It signs nothing any more and says so; the next authority starts, and the old one goes."""
    mesh, clock = arena.mesh(), Ahead()
    clock.span = timedelta(days=3651)
    expired = on_clock(arena, mesh, clock)
    with pytest.raises(ProviderError, match="expired"):
        expired.prepare_signer(at(clock, mesh.ask.signer("s-late")))
    fresh = mesh.cluster.server()
    fresh.ensure()
    assert fresh.prepare()
    expired.retire(at(clock, mesh.ask.retire()))
    assert mounts.count()[f"{mounts.root} issuers"] == 1
    assert fresh.leaf()


def test_s17_cleaning_up_leaves_what_others_use(mounts, arena):
    """Two authorities in one pair of mounts: one goes, with its signers; the other goes on."""
    old = arena.mesh()
    new = arena.beside(old)
    kept = new.signer
    old.retire()
    with pytest.raises(Error, match="retired"):
        old.leaf()
    assert new.leaf()
    assert is_signed_by(new.prepare().certificate, new.provider.trust_chain().primary)
    names = {f"ca-core.{new.authority}.{signer}.ca" for signer in (kept, new.signer)}
    found = mounts.call("LIST", f"{mounts.intermediate}/issuers")["data"]["key_info"]
    assert {each["issuer_name"] for each in found.values()} == names


def test_s31_below_an_expired_signer_nothing_is_asked_of_the_server(arena, mounts, tail):
    """The error names the signer, and repeats cost the server nothing."""
    mesh, clock = arena.mesh(), Ahead()
    mesh.prepare("s-old")
    clock.span = timedelta(days=366)
    late, before = on_clock(arena, mesh, clock), len(tail.on(mounts))
    for _ in range(20):
        with pytest.raises(ProviderError, match=r"s-old.*expired"):
            late.sign_leaf(at(clock, mesh.ask.leaf("s-old", ttl=timedelta(days=400))))
    assert len(tail.on(mounts)) == before


def test_s31_a_life_beyond_the_signers_ends_with_it(arena, mounts, tail):
    """One request is signed once; that is not refused for ever, and not asked for again."""
    mesh = arena.mesh()
    signer = mesh.prepare(ttl=timedelta(hours=1))
    before = len(tail.signed_on(mounts))
    leaf = mesh.leaf(mesh.ask.leaf(signer.id, ttl=timedelta(hours=72)))
    assert leaf.not_valid_after_utc == signer.certificate.not_valid_after_utc
    assert len(tail.signed_on(mounts)) == before + 1


@pytest.mark.parametrize("life", [timedelta(minutes=5), timedelta(days=40), timedelta(days=360)])
def test_s33_the_life_that_was_asked_for_is_given(mounts, arena, life):
    """To the second, whatever life the mount prefers."""
    mesh = arena.mesh()
    tuned = {"default_lease_ttl": "1h", "max_lease_ttl": "2h"}
    mounts.call("POST", f"sys/mounts/{mounts.intermediate}/tune", tuned)
    request = mesh.ask.leaf(mesh.signer, ttl=life)
    leaf = mesh.leaf(request)
    assert leaf.not_valid_after_utc == request.not_after
    assert leaf.not_valid_before_utc <= request.not_after - life
