"""A revoked leaf is answered no more, and another one is had at once, with another key."""

import asyncio
import logging
from datetime import timedelta

import pytest
from cryptography import x509

from ca_core.agent.leafattempts import MAX_BACKGROUND
from ca_core.agent.leaffigures import figures_of
from ca_core.errors import DeniedError, RateLimitedError, UnavailableError
from ca_core.identity.certificates import authority_key_id, colon_hex, serial_hex
from ca_core.wire.cluster import SignedLeaf
from ca_core.wire.revocation import RevokedMark
from tests.unit.agent.fakes import passed, settle
from tests.unit.agent.leafhouse import ANYONE, HOUR, leaf_of, ran
from tests.unit.agent.test_leafkeeping import AB, ALICE, Host, key_of

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def mark_of(leaf):
    """Return how servers name a leaf that was revoked."""
    return RevokedMark(
        key_id=colon_hex(authority_key_id(leaf)),
        serial_number=serial_hex(leaf),
        valid_before=leaf.not_valid_after_utc,
    )


def marks(*answers):
    """Return how servers name the leaves in these answers."""
    return [mark_of(leaf_of(answer)) for answer in answers]


def test_a_revoked_leaf_is_replaced_at_once_by_one_with_another_key():
    """Nobody has to ask for it; a leaf that was not revoked stays as it is."""

    async def scenario(h):
        web, db = await h.leaves.get(ANYONE, "web"), await h.leaves.get(ANYONE, "db")
        h.leaves.revoke(marks(web))
        await settle()
        again = await h.leaves.get(ANYONE, "web")
        assert again.hit
        assert leaf_of(again).serial_number != leaf_of(web).serial_number
        assert key_of(again) != key_of(web)
        assert again.index != web.index
        assert (await h.leaves.get(ANYONE, "db")).body == db.body
        assert len(h.upstream.signed) == 3

    ran(scenario)


def test_a_blocked_reader_gets_the_leaf_that_replaces_a_revoked_one():
    """As if it had been renewed: it never sees that there was none for a moment."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.upstream.gate = asyncio.Event()
        reader = asyncio.create_task(
            h.leaves.get(ANYONE, "web", min_index=first.index, wait=5 * MINUTE)
        )
        await settle()
        h.leaves.revoke(marks(first))
        await settle()
        assert not reader.done()
        h.upstream.gate.set()
        answer = await reader
        assert key_of(answer) != key_of(first)

    ran(scenario)


def test_a_reader_waits_for_the_attempt_that_replaces_a_revoked_leaf():
    """It is never given the old one, and causes no attempt of its own."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.upstream.gate = asyncio.Event()
        h.leaves.revoke(marks(first))
        await settle()
        reader = asyncio.create_task(h.leaves.get(ANYONE, "web"))
        await settle()
        assert not reader.done()
        h.upstream.gate.set()
        assert key_of(await reader) != key_of(first)
        assert len(h.upstream.signed) == 2

    ran(scenario)


def test_without_another_leaf_readers_are_told_that_theirs_was_revoked():
    """With the reason why there is no other one; blocked ones at the end of their wait."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.upstream.sign_errors = [UnavailableError("no signer", hint="wait")] * 10_000
        waits = asyncio.create_task(h.leaves.get(ANYONE, "web", min_index=first.index, wait=MINUTE))
        await settle()
        h.leaves.revoke(marks(first))
        await settle()
        for _ in range(3):
            with pytest.raises(UnavailableError, match="'web' was revoked: no signer") as caught:
                await h.leaves.get(ANYONE, "web")
            assert caught.value.hint == "wait"
        await passed(h.clock, 2 * MINUTE, step=SECOND)
        with pytest.raises(UnavailableError, match="'web' was revoked: no signer"):
            await waits
        assert len(h.upstream.signed) <= 2 + 5  # one in each retry window
        h.upstream.sign_errors = []
        await passed(h.clock, MINUTE, step=SECOND)
        assert (await h.leaves.get(ANYONE, "web")).hit

    ran(scenario)


def test_a_server_that_has_much_to_do_is_asked_when_it_said():
    """What readers are told says so too; a refusal for good stays one."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.upstream.sign_errors = [RateLimitedError("too many", retry_after=20 * SECOND)]
        h.leaves.revoke(marks(first))
        await settle()
        with pytest.raises(UnavailableError, match="was revoked: too many") as caught:
            await h.leaves.get(ANYONE, "web")
        assert caught.value.retry_after == 20 * SECOND
        await passed(h.clock, 19 * SECOND, step=SECOND)
        assert len(h.upstream.signed) == 2
        h.upstream.sign_errors = [DeniedError("not on this node")] * 10
        await passed(h.clock, 31 * SECOND, step=SECOND)
        with pytest.raises(DeniedError):
            await h.leaves.get(ANYONE, "web")

    ran(scenario)


