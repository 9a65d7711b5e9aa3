"""Pairs of programs that shake hands without pause, and connections that are held."""

import asyncio
import time
from dataclasses import dataclass, field

from tests.scenarios.sides import dialling_context, identity_of, serving_context

PATIENCE = 20.0
"""Seconds that a handshake may take on a busy machine; nothing is tried again."""
PING, PONG = b"c", b"s"
HELD = b"h"
BEAT = 0.5
"""Seconds between two bytes on a connection that is held."""


@dataclass
class Tally:
    """What happened: handshakes that were proved by a byte echoed each way, and those that failed.

    Attributes:
        beats: bytes echoed on connections that are held.
        refusals: the same failures as servers saw them: why they hung up.
    """

    done: int = 0
    beats: int = 0
    failures: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self):
        """Return how long it has been counting."""
        return time.monotonic() - self.began

    @property
    def tried(self):
        """Return how many have ended, one way or the other."""
        return self.done + len(self.failures)

    @property
    def rate(self):
        """Return handshakes a second."""
        return self.done / self.seconds

    def failed(self, pair, error):
        """Count a failure, and keep what it was."""
        self.failures.append(f"{self.seconds:.2f} s {pair}: {type(error).__name__}: {error}")

    def __str__(self):
        said = f"{self.done:,} handshakes, {len(self.failures)} failed, {self.rate:.0f}/s"
        return f"{said}, {self.seconds:.1f} s, {self.beats:,} bytes on held connections"


class Pair:
    """A client and a server, each with what is its own; both check who the other is.

    Args:
        client, server: sides.
        tally: where it counts.
        pause: seconds between the beginnings of two handshakes.
    """

    def __init__(self, client, server, tally, *, pause):
        self.client = client
        self.server = server
        self._tally = tally
        self._pause = pause
        self._tasks = []
        self._serving = set()
        self._over = False

    def __str__(self):
        return f"{self.client.service} to {self.server.service}"

    async def start(self, *, hold):
        """Listen, and begin to dial; with ``hold``, one connection more is opened and kept."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = self._listener.sockets[0].getsockname()[1]
        self._tasks.append(asyncio.create_task(self._fire()))
        if hold:
            self._tasks.append(asyncio.create_task(self._hold()))

    async def close(self):
        """Let what is under way end, and stop."""
        self._over = True
        await asyncio.gather(*self._tasks)
        self._listener.close()
        await asyncio.gather(*self._serving)

    async def _fire(self):
        due = time.monotonic()
        while not await self._is_over(due - time.monotonic()):
            due += self._pause
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._one()
            except Exception as error:  # noqa: BLE001 - whatever it is, it failed
                self._tally.failed(self, error)
            else:
                self._tally.done += 1

    async def _one(self):
        """Shake hands, have a byte echoed each way, and part."""
        reader, writer = await self._dialled()
        try:
            writer.write(PING)
            if await reader.readexactly(2) != PING + PONG:
                raise AssertionError("another echo")
            writer.write(PONG)
            if await reader.read(1) != b"":  # the server closes once it has seen its own byte
                raise AssertionError("more than was asked for")
        finally:
            writer.close()

    async def _hold(self):
        """Keep one connection over every change; each beat goes there and back."""
        try:
            reader, writer = await self._dialled()
            while not await self._is_over(BEAT):
                writer.write(HELD)
                async with asyncio.timeout(PATIENCE):
                    await reader.readexactly(1)
                self._tally.beats += 1
            writer.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, it broke
            self._tally.failed(self, error)

    async def _is_over(self, seconds):
        """Wait; say whether this pair is to stop."""
        await asyncio.sleep(max(seconds, 0))
        return self._over

    async def _dialled(self):
        context = self.client.context(dialling_context)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self._port, ssl=context, server_hostname=""
        )
        self._require(writer, self.server)
        return reader, writer

    def _accept(self, reader, writer):
        task = asyncio.create_task(self._served(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _served(self, reader, writer):
        """Serve one connection under the context of this moment."""
        try:
            await writer.start_tls(self.server.context(serving_context))
            self._require(writer, self.client)
            await _echoed(reader, writer)
        except Exception as error:  # noqa: BLE001 - the client fails too, and counts it
            self._tally.refusals.append(f"{self}: {type(error).__name__}: {error}")
        finally:
            writer.close()

    def _require(self, writer, peer):
        found = identity_of(writer.get_extra_info("ssl_object"))
        if not found.endswith(f"/svc/{peer.service}"):
            raise AssertionError(f"the peer is {found}")


async def _echoed(reader, writer):
    while (first := await reader.read(1)) == HELD:
        writer.write(first)
    if not first:
        return  # a connection that was held has ended
    writer.write(first + PONG)
    if await reader.readexactly(1) != PONG:
        raise AssertionError("another echo")
