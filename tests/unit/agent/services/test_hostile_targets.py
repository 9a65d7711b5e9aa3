"""HTTP checks of a program that answers without end, or not at all: little is read, none stays."""

import asyncio
import contextlib
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from ca_core.agent.services.checks.frugal import MOST_READ
from ca_core.agent.services.checks.http import http_outcome
from ca_core.agent.services.checks.resolving import MOST_AT_ONCE, Resolver
from ca_core.agent.services.checks.tcp import tcp_outcome
from ca_core.agent.services.definitions import Http, Tcp
from ca_core.agent.waiting import stopped
from ca_core.wire.catalog import CheckStatus

SECOND = timedelta(seconds=1)
HEAD = b"HTTP/1.1 200 OK\r\n"
ENDLESS = {
    "interim responses": (b"", b"HTTP/1.1 100 C\r\n\r\n" * 1000),
    "headers": (HEAD, b"a: b\r\n" * 1000),
    "the first line": (b"HTTP/1.1 200 ", b"a" * 65536),
    "one header": (HEAD + b"a: ", b"a" * 65536),
    "the extension of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 65536),
}


class Program:
    """A program that sends ``first``, then ``more`` again and again for as long as it is read.

    Without ``more`` it is silent until the other end closes.
    """

    def __init__(self, first=b"", more=b""):
        self.first, self.more = first, more
        self.ended = asyncio.Event()
        self.open = set()

    async def answer(self, reader, writer):
        """Answer one connection."""
        self.open.add(writer)
        with contextlib.suppress(OSError):
            writer.write(self.first)
            while self.more:
                writer.write(self.more)
                await writer.drain()
            while await reader.read(65536):
                pass
        self.ended.set()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        self.open.discard(writer)


@contextlib.asynccontextmanager
async def served(program):
    """Run the program; yield its port."""
    server = await asyncio.start_server(program.answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        async with asyncio.timeout(5):
            while program.open:
                await asyncio.sleep(0.001)


def check_of(port, scheme="http"):
    """Return a check of that port."""
    return Http(url=f"{scheme}://127.0.0.1:{port}/", interval=SECOND, timeout=SECOND)


async def longest_turn(gaps):
    """Note how long others kept the loop, again and again."""
    before = time.monotonic()
    while True:
        await asyncio.sleep(0)
        now = time.monotonic()
        gaps.append(now - before)
        before = now


@pytest.mark.parametrize("what", ENDLESS)
async def test_what_never_ends_is_critical_and_soon_cut_off(what):
    """However it is sent; meanwhile others have their turn."""
    program, gaps = Program(*ENDLESS[what]), []
    async with served(program) as port:
        watcher = asyncio.create_task(longest_turn(gaps))
        outcome = await asyncio.wait_for(http_outcome(check_of(port), Resolver()), 10)
        await asyncio.wait_for(program.ended.wait(), 5)
        await stopped(watcher)
    assert outcome.status is CheckStatus.CRITICAL
    assert max(gaps) < 0.5


async def test_a_body_that_never_ends_says_how_it_begins():
    """An answer is well once its head says so."""
    program = Program(HEAD + b"\r\n", b"a" * 65536)
    async with served(program) as port:
        outcome = await asyncio.wait_for(http_outcome(check_of(port), Resolver()), 10)
        await asyncio.wait_for(program.ended.wait(), 5)
    assert outcome.status is CheckStatus.PASSING
    assert "aaaa" in outcome.output


async def test_a_head_and_the_beginning_of_a_body_fit():
    """Whoever answers much is not cut off for it."""
    head = HEAD + b"".join(b"h%d: %s\r\n" % (n, b"v" * 1000) for n in range(40)) + b"\r\n"
    assert len(head) < MOST_READ
    async with served(Program(head, b"a" * 65536)) as port:
        outcome = await asyncio.wait_for(http_outcome(check_of(port), Resolver()), 10)
    assert outcome.status is CheckStatus.PASSING


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_check_that_is_given_up_leaves_no_connection(scheme):
    """Neither before TLS is spoken nor after the request."""
    async with served(Program()) as port:
        await given_up(port, scheme)  # what is made once is made now
        before = open_files()
        for _ in range(10):
            await given_up(port, scheme)
        async with asyncio.timeout(5):
            while open_files() > before:  # the other side hears of the end a moment later
                await asyncio.sleep(0.001)


def open_files():
    """Return how many files and sockets this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def given_up(port, scheme):
    """Begin a check, and cancel it once it waits for an answer."""
    task = asyncio.create_task(http_outcome(check_of(port, scheme), Resolver()))
    for _ in range(200):
        await asyncio.sleep(0)
    assert not task.done()
    await stopped(task)
    for _ in range(20):
        await asyncio.sleep(0)


class HangingNames:
    """A system that finds no end in looking up names, until it is told to."""

    def __init__(self):
        self.asked, self.ended = [], threading.Event()

    def __call__(self, host, _port, **_):
        """Look a name up."""
        self.asked.append(host)
        self.ended.wait(20)
        return [(0, 0, 0, "", ("10.0.0.1", 0))]


async def test_names_that_nobody_answers_for_hold_up_nobody_else():
    """Not the threads in which the agent writes, and finds its servers; addresses are no names."""
    names = HangingNames()
    resolver = Resolver(names)
    tasks = [asyncio.create_task(resolver.addresses(f"h{n}.example")) for n in range(100)]
    await asyncio.sleep(0)
    for task in tasks[:50]:
        task.cancel()
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "written"), 5) == "written"
    assert await resolver.addresses("127.0.0.1") == ("127.0.0.1",)
    assert await resolver.addresses("::1") == ("::1",)
    assert await resolver.addresses("LocalHost") == ("127.0.0.1", "::1")
    assert len(names.asked) <= MOST_AT_ONCE
    names.ended.set()
    assert set(await asyncio.gather(*tasks[50:])) == {("10.0.0.1",)}


@pytest.mark.parametrize("error", [OSError("no such host"), UnicodeError("label too long")])
async def test_a_name_that_is_none_is_told(error):
    """Whatever the system says of it; the next one has its turn."""

    def refuse(*_, **__):
        raise error

    resolver = Resolver(refuse)
    for _ in range(3 * MOST_AT_ONCE):
        with pytest.raises(OSError, match=str(error)):
            await asyncio.wait_for(resolver.addresses("x"), 5)


@pytest.mark.parametrize("kind", ["tcp", "http"])
async def test_the_first_address_that_takes_a_connection_is_used(kind):
    """A host may have addresses at which nobody listens."""

    def look_up(*_, **__):
        return [(0, 0, 0, "", (address, 0)) for address in ("127.0.0.2", "127.0.0.1")]

    async with served(Program(HEAD + b"Content-Length: 0\r\n\r\n")) as port:
        if kind == "tcp":
            check = Tcp(host="x.example", port=port, interval=SECOND, timeout=SECOND)
            outcome = await tcp_outcome(check, Resolver(look_up))
        else:
            check = Http(url=f"http://x.example:{port}/", interval=SECOND, timeout=SECOND)
            outcome = await http_outcome(check, Resolver(look_up))
    assert outcome.status is CheckStatus.PASSING, outcome
