"""The leaf cache: to whom, from where, how old, how often."""

import asyncio
from datetime import timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ca_core.acl.principal import Peer, Token
from ca_core.agent.leafattempts import MAX_BACKGROUND
from ca_core.agent.leafrecord import IDLE_LIFE
from ca_core.errors import (
    DeniedError,
    PendingError,
    ProviderError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)
from ca_core.identity.certificates import spki_der, uri_sans
from ca_core.testing.clock import START, FakeClock
from tests.unit.agent.fakes import DATACENTER, TRUST_DOMAIN, passed, settle
from tests.unit.agent.leafhouse import ALICE, ANYONE, BOB, HOUR, house, leaf_of, ran


def test_a_leaf_names_the_service_and_its_key_is_made_here():
    """The answer holds a leaf for exactly the service, with the key that belongs to it."""

    async def scenario(h):
        answer = await h.leaves.get(ANYONE, "web")
        leaf = leaf_of(answer)
        uri = f"spiffe://{TRUST_DOMAIN}/ns/default/dc/{DATACENTER}/svc/web"
        assert uri_sans(leaf) == (uri,)
        assert answer.cert.service_uri == uri
        key = serialization.load_pem_private_key(answer.cert.private_key_pem.encode(), None)
        assert spki_der(key.public_key()) == spki_der(leaf.public_key())
        assert answer.cert.private_key_pem.startswith("-----BEGIN EC PRIVATE KEY-----")
        assert answer.index == answer.cert.modify_index == 101
        assert h.upstream.replaced == [None]

    ran(scenario)


