"""Clients that stall, flood or go away cost little and end soon."""

import asyncio
import contextlib
import socket
import time

import pytest

from ca_core.api import listeners, protocol
from ca_core.api.http import Response, json_response
from ca_core.api.lane import Answering, BoundRoute, Lane
from ca_core.api.lasting import listening
from ca_core.api.listeners import Listener, close_all
from ca_core.api.routes import Room, Route
from ca_core.clock import SystemClock
from ca_core.config.listen import TcpListen, UnixListen
from ca_core.errors import ConfigError
from ca_core.telemetry.metrics import Metrics
from tests.stopwatch import stopwatch

HEAD = b"GET /park?index=1 HTTP/1.1\r\nHost: localhost\r\n"


class Parking:
    """A handler that waits until it is cancelled, and counts who waits and who was let go."""

    def __init__(self):
        self.waiting = 0
        self.ended = 0
        self.news = asyncio.Event()

    async def __call__(self, request):
        """Wait for ever."""
        self.waiting += 1
        self.news.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.waiting -= 1
            self.ended += 1
            self.news.set()
        return Response()

    async def until(self, condition):
        async with asyncio.timeout(30):
            while not condition():
                self.news.clear()
                await self.news.wait()


@contextlib.asynccontextmanager
async def parked(monkeypatch, **limits):
    """Serve ``/park`` (GET and POST) with these limits; yields (parking, port, listener)."""
    for name, seconds in limits.items():
        monkeypatch.setattr(protocol, name, seconds)
    parking = Parking()
    routes = [
        BoundRoute(
            Route(method=method, path="/park", room=Room.PROCESS, handler=parking, hot=True),
            parking,
        )
        for method in ("GET", "POST")
    ]
    answering = Answering(lambda: None, Metrics(), SystemClock())
    listener = Listener(Lane(routes, answering, None), TcpListen("127.0.0.1", 0))
    await listener.start()
    try:
        yield parking, listener.address.port, listener
    finally:
        listener.cut_waiting()
        await listener.close()


async def closed_after(reader):
    """Return the seconds until the server closes the connection."""
    with stopwatch() as watch:
        async with asyncio.timeout(30):
            with contextlib.suppress(ConnectionError):
                while await reader.read(4096):
                    pass
        return watch.seconds


@pytest.mark.parametrize("sent", [b"", b"GET /pa", HEAD + b"X: y", b"\r\n"])
async def test_a_head_that_never_ends_is_cut_off(monkeypatch, sent):
    """A connection that does not finish its first head is closed."""
    async with parked(monkeypatch, HEAD_WITHIN=0.2) as (_, port, _listener):
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        assert await closed_after(reader) < 2
        assert time.monotonic() - began > 0.1
        writer.close()


async def test_dripping_bytes_does_not_help(monkeypatch):
    """The time is for the whole head, not for the next byte."""
    async with parked(monkeypatch, HEAD_WITHIN=0.3) as (_, port, _listener):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ended = asyncio.create_task(closed_after(reader))
        for byte in HEAD * 5:
            writer.write(bytes([byte]))
            await asyncio.wait({ended}, timeout=0.02)
            if ended.done():
                break
        assert await ended < 2  # the dripping takes twice as long
        writer.close()


@pytest.mark.parametrize("second", [b"GET /pa", b"\r\n", b"\r\n\r\n"])
async def test_a_second_head_has_the_same_time(monkeypatch, second):
    """Keep-alive is no way around it: a later head is timed as well."""
    async with parked(monkeypatch, HEAD_WITHIN=0.3) as (_, port, _listener):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD.replace(b"localhost", b"evil") + b"\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 400")
        writer.write(second)
        assert await closed_after(reader) < 2
        writer.close()


@pytest.mark.parametrize("framing", [b"Content-Length: 10", b"Transfer-Encoding: chunked"])
async def test_a_body_that_never_comes_is_cut_off_and_not_acted_on(monkeypatch, framing):
    """An announced body must come; what came is not taken for the whole."""
    async with parked(monkeypatch, BODY_WITHIN=0.2) as (parking, port, _listener):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /park HTTP/1.1\r\nHost: localhost\r\n" + framing + b"\r\n\r\n")
        assert await closed_after(reader) < 2
        assert parking.waiting == parking.ended == 0
        writer.close()


async def test_a_parked_read_outlives_the_time_for_heads(monkeypatch):
    """Waiting for an answer is not stalling, and neither is a line break after the request."""
    async with parked(monkeypatch, HEAD_WITHIN=0.5) as (parking, port, _listener):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\n\r\n")
        await parking.until(lambda: parking.waiting == 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 1.0)
        assert parking.waiting == 1
        writer.close()


async def test_a_read_ends_with_its_client(monkeypatch):
    """Who opens blocking queries and hangs up leaves nothing behind."""
    async with parked(monkeypatch) as (parking, port, _listener):
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HEAD + b"\r\n")
            await parking.until(lambda: parking.waiting == 1)
            writer.close()
            await parking.until(lambda: parking.waiting == 0)
        assert parking.ended == 20


