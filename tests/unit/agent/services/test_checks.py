"""What one run of a check gives, over real connections of loopback."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.agent.services.checks.http import http_outcome
from ca_core.agent.services.checks.outcome import Counted
from ca_core.agent.services.checks.resolving import Resolver
from ca_core.agent.services.checks.schedule import Schedule
from ca_core.agent.services.checks.tcp import tcp_outcome
from ca_core.agent.services.definitions import Http, Tcp, Thresholds
from ca_core.contract.issuing import KeyPair, issue_root
from ca_core.identity.certificates import pem_of
from ca_core.identity.keys import KeySpec, generate_key
from ca_core.identity.leafcsr import key_pem
from ca_core.identity.spiffe import TrustDomain
from ca_core.testing.clock import START
from ca_core.wire.catalog import CheckStatus
from tests.unit.agent.tinyserver import TinyServer

PASSING, WARNING, CRITICAL = CheckStatus.PASSING, CheckStatus.WARNING, CheckStatus.CRITICAL
PACE = {"interval": timedelta(seconds=10), "timeout": timedelta(seconds=5)}


@asynccontextmanager
async def answering(status=200, body=b"fine", headers=(), context=None):
    """Run a server that answers everything alike."""

    async def answer(_asked):
        return status, dict(headers), body

    server = TinyServer(answer, context)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def asked(server, *, scheme="http", **more):
    """Return what a check of the server gives."""
    check = Http(url=f"{scheme}://127.0.0.1:{server.port}/health?a=b", **{**PACE, **more})
    return await asyncio.wait_for(http_outcome(check, Resolver()), 10)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((status, PASSING) for status in (200, 204, 299)),
        (429, WARNING),
        *((status, CRITICAL) for status in (301, 302, 400, 404, 500, 503)),
    ],
)
async def test_the_status_of_an_answer_decides(status, expected):
    """2xx is passing, 429 a warning, everything else critical: also what points elsewhere."""
    async with answering(status, b"" if status == 204 else b"fine") as server:
        outcome = await asked(server)
        assert outcome.status is expected
        assert str(status) in outcome.output
        assert len(server.asked) == 1


async def test_a_redirect_is_not_followed():
    """A check asks whom it names, and nobody else."""
    async with answering() as other:
        there = {"Location": f"http://127.0.0.1:{other.port}/"}
        async with answering(302, headers=there) as server:
            assert (await asked(server)).status is CRITICAL
        assert other.connections == 0


async def test_method_headers_and_body_are_those_of_the_check():
    """And the output repeats no header: it may be a password."""
    async with answering() as server:
        secret = "sesame"
        headers = (("Authorization", secret),)
        outcome = await asked(server, method="POST", headers=headers, body="ping")
        [request] = server.asked
        assert (request.method, request.path, request.body) == ("POST", "/health", b"ping")
        assert request.query == {"a": "b"}
        assert secret not in outcome.output
        assert "fine" in outcome.output


async def test_an_endless_answer_is_read_to_what_an_output_holds():
    """The rest is not waited for."""

    async def serve(_reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 10_000)
        await writer.drain()  # and nothing more
        gone.append(writer)

    gone = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    check = Http(url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", **PACE)
    outcome = await asyncio.wait_for(http_outcome(check, Resolver()), 5)
    assert outcome.status is PASSING
    assert len(outcome.output) == 4096
    gone[0].close()
    server.close()
    await server.wait_closed()


async def test_nobody_there_is_critical():
    """The reason is told."""
    async with answering() as server:
        port = server.port
    outcome = await http_outcome(Http(url=f"http://127.0.0.1:{port}/", **PACE), Resolver())
    assert outcome.status is CRITICAL
    assert f"127.0.0.1:{port}" in outcome.output


async def test_something_else_than_http_is_critical():
    """A port that answers is no service yet."""

    async def serve(_reader, writer):
        writer.write(b"SSH-2.0-x\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcome = await http_outcome(Http(url=f"http://127.0.0.1:{port}/", **PACE), Resolver())
    assert outcome.status is CRITICAL
    server.close()
    await server.wait_closed()


@pytest.fixture
def own_context(tmp_path):
    """Return TLS with a certificate that no machine trusts."""
    key = generate_key(KeySpec())
    ttl = timedelta(days=36500)
    domain = TrustDomain("x.consul")
    made = issue_root(key, trust_domain=domain, label="l", now=START.replace(year=2020), ttl=ttl)
    pair = KeyPair(made, key)
    file = tmp_path / "pair.pem"
    file.write_text(key_pem(pair.key) + pem_of(pair.certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_a_certificate_is_verified_unless_that_is_skipped(own_context):
    """Off by default: whoever skips it says so."""
    async with answering(context=own_context) as server:
        assert (await asked(server, scheme="https")).status is CRITICAL
        assert not server.asked
        skipped = await asked(server, scheme="https", skip_verify=True, server_name="web")
        assert skipped.status is PASSING


async def test_a_port_that_accepts_passes_a_tcp_check():
    """Nothing is sent; one that does not accept is critical, with the reason."""
    async with answering() as server:
        check = Tcp(host="127.0.0.1", port=server.port, **PACE)
        assert (await tcp_outcome(check, Resolver())).status is PASSING
    outcome = await tcp_outcome(check, Resolver())
    assert outcome.status is CRITICAL
    assert str(check.port) in outcome.output
    assert server.bytes_received == 0


def run(statuses, needed):
    """Return how a check stands after each of the results; None as before."""
    counted, found = Counted(), []
    for status in statuses:
        counted = counted.after(status)
        found.append(counted.means(status, needed))
    return found


def test_results_in_a_row_count():
    """One bad answer among good ones is weather."""
    needed = Thresholds(passing=2, warning=2, critical=3)
    results = [CRITICAL, CRITICAL, CRITICAL, PASSING, PASSING, CRITICAL, PASSING]
    assert run(results, needed) == [None, WARNING, CRITICAL, None, PASSING, None, None]


@given(st.lists(st.sampled_from(list(CheckStatus))))
def test_without_thresholds_every_result_counts(statuses):
    """The default is what one would expect."""
    assert run(statuses, Thresholds()) == statuses


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100), st.booleans())))
def test_a_schedule_gives_each_key_at_its_newest_moment(steps):
    """However often a key is entered again or dropped."""
    schedule, expected = Schedule(), {}
    for key, due, drop in steps:
        if drop:
            schedule.drop(key)
            expected.pop(key, None)
        else:
            schedule.enter(key, due)
            expected[key] = due
        assert schedule.next_due() == min(expected.values(), default=None)
        assert len(schedule) == len(expected)
    assert set(schedule.taken(50.0)) == {key for key, due in expected.items() if due <= 50.0}
    assert set(schedule.taken(100.0)) == {key for key, due in expected.items() if due > 50.0}