def test_the_second_read_is_a_hit_with_the_same_leaf_and_an_honest_age():
    """Once fetched, a leaf comes from memory and says how long it has been there."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        await passed(h.clock, timedelta(minutes=7))
        second = await h.leaves.get(ANYONE, "web")
        assert (first.hit, second.hit) == (False, True)
        assert second.cert == first.cert
        assert second.age == timedelta(minutes=7)
        assert len(h.upstream.signed) == 1

    ran(scenario)


def test_a_warm_leaf_is_refused_to_a_caller_without_rights():
    """Rights are asked on every request, before memory: a cached key is not handed out."""

    async def scenario(h):
        await h.leaves.get(ALICE, "web")
        h.allowed = lambda principal: principal == ALICE
        with pytest.raises(DeniedError):
            await h.leaves.get(BOB, "web")
        h.allowed = lambda _: False
        with pytest.raises(DeniedError):
            await h.leaves.get(ALICE, "web")
        assert len(h.upstream.signed) == 1
        assert len(h.leaves) == 1

    ran(scenario)


def test_every_principal_has_its_own_leaf_and_key():
    """Two callers with the right to one service never share a private key."""

    async def scenario(h):
        callers = (ANYONE, ALICE, BOB, Token("t1"))
        answers = [await h.leaves.get(caller, "web") for caller in callers]
        assert len({answer.cert.private_key_pem for answer in answers}) == 4

    ran(scenario)


def test_two_processes_of_one_user_share_a_leaf():
    """A process id is no partition."""

    async def scenario(h):
        one = await h.leaves.get(ALICE, "web")
        two = await h.leaves.get(Peer(uid=1000, gid=5, pid=99), "web")
        assert two.cert == one.cert

    ran(scenario)


def test_the_right_is_asked_again_after_a_wait():
    """A blocked caller who lost its right meanwhile gets no leaf."""

    async def scenario(h):
        first = await h.leaves.get(ALICE, "web")
        waiting = asyncio.create_task(h.leaves.get(ALICE, "web", min_index=first.index))
        await settle()
        h.allowed = lambda _: False
        await passed(h.clock, timedelta(minutes=5))
        with pytest.raises(DeniedError):
            await waiting

    ran(scenario)


def test_names_are_part_of_the_key_and_reach_the_leaf():
    """Another set of DNS names or addresses is another leaf; a repeated name counts once."""

    async def scenario(h):
        plain = await h.leaves.get(ANYONE, "web")
        named = await h.leaves.get(ANYONE, "web", dns_names=("a.example", "a.example"))
        addressed = await h.leaves.get(ANYONE, "web", ip_addresses=(ip_address("127.0.0.1"),))
        assert len({a.cert.serial_number for a in (plain, named, addressed)}) == 3
        san = leaf_of(named).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert san.get_values_for_type(x509.DNSName) == ["a.example"]
        again = await h.leaves.get(ANYONE, "web", dns_names=("a.example",))
        assert again.hit

    ran(scenario)


@pytest.mark.parametrize("service", ["", "a/b", "..", "a b", "w\u00e9b", "a%2f"])
def test_an_impossible_service_name_is_refused_and_leaves_no_trace(service):
    """Characters that no SPIFFE path may have are a bad request, nothing is asked of the server."""

    async def scenario(h):
        with pytest.raises(RequestError):
            await h.leaves.get(ANYONE, service)
        assert len(h.leaves) == 0
        assert h.upstream.signed == []

    ran(scenario)


@pytest.mark.parametrize("dns_name", ["*.example", "a:80", "", "a..b"])
def test_an_impossible_dns_name_is_refused(dns_name):
    """Wildcards, ports and empty labels never reach a CSR."""

    async def scenario(h):
        with pytest.raises(RequestError):
            await h.leaves.get(ANYONE, "web", dns_names=(dns_name,))
        assert len(h.leaves) == 0

    ran(scenario)


def test_many_readers_share_one_attempt():
    """However many ask at once, one CSR goes out, and all get the same leaf."""

    async def scenario(h):
        h.upstream.gate = asyncio.Event()
        readers = [asyncio.create_task(h.leaves.get(ANYONE, "web")) for _ in range(20)]
        await settle()
        h.upstream.gate.set()
        answers = await asyncio.gather(*readers)
        assert len(h.upstream.signed) == 1
        assert len({id(answer.cert) for answer in answers}) == 1

    ran(scenario)


def test_a_first_reader_who_gives_up_does_not_disturb_the_others():
    """Cancelling the caller that started the attempt neither ends nor repeats it."""

    async def scenario(h):
        h.upstream.gate = asyncio.Event()
        first, second = (asyncio.create_task(h.leaves.get(ANYONE, "web")) for _ in range(2))
        await settle()
        first.cancel()
        await settle()
        h.upstream.gate.set()
        assert (await second).cert.service == "web"
        with pytest.raises(asyncio.CancelledError):
            await first
        assert len(h.upstream.signed) == 1

    ran(scenario)


def test_a_leaf_nobody_waits_for_any_more_is_still_kept():
    """The attempt of a caller that hung up fills the cache for the next one."""

    async def scenario(h):
        h.upstream.gate = asyncio.Event()
        only = asyncio.create_task(h.leaves.get(ANYONE, "web"))
        await settle()
        only.cancel()
        h.upstream.gate.set()
        await settle()
        assert (await h.leaves.get(ANYONE, "web")).hit

    ran(scenario)


def test_the_first_error_reaches_every_reader_and_a_later_read_tries_again():
    """Without a leaf the reason is told at once; after Retry-After the next read asks anew."""

    async def scenario(h):
        h.upstream.sign_errors = [RateLimitedError(retry_after=timedelta(seconds=3))]
        readers = [asyncio.create_task(h.leaves.get(ANYONE, "web")) for _ in range(3)]
        failed = await asyncio.gather(*readers, return_exceptions=True)
        assert [type(error) for error in failed] == [RateLimitedError] * 3
        with pytest.raises(RateLimitedError):
            await h.leaves.get(ANYONE, "web")
        assert len(h.upstream.signed) == 1
        await passed(h.clock, timedelta(seconds=3))
        assert (await h.leaves.get(ANYONE, "web")).cert.service == "web"

    ran(scenario)


def test_an_unexpected_failure_is_an_answer_and_not_the_end():
    """A bug in the upstream becomes a typed error, and the next attempt works."""

    async def scenario(h):
        h.upstream.sign_errors = [ZeroDivisionError("secret detail")]
        with pytest.raises(ProviderError, match="ZeroDivisionError") as caught:
            await h.leaves.get(ANYONE, "web")
        assert "secret detail" not in str(caught.value)
        await passed(h.clock, timedelta(seconds=2))
        assert await h.leaves.get(ANYONE, "web")

    ran(scenario)


def test_an_upstream_that_hangs_is_given_up():
    """An attempt has a limit; what hung does not stop the next one."""

    async def scenario(h):
        h.upstream.gate = asyncio.Event()
        reader = asyncio.create_task(h.leaves.get(ANYONE, "web"))
        await settle()
        await passed(h.clock, timedelta(seconds=60))
        with pytest.raises(UnavailableError, match="longer than 60 s"):
            await reader
        h.upstream.gate = None
        await passed(h.clock, timedelta(seconds=2))
        assert await h.leaves.get(ANYONE, "web")

    ran(scenario)


def test_a_leaf_in_use_is_renewed_without_readers_at_the_moment_drawn_at_issue():
    """With 0.5 drawn, a 72 h leaf is renewed at 75 % of its life, not a minute earlier."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        await passed(h.clock, timedelta(hours=53, minutes=59))
        assert len(h.upstream.signed) == 1
        await passed(h.clock, timedelta(minutes=1))
        assert len(h.upstream.signed) == 2
        assert h.upstream.replaced[1] == leaf_of(first).not_valid_after_utc
        second = await h.leaves.get(ANYONE, "web")
        assert second.hit
        assert second.index > first.index
        assert second.cert.private_key_pem != first.cert.private_key_pem

    ran(scenario)