async def test_a_change_goes_on_without_its_client(monkeypatch):
    """A change that began is not cut in two because its client hung up."""
    async with parked(monkeypatch) as (parking, port, listener):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /park HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        await parking.until(lambda: parking.waiting == 1)
        writer.close()
        await writer.wait_closed()
        listener.cut_waiting()
        await asyncio.sleep(0)
        assert (parking.waiting, parking.ended) == (1, 0)
        for task in list(listener._state.tasks):
            task.cancel()


async def test_a_stop_answers_parked_reads(monkeypatch, caplog):
    """A process that stops tells waiting readers so (503), at once, and logs no trace."""
    async with parked(monkeypatch) as (parking, port, listener):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\n")
        await parking.until(lambda: parking.waiting == 1)
        listener.cut_waiting()
        with stopwatch() as watch:
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
            assert watch.seconds < 2
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"retry-after" in answer
        assert answer.count(b"connection: close") == 1
        writer.close()
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_stop_lets_what_is_under_way_end_and_takes_nobody_new(monkeypatch):
    """A read that does not wait for a change is answered, within the time that stops get."""
    monkeypatch.setattr(listeners, "STOP_LIMIT", 2.0)
    done = asyncio.Event()

    async def slow(_request):
        await done.wait()
        return json_response("done")

    route = Route(method="GET", path="/slow", room=Room.PROCESS, handler=slow, hot=True)
    lane = Lane([BoundRoute(route, slow)], Answering(lambda: None, Metrics(), SystemClock()), None)
    async with listening(lane, [TcpListen("127.0.0.1", 0)]) as (listener,):
        port = listener.address.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while not listener._state.tasks:
            await asyncio.sleep(0)
        closing = asyncio.create_task(close_all([listener]))
        await asyncio.sleep(0.01)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        done.set()
        answer = await asyncio.wait_for(reader.read(4096), 30)
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b'"done"')
        await closing
        writer.close()


async def test_clients_leave_some_files_to_the_process(monkeypatch):
    """However many connect: those beyond are closed at once, and who is connected is answered."""
    with socket.socket() as probe:
        lowest = probe.fileno() + 20
    monkeypatch.setattr(protocol, "most_files", lambda: lowest)
    async with parked(monkeypatch) as (parking, port, _):
        pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        for _, writer in pairs:
            with contextlib.suppress(ConnectionError):
                writer.write(HEAD + b"\r\n")
        refused = [asyncio.create_task(closed_after(reader)) for reader, _ in pairs]
        await parking.until(lambda: parking.waiting)
        with stopwatch() as watch:
            while sum(task.done() for task in refused) != len(pairs) - parking.waiting:
                assert watch.seconds < 4
                await asyncio.sleep(0.01)
        assert 0 < parking.waiting < len(pairs)
        for task in refused:
            task.cancel()
        for _, writer in pairs:
            writer.close()
        await parking.until(lambda: not parking.waiting)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\n")
        await parking.until(lambda: parking.waiting)
        writer.close()


async def test_plain_http_is_for_loopback_only():
    """A listener without TLS on another address than loopback is refused."""
    for host in ("0.0.0.0", "192.0.2.1", "::", "example.org"):
        with pytest.raises(ConfigError, match="network"):
            Listener(None, TcpListen(host, 0))


async def test_a_socket_file_has_its_mode_from_the_start(tmp_path):
    """The operator's socket is 0600, an agent's 0666; one that a dead process left is replaced."""
    for name, mode in (("operator.sock", 0o600), ("agent.sock", 0o666)):
        path = tmp_path / name
        for _ in range(2):
            listener = Listener(None, UnixListen(path), mode=mode)
            await listener.start()
            assert path.stat().st_mode & 0o777 == mode
            with pytest.raises(ConfigError, match=f"unix:{path} is in use by") as refused:
                await Listener(None, UnixListen(path), mode=mode).start()
            assert "data folder" in refused.value.hint
            listener._socket.close()  # as after a crash: the file stays
            for server in listener._servers:
                server.close()


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path):
    """A path that holds something else is refused, not removed."""
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(ConfigError, match="not a socket"):
        await Listener(None, UnixListen(path)).start()
    assert path.read_text() == "data"


async def test_a_socket_that_nobody_can_reach_is_told(tmp_path, caplog):
    """A socket for others in a folder closed to them is named in the log, with the cure."""
    tmp_path.chmod(0o700)
    listener = Listener(None, UnixListen(tmp_path / "agent.sock"), mode=0o666)
    await listener.start()
    await listener.close()
    assert "chmod o+x" in caplog.text


async def test_a_client_that_asks_far_ahead_is_cut_off(monkeypatch):
    """Requests sent ahead of their answers are kept in memory; only a few may be."""
    async with parked(monkeypatch, MAX_PIPELINED=4) as (parking, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((HEAD + b"\r\n") * 10)
        async with asyncio.timeout(30):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        await parking.until(lambda: parking.ended == 1)
        writer.close()


async def test_a_client_that_asks_a_little_ahead_stays_connected(monkeypatch):
    """Pipelining itself is allowed; as many as may wait do not cost the connection."""
    async with parked(monkeypatch, MAX_PIPELINED=4) as (parking, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((HEAD + b"\r\n") * 5)
        await parking.until(lambda: parking.waiting == 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read()
        writer.close()