@pytest.mark.parametrize(("retry_after", "asked"), [(SECOND, 3), (HOUR, 2)])
def test_a_failure_of_before_is_not_waited_out_but_a_wish_of_the_server_is(retry_after, asked):
    """A renewal has failed, and the next try is some time off, when the leaf is revoked."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.upstream.sign_errors = [UnavailableError("down", retry_after=retry_after)]
        await passed(h.clock, 54 * HOUR)  # the moment that was drawn
        assert len(h.upstream.signed) == 2
        await passed(h.clock, 2 * SECOND)
        h.leaves.revoke(marks(first))
        await settle()
        assert len(h.upstream.signed) == asked

    ran(scenario)


def test_many_revoked_leaves_are_replaced_as_many_at_once_as_any():
    """The others stay due, and come as soon as there is room."""

    async def scenario(h):
        count = MAX_BACKGROUND + 20
        found = [await h.leaves.get(ANYONE, f"s{number}") for number in range(count)]
        h.upstream.gate = asyncio.Event()
        h.leaves.revoke(marks(*found))
        await settle()
        assert len(h.upstream.signed) == count + MAX_BACKGROUND
        h.upstream.gate.set()
        await settle()
        await passed(h.clock, SECOND)
        assert len(h.upstream.signed) == 2 * count

    ran(scenario)


def test_a_leaf_that_was_revoked_on_its_way_is_not_kept():
    """It is a failed attempt: the old leaf stays, and the next try is made in its window."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        sent = []

        def revoked_at_once(signed):
            sent.append(signed)
            h.leaves.revoke(marks_of_signed(signed))
            return signed

        h.upstream.doctor = revoked_at_once
        for _ in range(3):
            with pytest.raises(UnavailableError, match="revoked on its way"):
                await h.leaves.get(ANYONE, "db")
        await passed(h.clock, MINUTE, step=SECOND)
        assert len(sent) <= 2
        h.leaves.revoke(marks(first))
        await passed(h.clock, MINUTE, step=SECOND)
        with pytest.raises(UnavailableError, match="'web' was revoked: the new leaf was revoked"):
            await h.leaves.get(ANYONE, "web")
        assert len(sent) <= 4 + 3
        h.upstream.doctor = lambda signed: signed
        await passed(h.clock, MINUTE, step=SECOND)
        assert (await h.leaves.get(ANYONE, "web")).hit

    ran(scenario)


def marks_of_signed(signed: SignedLeaf):
    """Return how servers name what they have just signed."""
    return [mark_of(x509.load_pem_x509_certificates(signed.cert_pem.encode())[0])]


def test_what_was_told_once_holds_although_it_is_not_told_again():
    """A store that was restored knows less; there is no way back."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.upstream.sign_errors = [UnavailableError("down")] * 10_000
        h.leaves.revoke(marks(first))
        h.leaves.revoke([])
        await settle()
        with pytest.raises(UnavailableError, match="was revoked"):
            await h.leaves.get(ANYONE, "web")

    ran(scenario)


def test_leaves_are_told_apart_by_issuer_and_serial():
    """The same serial of another issuer, or another serial of this one, revokes nothing."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        (mark,) = marks(first)
        ends = mark.valid_before
        for key_id, serial in (("00:01", mark.serial_number), (mark.key_id, "00:01")):
            h.leaves.revoke([RevokedMark(key_id=key_id, serial_number=serial, valid_before=ends)])
        await settle()
        assert (await h.leaves.get(ANYONE, "web")).body == first.body

    ran(scenario)


def test_a_revoked_leaf_is_counted_and_logged(caplog):
    """By its service; the metric has a state for it."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.upstream.sign_errors = [UnavailableError("down")] * 10_000
        h.leaves.revoke(marks(first))
        h.leaves.revoke(marks(first))
        await settle()
        figures = figures_of(h.leaves, h.clock)
        assert figures.states["revoked"] == 1
        assert sum(figures.states.values()) == 1

    with caplog.at_level(logging.WARNING, "ca_core.agent"):
        ran(scenario)
    assert caplog.text.count("leaf of web: revoked") == 1


async def test_a_kept_leaf_that_was_revoked_meanwhile_goes_with_the_first_news(tmp_path):
    """It is served until a server has answered, and never after; nor is it written again."""
    host = Host(tmp_path)
    async with host.agent() as h:
        first = await h.leaves.get(ALICE, "web")
    async with host.agent() as h:
        assert (await h.leaves.get(ALICE, "web")).body == first.body
        host.upstream.sign_errors = [UnavailableError("down")] * 10_000
        h.leaves.revoke(marks(first))
        await settle()
        with pytest.raises(UnavailableError, match="was revoked"):
            await h.leaves.get(ALICE, "web")
    host.upstream.sign_errors = []
    async with host.agent() as h:
        assert key_of(await h.leaves.get(ALICE, "web")) != key_of(first)


async def test_a_tokens_kept_leaf_that_was_revoked_is_not_given_back(tmp_path):
    """It waits for its token when the news comes; until then nothing is signed for it."""
    host = Host(tmp_path)
    async with host.agent() as h:
        first = await h.leaves.get(AB, "web")
    async with host.agent() as h:
        h.leaves.revoke(marks(first))
        await passed(host.clock, MINUTE, step=SECOND)
        assert len(host.upstream.signed) == 1
        assert key_of(await h.leaves.get(AB, "web")) != key_of(first)


async def test_leaves_that_are_restored_after_the_news_are_judged_too(tmp_path):
    """Whatever comes first."""
    host = Host(tmp_path)
    async with host.agent() as h:
        first = await h.leaves.get(ALICE, "web")
    async with host.agent(keeps=False) as h:
        h.leaves.revoke(marks(first))
        await h.keeping.restore(host.anchors())
        await settle()
        assert key_of(await h.leaves.get(ALICE, "web")) != key_of(first)