def test_reading_does_not_move_the_renewal_moment():
    """Pollers do not push the renewal away: it is drawn once."""

    async def scenario(h):
        for _ in range(54):
            await h.leaves.get(ANYONE, "web")
            await passed(h.clock, HOUR)
        assert len(h.upstream.signed) == 2

    ran(scenario)


def test_renewals_of_a_generation_are_spread_over_the_window():
    """Each leaf has its own draw: those issued together are not renewed together."""

    async def scenario(h):
        for service in ("a", "b", "c"):
            await h.leaves.get(ANYONE, service)
        await passed(h.clock, 0.61 * 72 * HOUR)
        assert len(h.upstream.signed) == 4
        await passed(h.clock, 0.15 * 72 * HOUR)
        assert len(h.upstream.signed) == 5
        await passed(h.clock, 0.13 * 72 * HOUR)
        assert len(h.upstream.signed) == 6

    ran(scenario, draws=[0.0, 0.5, 0.95] + [0.9] * 3)


def test_a_valid_leaf_is_served_while_renewal_fails_and_the_failure_is_told():
    """Between the renewal moment and the end the old leaf is right, and says why it is old."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.upstream.sign_errors = [UnavailableError("no server")] * 3
        await passed(h.clock, 54 * HOUR)
        answer = await h.leaves.get(ANYONE, "web")
        assert answer.cert == first.cert
        assert answer.failure == "no server"

    ran(scenario)


def test_a_ca_that_answers_later_is_asked_again_with_the_same_csr():
    """A new CSR would begin anew what the CA is still working on."""

    async def scenario(h):
        later = PendingError(token="", poll_after=timedelta(seconds=20))
        h.upstream.sign_errors = [later, later]
        for _ in range(2):
            with pytest.raises(PendingError):
                await h.leaves.get(ANYONE, "web")
            await passed(h.clock, timedelta(seconds=90), step=timedelta(seconds=1))
        await h.leaves.get(ANYONE, "web")
        assert len(set(h.upstream.signed)) == 1
        await h.leaves.get(ANYONE, "api")
        assert len(set(h.upstream.signed)) == 2

    ran(scenario)


def test_failed_renewals_are_retried_once_in_each_thirty_seconds():
    """Between failures nothing is sent before Retry-After, then one try in each window."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        limited = RateLimitedError(retry_after=timedelta(seconds=20))
        h.upstream.sign_errors = [limited] * 5
        await passed(h.clock, 54 * HOUR)
        assert len(h.upstream.signed) == 2
        await passed(h.clock, timedelta(seconds=34), step=timedelta(seconds=1))
        assert len(h.upstream.signed) == 2  # 20 s of Retry-After, then the middle of a window
        await passed(h.clock, timedelta(seconds=1))
        assert len(h.upstream.signed) == 3
        await passed(h.clock, timedelta(seconds=60), step=timedelta(seconds=1))
        assert len(h.upstream.signed) == 4  # 20 s reach into the next window: the one after it
        await passed(h.clock, timedelta(minutes=5), step=timedelta(seconds=1))
        answer = await h.leaves.get(ANYONE, "web")
        assert answer.failure == ""
        assert answer.index > 101

    ran(scenario)


