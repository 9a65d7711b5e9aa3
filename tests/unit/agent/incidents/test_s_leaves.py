"""S06 to S09, S31 and S38: leaves that went unrenewed, stale or to the wrong caller elsewhere."""

import asyncio
import random
from datetime import timedelta

import pytest

from ca_core.acl.principal import Token
from ca_core.errors import DeniedError
from ca_core.identity.certificates import colon_hex, subject_key_id
from tests.unit.agent.fakes import passed, settle
from tests.unit.agent.leafhouse import ALICE, ANYONE, BOB, HOUR, leaf_of, ran

MINUTE = timedelta(minutes=1)
LAST_TENTH = timedelta(hours=7)
"""Of a leaf of 72 h; what is left when the renewal window has ended."""


def test_s06_no_leaf_misses_its_renewal_while_readers_race_with_it():
    """Ten days of readers that come, block, give up and come back: no leaf is ever late."""
    draw = random.Random(6)

    async def scenario(h):
        services = [f"s{number}" for number in range(8)]
        waiting = []
        for _ in range(10 * 24):
            for reader in waiting:
                reader.cancel()
            answers = [await h.leaves.get(ANYONE, each) for each in services]
            left = [leaf_of(a).not_valid_after_utc - h.clock.now() for a in answers]
            assert min(left) >= LAST_TENTH
            assert [a.failure for a in answers] == [""] * 8
            waiting = [
                asyncio.create_task(h.leaves.get(ANYONE, each, min_index=a.index, wait=9 * HOUR))
                for each, a in zip(services, answers, strict=True)
                if draw.random() < 0.7
            ]
            await passed(h.clock, HOUR)
        for reader in waiting:
            reader.cancel()
        assert len(h.upstream.signed) == 8 * 5  # 240 h at 54 h for each leaf, and the first

    ran(scenario)


def test_s07_the_third_rotation_is_noticed_as_the_first():
    """Each new root renews the leaf once, whether or not somebody waited for the one before."""

    async def scenario(h):
        answer = await h.leaves.get(ANYONE, "web")
        for rotation in range(3):
            reader = asyncio.create_task(h.leaves.get(ANYONE, "web", min_index=answer.index))
            await settle()
            h.upstream.rotate()
            await settle()
            await passed(h.clock, MINUTE)
            answer = await reader
            assert leaf_of(answer).issuer == h.upstream.active.signer.certificate.subject
            assert len(h.upstream.signed) == rotation + 2

    ran(scenario)


def test_s08_a_plain_read_is_never_stale_and_never_held_up():
    """Not behind a blocked one, not by a root that left, not past the end of the leaf."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        blocked = asyncio.create_task(h.leaves.get(ANYONE, "web", min_index=first.index))
        await settle()
        plain = await asyncio.wait_for(h.leaves.get(ANYONE, "web"), 30)
        assert plain.hit
        h.upstream.rotate()
        await settle()
        await passed(h.clock, MINUTE)
        fresh = await asyncio.wait_for(h.leaves.get(ANYONE, "web"), 30)
        assert leaf_of(fresh).issuer != leaf_of(first).issuer
        assert (await blocked).index == fresh.index

    ran(scenario)


def test_s09_names_and_callers_share_no_leaf():
    """Four requests that differ in one thing each: four leaves with four keys."""

    async def scenario(h):
        answers = [
            await h.leaves.get(ALICE, "web"),
            await h.leaves.get(ALICE, "web", dns_names=("web.example",)),
            await h.leaves.get(BOB, "web"),
            await h.leaves.get(Token("ab"), "web"),
        ]
        assert len({a.cert.private_key_pem for a in answers}) == 4
        assert len({a.cert.serial_number for a in answers}) == 4

    ran(scenario)


def test_s10_the_key_id_announced_is_that_of_what_signs_leaves():
    """Were it the root's, each look at the roots would renew every leaf."""

    async def scenario(h):
        answer = await h.leaves.get(ANYONE, "web")
        signer = h.upstream.active.signer.certificate
        assert h.roots.latest.signing.key_id == colon_hex(subject_key_id(signer))
        for index in range(50, 60):
            h.upstream.changed(index)
            await passed(h.clock, MINUTE)
        assert (await h.leaves.get(ANYONE, "web")).index == answer.index

    ran(scenario)


def test_s31_below_a_ca_at_its_end_a_leaf_is_not_issued_in_a_loop():
    """A signer that gives lives of two minutes is asked a bounded number of times an hour."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        await passed(h.clock, HOUR, step=timedelta(seconds=1))
        assert len(h.upstream.signed) <= 60 / 2 / 0.6 + 1

    ran(scenario, ttl=timedelta(minutes=2))


def test_s31_a_signer_that_has_ended_is_asked_once_in_each_window():
    """Leaves that ended before they came are refused, told, and tried again calmly."""

    async def scenario(h):
        h.upstream.ttl = -timedelta(seconds=10)
        for _ in range(60):
            with pytest.raises(Exception, match="clock"):
                await h.leaves.get(ANYONE, "web")
            await passed(h.clock, MINUTE)
        assert len(h.upstream.signed) <= 121  # the reader's, and one of the agent's in each window

    ran(scenario)


def test_s38_a_warm_key_goes_to_nobody_without_the_right():
    """Warm by one caller, asked for by another: plain, blocked, and with the same index."""

    async def scenario(h):
        warm = await h.leaves.get(ALICE, "web")
        h.allowed = lambda principal: principal == ALICE
        for index in (0, 1, warm.index):
            for other in (BOB, ANYONE, Token("ab")):
                with pytest.raises(DeniedError):
                    await h.leaves.get(other, "web", min_index=index)
        assert len(h.leaves) == 1
        assert len(h.upstream.signed) == 1

    ran(scenario)
