"""A handshake that is given up leaves no connection behind."""

import asyncio
import contextlib

from ca_core.agent.tls import VerifyingBackend, unsafe_unverified_context


def test_a_cancelled_handshake_closes_its_connection():
    """The other side sees the end at once, not when the garbage is collected."""

    async def scenario() -> bytes:
        greeted, ended = asyncio.Event(), asyncio.get_running_loop().create_future()

        async def mute(reader, writer) -> None:
            await reader.read(1)  # the client's hello; no answer follows
            greeted.set()
            while await reader.read(4096):
                pass
            ended.set_result(b"")
            writer.close()

        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        stream = await VerifyingBackend(None).connect_tcp("127.0.0.1", port)
        handshake = asyncio.ensure_future(stream.start_tls(unsafe_unverified_context(), "x", 30))
        await greeted.wait()
        handshake.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await handshake
        try:
            return await asyncio.wait_for(ended, 30)
        finally:
            server.close()

    assert asyncio.run(scenario()) == b""