def test_an_expired_leaf_is_never_answered():
    """Past NotAfter the reason is answered instead, whoever asks and however."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.upstream.sign_errors = [UnavailableError("no server")] * 10_000
        blocked = asyncio.create_task(
            h.leaves.get(ANYONE, "web", min_index=first.index, wait=73 * HOUR)
        )
        await settle()
        await passed(h.clock, 72 * HOUR, step=HOUR)
        assert (await h.leaves.get(ANYONE, "web")).cert == first.cert
        await passed(h.clock, timedelta(seconds=1))
        with pytest.raises(UnavailableError, match="no server"):
            await h.leaves.get(ANYONE, "web")
        await passed(h.clock, HOUR, step=timedelta(minutes=5))
        with pytest.raises(UnavailableError, match="expired at"):
            await blocked
        h.upstream.sign_errors = []
        await passed(h.clock, timedelta(minutes=1), step=timedelta(seconds=1))
        assert (await h.leaves.get(ANYONE, "web")).index > first.index

    ran(scenario)


def test_a_leaf_that_is_not_valid_on_this_clock_is_never_answered():
    """A clock that is an hour behind the server's is named as the reason, not served around."""

    async def scenario(h):
        ahead = FakeClock(h.clock.now() + HOUR)
        h.upstream.clock = ahead
        with pytest.raises(UnavailableError, match="clock"):
            await h.leaves.get(ANYONE, "web")
        for _ in range(20):
            with pytest.raises(UnavailableError, match="clock"):
                await h.leaves.get(ANYONE, "web")
        assert len(h.upstream.signed) == 1  # and the server is not asked at every read

    ran(scenario)


def test_an_idle_leaf_is_forgotten_after_72_hours_and_not_renewed_again():
    """What nobody asked for in three days costs neither memory nor signatures."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        await passed(h.clock, IDLE_LIFE - timedelta(seconds=1), step=HOUR)
        assert len(h.leaves) == 1
        await passed(h.clock, timedelta(seconds=2))
        assert len(h.leaves) == 0
        assert len(h.upstream.signed) == 2  # one renewal at 75 %, none after
        await passed(h.clock, 100 * HOUR, step=10 * HOUR)
        assert len(h.upstream.signed) == 2

    ran(scenario)


def test_use_keeps_a_leaf():
    """A read within 72 h starts the idle time anew."""

    async def scenario(h):
        for _ in range(4):
            await h.leaves.get(ANYONE, "web")
            await passed(h.clock, 70 * HOUR, step=HOUR)
        assert len(h.leaves) == 1

    ran(scenario)


def test_a_blocked_reader_is_answered_when_the_leaf_is_renewed():
    """A reader that has the current index gets the next leaf as soon as it exists."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        waiting = asyncio.create_task(
            h.leaves.get(ANYONE, "web", min_index=first.index, wait=60 * HOUR)
        )
        await settle()
        await passed(h.clock, 53 * HOUR, step=HOUR)
        assert not waiting.done()
        await passed(h.clock, HOUR)
        answer = await waiting
        assert answer.index > first.index
        assert not answer.hit

    ran(scenario)


def test_a_blocked_reader_gets_the_same_leaf_after_its_wait():
    """Nothing happened: the same index, so that the client asks again."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        waiting = asyncio.create_task(
            h.leaves.get(ANYONE, "web", min_index=first.index, wait=timedelta(seconds=125))
        )
        await settle()
        await passed(h.clock, timedelta(seconds=124))
        assert not waiting.done()
        await passed(h.clock, timedelta(seconds=1))
        assert (await waiting).cert == first.cert

    ran(scenario)


@pytest.mark.parametrize("min_index", [0, 1, 99, 10**9])
def test_any_other_index_is_answered_at_once(min_index):
    """An index from before, or from another life of the cache, is answered with the present one."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        answer = await asyncio.wait_for(h.leaves.get(ANYONE, "web", min_index=min_index), 30)
        assert answer.hit

    ran(scenario)


def test_a_plain_read_is_not_held_up_by_a_blocked_one():
    """Readers of one leaf do not wait for one another."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        waiting = asyncio.create_task(h.leaves.get(ANYONE, "web", min_index=first.index))
        await settle()
        assert (await h.leaves.get(ANYONE, "web")).hit
        waiting.cancel()

    ran(scenario)


def test_a_new_signer_renews_leaves_within_thirty_seconds():
    """A leaf whose AKI is not the active signing key is renewed at a moment drawn once."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        h.upstream.rotate()
        await settle()
        await passed(h.clock, timedelta(seconds=22))
        assert len(h.upstream.signed) == 1
        await passed(h.clock, timedelta(seconds=1))
        assert len(h.upstream.signed) == 2
        second = await h.leaves.get(ANYONE, "web")
        assert leaf_of(second).issuer != leaf_of(first).issuer
        await passed(h.clock, 10 * HOUR, step=HOUR)
        assert len(h.upstream.signed) == 2

    ran(scenario)


