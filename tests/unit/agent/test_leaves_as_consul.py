"""What Consul's tests say of its leaf cache, held here too; each names the test it comes from.

Where we differ on purpose, the docstring says how and why.
"""

import asyncio
from datetime import timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509

from ca_core.acl.principal import Anonymous, Peer, Token
from ca_core.agent.leafrecord import leaf_name
from ca_core.errors import RateLimitedError
from tests.unit.agent.fakes import passed, settle
from tests.unit.agent.leafhouse import ANYONE, HOUR, leaf_of, ran

SECOND = timedelta(seconds=1)
AT_MOST = timedelta(seconds=30)
"""Over what time leaves of a replaced signer are renewed."""


def blocked(h, answer, wait=HOUR):
    """Return a reader that waits for another leaf than the one of ``answer``."""
    return asyncio.create_task(h.leaves.get(ANYONE, "web", min_index=answer.index, wait=wait))


def test_changing_roots():
    """changingRoots: a blocked reader is woken by a leaf under the new CA; the next one blocks."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        second = blocked(h, first)
        await settle()
        assert not second.done()
        h.upstream.rotate()
        await settle()
        await passed(h.clock, AT_MOST)
        assert leaf_of(await second).issuer == h.upstream.active.signer.certificate.subject
        third = blocked(h, await second)
        await settle()
        await passed(h.clock, HOUR - SECOND, step=timedelta(minutes=5))
        assert not third.done()
        await passed(h.clock, SECOND)
        assert (await third).index == (await second).index

    ran(scenario)


def test_changing_roots_between_blocking_calls():
    """changingRootsBetweenBlockingCalls: a rotation that nobody waited for is not missed.

    Consul renews within the next call; here the leaf is renewed although nobody asks.
    """

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.upstream.rotate()
        await settle()
        await passed(h.clock, AT_MOST)
        answer = await h.leaves.get(ANYONE, "web", min_index=first.index)
        assert answer.index > first.index
        assert leaf_of(answer).issuer == h.upstream.active.signer.certificate.subject

    ran(scenario)


def test_changing_roots_jitter_between_calls():
    """changingRootsJitterBetweenCalls: calls shorter than the spread neither renew nor put it off.

    The loop in Consul's test never runs; there, each call draws anew. Here one moment is drawn.
    """

    async def scenario(h):
        first = answer = await h.leaves.get(ANYONE, "web")
        h.upstream.rotate()
        await settle()
        calls = 0
        while answer.index == first.index:
            reader = blocked(h, answer, wait=SECOND)
            await settle()
            await passed(h.clock, SECOND)
            answer = await reader
            calls += 1
        assert 22 <= calls <= 24  # 0.5 was drawn: 22.5 s after the news
        assert len(h.upstream.signed) == 2

    ran(scenario)


def test_csr_rate_limiting_of_a_first_leaf():
    """CSRRateLimiting, part one: without a leaf the caller is told, and a later call works."""

    async def scenario(h):
        h.upstream.sign_errors = [RateLimitedError(retry_after=SECOND)]
        with pytest.raises(RateLimitedError):
            await h.leaves.get(ANYONE, "web")
        await passed(h.clock, SECOND)
        assert (await h.leaves.get(ANYONE, "web")).index

    ran(scenario)


def test_csr_rate_limiting_of_a_renewal():
    """CSRRateLimiting, part two: the old leaf without an error, one try in each window of 30 s.

    The windows are the ones that Consul's comment promises: its code draws them anew at each call.
    """

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.upstream.sign_errors = [RateLimitedError(retry_after=SECOND)] * 2
        h.upstream.rotate()
        await settle()
        await passed(h.clock, timedelta(seconds=23), step=SECOND)  # the moment that was drawn
        tries = []
        for _ in range(90):
            answer = await h.leaves.get(ANYONE, "web")
            tries.append(len(h.upstream.signed))
            if answer.index == first.index:
                assert leaf_of(answer) == leaf_of(first)
            await passed(h.clock, SECOND)
        windows = [tries[end] - tries[end - 30] for end in (30, 60)]
        assert tries[0] == 2
        assert windows == [1, 1]
        assert h.upstream.sign_errors == []
        assert answer.index > first.index

    ran(scenario)


def test_watch_roots_deduping_multiple_callers():
    """watchRootsDedupingMultipleCallers: however many wait, one question about roots is open.

    Consul starts it with the first caller and ends it with the last; here it lasts, so that it
    cannot be forgotten to start it again (GH-15005).
    """

    async def scenario(h):
        answers = [await h.leaves.get(ANYONE, name) for name in ("web", "api", "db")]
        readers = [
            asyncio.create_task(h.leaves.get(ANYONE, name, min_index=answer.index, wait=SECOND))
            for name, answer in zip(("web", "api", "db"), answers, strict=True)
        ]
        await settle()
        assert h.upstream.roots_calls == [0, 5]
        await passed(h.clock, SECOND)
        await asyncio.gather(*readers)
        assert h.upstream.roots_calls == [0, 5]

    ran(scenario)


def test_expiring_leaf():
    """expiringLeaf: an expired leaf is replaced before it is answered; the next call blocks."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.leaves.attempts._under_way = 10**6  # nothing is renewed meanwhile
        await passed(h.clock, 73 * HOUR - SECOND)
        h.leaves.attempts._under_way = 0
        second = await h.leaves.get(ANYONE, "web", min_index=first.index)
        assert second.index > first.index
        assert leaf_of(second).not_valid_after_utc > h.clock.now()
        third = blocked(h, second)
        await settle()
        await passed(h.clock, HOUR - SECOND, step=timedelta(minutes=10))
        assert not third.done()
        third.cancel()

    ran(scenario)


def test_dns_san_for_service():
    """DNSSANForService: the names asked for are in the CSR, and so are addresses."""

    async def scenario(h):
        dns, addresses = ("web.example",), (ip_address("127.0.0.1"),)
        await h.leaves.get(ANYONE, "web", dns_names=dns, ip_addresses=addresses)
        csr = x509.load_pem_x509_csr(h.upstream.signed[0].encode())
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert tuple(names.get_values_for_type(x509.DNSName)) == dns
        assert tuple(names.get_values_for_type(x509.IPAddress)) == addresses

    ran(scenario)


def test_key():
    """structs_test Key: services, DNS names and addresses make other keys, and so do callers.

    Consul's key leaves the caller out (GH-17075). Leaves of agents and of kinds are not asked for
    here: an agent's own is no entry of the cache.
    """
    web = leaf_name(ANYONE, "web", (), ())
    others = (
        leaf_name(ANYONE, "api", (), ()),
        leaf_name(ANYONE, "web", ("a.example",), ()),
        leaf_name(ANYONE, "web", ("b.example",), ()),
        leaf_name(ANYONE, "web", (), (ip_address("127.0.0.1"),)),
        leaf_name(Token("web"), "web", (), ()),
        leaf_name(Peer(uid=1, gid=1, pid=1), "web", (), ()),
    )
    assert len({web, *others}) == 7
    assert web == leaf_name(Anonymous(loopback=True), "web", (), ())


def test_secondary_dc_good():
    """AgentConnectCALeafCert_secondaryDC_good: a leaf that is fine is not issued again.

    There is no second datacenter here; what is shown is an hour with the answers of roots coming.
    """

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        for index in range(10, 70):
            await passed(h.clock, timedelta(minutes=1))
            h.upstream.changed(index)
            await settle()
        assert (await h.leaves.get(ANYONE, "web")).index == first.index
        assert len(h.upstream.signed) == 1

    ran(scenario)
