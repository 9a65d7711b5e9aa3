"""What the guard remembers, and what it judges by that: signers, bundles, serials, lives."""

import logging
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from ca_core.authority import known
from ca_core.authority.known import RecentSerials
from ca_core.contract.answers import Signer, TrustChain
from ca_core.contract.issuing import BACKDATE, KeyPair, issue_leaf
from ca_core.contract.requests import (
    CrlRequest,
    RetireRequest,
    RetireSignerRequest,
)
from ca_core.errors import (
    GuardError,
    SignerUnknownError,
)
from ca_core.identity.keys import KeySpec, KeyType
from ca_core.testing.clock import START
from tests.unit.authority.drafts import (
    DAY,
    DEADLINE,
    draft,
    new_intermediate,
    new_root,
)
from tests.unit.authority.liars import (
    SecretError,
    Watch,
    World,
    authority_request,
    guard,
    leaf_request,
    lying,
    raising,
    ready,
    signer_request,
    stored,
)

D: dict[str, Any] = {"request_id": "r", "deadline": DEADLINE}


def test_a_signer_nobody_checked_signs_nothing():
    """The provider is not even asked."""
    provider = guard(lying("sign_leaf", raising(SecretError())), Watch())
    provider.ensure_authority(authority_request())
    with pytest.raises(SignerUnknownError):
        provider.sign_leaf(leaf_request())
    with pytest.raises(SignerUnknownError):
        provider.crl(CrlRequest(**D, signer="signer-1"))


def test_a_signer_from_the_store_is_adopted_and_signs():
    """After a restart nothing needs to be prepared again."""
    rogue = lying()
    signer, chain, bundle = stored(rogue.world)
    provider = guard(rogue, Watch())
    provider.adopt_signer(signer, chain, (bundle,))
    assert provider.sign_leaf(leaf_request()).issuer == rogue.world.signer.certificate.subject


def test_an_adopted_signer_is_known_as_prepared():
    """``prepare_signer`` of a known id must give the same chain."""
    rogue = lying()
    signer, chain, bundle = stored(rogue.world)
    provider = guard(rogue, Watch())
    provider.adopt_signer(signer, chain, (bundle,))
    rogue.world.signer = new_intermediate(rogue.world.root)
    with pytest.raises(GuardError) as caught:
        provider.prepare_signer(signer_request())
    assert caught.value.rule == "signer.12"


def test_an_expired_signer_is_adopted_but_its_leaves_are_refused():
    """An old row in the store does not stop a server from opening its provider."""
    world = World()
    old = replace_life(world, begins=-30 * DAY, ends=-timedelta(seconds=1))
    world.signer = old
    rogue = lying(world=world)
    signer, chain, bundle = stored(world)
    provider = guard(rogue, Watch())
    provider.adopt_signer(signer, chain, (bundle,))
    with pytest.raises(GuardError) as caught:
        provider.sign_leaf(leaf_request())
    assert caught.value.rule == "leaf.17"


def replace_life(world: World, *, begins: timedelta, ends: timedelta) -> KeyPair:
    """Return the signer with another life, under a root that lived then."""
    early = draft(world.root.certificate).but(begins=START - 60 * DAY).signed(world.root.key)
    world.root = KeyPair(early, world.root.key)
    altered = draft(world.signer.certificate).but(begins=START + begins, ends=START + ends)
    return KeyPair(altered.signed(world.root.key), world.signer.key)


def test_the_primary_ca_may_sign_leaves_itself():
    """Without intermediates nothing is asked of path length, names, key and life of the signer."""
    world = World()
    world.signer = world.root
    rogue = lying(
        "prepare_signer",
        lambda world, _honest, request: Signer(request.id, (world.root.certificate,)),
        world=world,
    )
    provider = guard(rogue, Watch())
    provider.ensure_authority(authority_request())
    request = replace(signer_request(), key=KeySpec(KeyType.EC, 384), ttl=DAY)
    provider.prepare_signer(request)
    assert provider.sign_leaf(leaf_request())


def test_a_repeated_answer_for_the_same_request_is_fine():
    """A backend that answers one request id with one certificate for ever breaks no rule."""
    answers: dict[str, x509.Certificate] = {}

    def idempotent(_world: World, honest: Any, request: Any) -> x509.Certificate:
        return answers.setdefault(request.request_id, honest)

    provider = ready(guard(lying("sign_leaf", idempotent), Watch()))
    request = leaf_request()
    assert provider.sign_leaf(request) == provider.sign_leaf(request)


def test_serial_numbers_are_remembered_within_bounds():
    """Memory does not grow with the number of leaves."""
    world = World()
    serials = RecentSerials(limit=8)
    leaves = [issue_leaf(world.signer, leaf_request()) for _ in range(20)]
    assert all(serials.is_fresh(leaf, "r") for leaf in leaves)
    assert len(serials._seen) == 8
    assert not serials.is_fresh(leaves[-1], "another")
    assert known.SERIALS_REMEMBERED >= 1000