def test_the_moment_after_a_root_change_is_drawn_once():
    """Further news about roots within the half minute does not put the renewal off."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        h.upstream.rotate()
        await settle()
        for _ in range(3):
            await passed(h.clock, timedelta(seconds=7))
            older = h.upstream.active.__class__("older", h.clock.now())
            h.upstream.authorities.insert(0, older)
            h.upstream.changed(h.upstream.index + 1)
            await settle()
        assert len(h.upstream.signed) == 1
        await passed(h.clock, timedelta(seconds=2))
        assert len(h.upstream.signed) == 2

    ran(scenario)


def test_the_server_says_over_what_time_leaves_are_renewed():
    """Ten minutes for many leaves; of two, the one that ends sooner is first."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        await passed(h.clock, 36 * HOUR, step=HOUR)
        await h.leaves.get(ANYONE, "api")
        h.upstream.rotate()
        await settle()
        await passed(h.clock, timedelta(seconds=299))
        assert len(h.upstream.signed) == 2
        await passed(h.clock, timedelta(seconds=2))
        assert h.upstream.replaced[2:] == [leaf_of_web_ends(h)]
        await passed(h.clock, timedelta(seconds=148))
        assert len(h.upstream.signed) == 3
        await passed(h.clock, timedelta(seconds=2))
        assert len(h.upstream.signed) == 4

    ran(scenario, spread=timedelta(minutes=10))


def test_what_becomes_urgent_is_drawn_anew():
    """A root that was replaced at leisure is found to be compromised: its leaves cannot wait."""
    spread = [12 * HOUR]

    async def scenario(h):
        h.leaves._spread = lambda: spread[0]
        await h.leaves.get(ANYONE, "web")
        h.upstream.rotate()
        await settle()
        h.leaves.follow(h.roots.latest)
        await passed(h.clock, HOUR)
        assert len(h.upstream.signed) == 1
        spread[0] = timedelta(minutes=2)
        h.leaves.follow(h.roots.latest)
        await passed(h.clock, timedelta(minutes=2))
        assert len(h.upstream.signed) == 2

    ran(scenario)


def leaf_of_web_ends(h):
    """Return when the leaf ends that was fetched at the start."""
    return START + h.upstream.ttl


def test_a_root_change_while_a_leaf_is_being_signed_is_not_missed():
    """A leaf that the old signer made after the news is renewed like the others."""

    async def scenario(h):
        h.upstream.gate = asyncio.Event()
        old = h.upstream.active
        reader = asyncio.create_task(h.leaves.get(ANYONE, "web"))
        await settle()
        h.upstream.rotate()
        await settle()
        new = h.upstream.authorities.pop()
        h.upstream.gate.set()
        assert leaf_of(await reader).issuer == old.signer.certificate.subject
        h.upstream.authorities.append(new)
        await settle()
        await passed(h.clock, timedelta(seconds=23))
        fresh = leaf_of(await h.leaves.get(ANYONE, "web"))
        assert fresh.issuer == new.signer.certificate.subject

    ran(scenario)


def test_two_leaves_never_have_the_same_index():
    """A server that repeats a number does not make readers miss the new leaf."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        reader = asyncio.create_task(
            h.leaves.get(ANYONE, "web", min_index=first.index, wait=60 * HOUR)
        )
        await settle()
        h.upstream.issued -= 1
        await passed(h.clock, 54 * HOUR)
        assert (await reader).index == first.index + 1

    ran(scenario)


def test_a_leaf_somebody_waits_for_is_in_use():
    """A blocked reader keeps its record, however long it waits."""

    async def scenario(h):
        first = await h.leaves.get(ANYONE, "web")
        reader = asyncio.create_task(
            h.leaves.get(ANYONE, "web", min_index=first.index, wait=100 * HOUR)
        )
        await settle()
        await passed(h.clock, 90 * HOUR, step=HOUR)
        assert len(h.leaves) == 1
        reader.cancel()
        await passed(h.clock, 73 * HOUR, step=HOUR)
        assert len(h.leaves) == 0

    ran(scenario, ttl=9000 * HOUR)


def test_a_wrong_signing_key_id_does_not_re_issue_for_ever():
    """If a renewal did not bring a leaf of the announced signer, it is not repeated for it."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        old = h.upstream.active
        h.upstream.rotate()
        h.upstream.active.signer = old.signer  # announces one key id while another key signs
        wrong = h.upstream.active.wire
        h.upstream.active.wire = lambda *, active: _with_key_id(wrong(active=active))
        for index in range(50, 60):
            h.upstream.changed(index)
            await passed(h.clock, HOUR, step=timedelta(minutes=10))
            older = h.upstream.active.__class__("older", h.clock.now())
            h.upstream.authorities.insert(0, older)  # news that does not concern the signer
        assert len(h.upstream.signed) == 2

    ran(scenario)


