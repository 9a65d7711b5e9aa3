"""The order in which a process stops: said first, closed then."""

import asyncio
import contextlib

import pytest

from ca_core.api.ending import Ending
from ca_core.api.lasting import for_ever, listening
from ca_core.config.listen import UnixListen


def test_a_process_that_runs_says_nothing_and_one_that_stops_says_so():
    """Readiness asks for this sentence."""
    ending = Ending()
    assert ending.said == ""
    ending.begin()
    assert ending.said == "this process is stopping"


async def test_what_is_told_at_the_end_is_told_before_any_socket_is_closed(tmp_path):
    """Whoever asks for readiness in between hears that it is over."""
    told, up = [], asyncio.Event()
    path = tmp_path / "s"

    async def process():
        async with listening(None, [UnixListen(path)]):
            up.set()
            await for_ever(lambda: told.append(path.is_socket()), lambda: told.append("second"))

    running = asyncio.create_task(process())
    await up.wait()
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert told == [True, "second"]
    assert not path.exists()


async def test_every_address_is_closed_to_newcomers_before_any_request_is_waited_for(tmp_path):
    """One listener's slow request does not keep another one open."""
    paths = [tmp_path / name for name in ("one", "two")]
    begun, done = asyncio.Event(), asyncio.Event()

    async def slow(_scope, _receive, send):
        begun.set()
        await done.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(listening(slow, [UnixListen(path) for path in paths]))
        reader, writer = await asyncio.open_unix_connection(paths[0])
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await begun.wait()
        closing = asyncio.create_task(stack.pop_all().aclose())
        await asyncio.sleep(0)
        while paths[1].exists():
            await asyncio.sleep(0)
        assert not closing.done()
        done.set()
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        await closing
        writer.close()