def test_two_threads_never_release_one_serial_number_twice():
    """The check and the memory are one step."""
    world, serials = World(), RecentSerials()
    leaf = issue_leaf(world.signer, leaf_request())
    start, fresh = threading.Barrier(8), []

    def look(name: int) -> None:
        start.wait()
        fresh.append(serials.is_fresh(leaf, str(name)))

    threads = [threading.Thread(target=look, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fresh.count(True) == 1


def encipher(world: World, honest: Any, _request: Any) -> x509.Certificate:
    """Set keyEncipherment."""
    return draft(honest).usage(key_encipherment=True).signed(world.signer.key)


def short(world: World, honest: Any, _request: Any) -> x509.Certificate:
    """Give five sixths of the life asked."""
    return draft(honest).but(ends=START + 2.5 * DAY).signed(world.signer.key)


@pytest.mark.parametrize(
    ("alter", "words"), [(encipher, "keyEncipherment"), (short, "less than 90 %")]
)
def test_what_is_tolerated_is_warned_of_once_per_signer(
    alter: Any, words: str, caplog: pytest.LogCaptureFixture
):
    """A thousand leaves give one line, which names provider and signer."""
    provider = ready(guard(lying("sign_leaf", alter), Watch()))
    with caplog.at_level(logging.WARNING):
        for number in range(5):
            provider.sign_leaf(leaf_request(request_id=str(number)))
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert words in told[0]
    assert "'liar'" in told[0]
    assert "signer-1" in told[0]


@pytest.mark.parametrize(
    ("asked", "given"), [(3 * DAY, 1.5 * DAY), (40 * DAY, 15 * DAY), (3 * DAY, 3 * DAY)]
)
def test_half_of_the_life_asked_is_enough(asked: timedelta, given: timedelta):
    """The life asked is first clamped by the signer's 30 days; exactly half passes."""

    def alter(world: World, honest: Any, _request: Any) -> x509.Certificate:
        return draft(honest).but(ends=START + given).signed(world.signer.key)

    provider = ready(guard(lying("sign_leaf", alter), Watch()))
    assert provider.sign_leaf(leaf_request(not_after=START + asked))


def test_not_before_may_lie_a_minute_ahead():
    """60 s of clock difference are tolerated; 61 are not, as the table of rules shows."""

    def alter(world: World, honest: Any, _request: Any) -> x509.Certificate:
        return draft(honest).but(begins=START + BACKDATE).signed(world.signer.key)

    provider = ready(guard(lying("sign_leaf", alter), Watch()))
    assert provider.sign_leaf(leaf_request())


def test_retiring_a_signer_ends_its_leaves():
    """After ``retire_signer`` the guard knows it no more."""
    provider = ready(guard(lying(), Watch()))
    provider.retire_signer(RetireSignerRequest(**D, id="signer-1"))
    provider.retire_signer(RetireSignerRequest(**D, id="signer-1"))
    with pytest.raises(SignerUnknownError):
        provider.sign_leaf(leaf_request())


def test_retiring_the_authority_ends_everything_under_it():
    """After ``retire`` no signer of it is known."""
    provider = ready(guard(lying(), Watch()))
    provider.retire(RetireRequest(**D))
    with pytest.raises(SignerUnknownError):
        provider.sign_leaf(leaf_request())


def test_an_authority_from_the_store_admits_no_other():
    """A provider that comes back with another root after a restart is found out."""
    rogue = lying()
    provider = guard(rogue, Watch())
    provider.adopt_authority(TrustChain((new_root().certificate,)))
    with pytest.raises(GuardError) as caught:
        provider.ensure_authority(authority_request())
    assert caught.value.rule == "authority.7"
    with pytest.raises(GuardError):
        provider.adopt_authority(TrustChain((rogue.world.root.certificate,)))


def test_the_authority_from_the_store_is_known():
    """The same chain again is no news."""
    rogue = lying()
    provider = guard(rogue, Watch())
    provider.adopt_authority(TrustChain((rogue.world.root.certificate,)))
    provider.adopt_authority(TrustChain((rogue.world.root.certificate,), adopted=True))
    assert provider.ensure_authority(authority_request()).primary == rogue.world.root.certificate


def test_an_adopted_ca_keeps_its_own_kind_of_key():
    """The operator's RSA root is taken where new keys would be EC."""
    world = World(root=new_root(spec=KeySpec(KeyType.RSA, 2048)))
    chain = TrustChain((world.root.certificate,), adopted=True)
    rogue = lying("ensure_authority", lambda *_: chain, world)
    assert guard(rogue, Watch()).ensure_authority(authority_request()) == chain