def _with_key_id(root):
    import msgspec

    return msgspec.structs.replace(root, signing_key_id="aa:bb")


def test_an_unrelated_change_of_roots_renews_nothing():
    """As long as the signer stays, news about roots costs no signatures."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        h.upstream.changed(77)
        await passed(h.clock, HOUR, step=timedelta(minutes=1))
        assert len(h.upstream.signed) == 1

    ran(scenario)


def test_a_leaf_of_a_root_not_heard_of_yet_waits_for_the_news():
    """The signature may be faster than the news of its root; the leaf is not refused for that."""

    async def scenario(h):
        await h.leaves.get(ANYONE, "web")
        real = h.upstream.changed
        h.upstream.changed = lambda _: None
        h.upstream.rotate()
        reader = asyncio.create_task(h.leaves.get(ANYONE, "api"))
        await settle()
        assert not reader.done()
        real(60)
        assert (await reader).cert.service == "api"

    ran(scenario)


def test_a_leaf_of_an_unknown_root_is_refused():
    """A chain that leads to no trusted root is never served."""

    async def scenario(h):
        h.upstream.authorities.append(h.upstream.active.__class__("evil", h.clock.now()))
        reader = asyncio.create_task(h.leaves.get(ANYONE, "web"))
        await passed(h.clock, timedelta(seconds=10), step=timedelta(seconds=1))
        with pytest.raises(ProviderError, match="leads to no trusted root"):
            await reader

    ran(scenario)


def test_a_leaf_for_another_service_or_key_is_refused():
    """What the server sends back must be exactly what was asked for."""

    async def scenario(h):
        other = await h.leaves.get(ANYONE, "other")
        import msgspec

        h.upstream.doctor = lambda s: msgspec.structs.replace(s, cert_pem=other.cert.cert_pem)
        with pytest.raises(ProviderError, match="another key"):
            await h.leaves.get(ANYONE, "web")

    ran(scenario)


def test_at_most_so_many_renewals_run_at_once_and_none_is_forgotten():
    """When everything is due at once the server is not flooded, and all are renewed."""

    async def scenario(h):
        count = MAX_BACKGROUND * 2 + 5
        for number in range(count):
            await h.leaves.get(ANYONE, f"s{number}")
        h.upstream.gate = asyncio.Event()
        await passed(h.clock, 54 * HOUR)
        assert len(h.upstream.signed) == count + MAX_BACKGROUND
        h.upstream.gate.set()
        await settle(300)
        assert len(h.upstream.signed) == 2 * count

    ran(scenario)


def test_closing_lets_every_reader_go_and_leaves_no_task():
    """Readers that wait are told that the agent stops; nothing runs on."""

    async def scenario():
        async with house() as h:
            first = await h.leaves.get(ANYONE, "web")
            h.upstream.gate = asyncio.Event()
            fetching = asyncio.create_task(h.leaves.get(ANYONE, "api"))
            blocked = asyncio.create_task(h.leaves.get(ANYONE, "web", min_index=first.index))
            await settle()
            await h.leaves.close()
            with pytest.raises(UnavailableError, match="stopping"):
                await fetching
            assert (await blocked).cert == first.cert
            with pytest.raises(UnavailableError, match="stopping"):
                await h.leaves.get(ANYONE, "new")
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scenario())


def test_errors_leave_no_tasks_behind():
    """After many failures as many tasks run as before, and no reader is remembered."""

    async def scenario(h):
        await settle()
        before = len(asyncio.all_tasks())
        h.upstream.sign_errors = [UnavailableError("no")] * 200
        for number in range(100):
            with pytest.raises(UnavailableError):
                await h.leaves.get(ANYONE, f"s{number}")
        await settle()
        assert len(asyncio.all_tasks()) == before
        await passed(h.clock, timedelta(minutes=11), step=timedelta(minutes=1))
        assert len(h.leaves) == 0  # records that never held a leaf go soon

    ran(scenario)


def test_no_answer_shows_a_private_key_in_its_repr():
    """Neither the answer nor its certificate prints the key."""

    async def scenario(h):
        answer = await h.leaves.get(ANYONE, "web")
        assert "PRIVATE KEY" not in repr(answer)

    ran(scenario)
