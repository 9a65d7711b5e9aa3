"""Changing who signs while programs shake hands."""

import asyncio
import contextlib
import itertools
import sys
from datetime import timedelta
from pathlib import Path

from ca_core.lifecycle.rows import OperationPhase, Wishes, open_operation, operation, operations
from tests.scenarios.cluster import running_cluster
from tests.scenarios.pairs import Pair, Tally
from tests.scenarios.sides import FileSide, Side

CA_CORE = Path(sys.executable).with_name("ca-core")
GATED = Wishes(settle=timedelta(), patience=timedelta(minutes=5))
"""Acknowledgements alone decide: nothing is given time."""
UNGATED = Wishes(settle=timedelta(), force=True)
"""Nobody is asked."""
LOOK_EVERY = 0.1
RATE = 115.0
"""Handshakes a second that are tried."""
LAGS = (0.0, 0.3, 0.0, 0.8)
"""Seconds by which each agent hears of new roots late."""


class Fire:
    """Pairs under fire on a cluster. Made by ``under_fire``.

    Attributes:
        tally: what happened.
        sides: every end of every pair.
    """

    def __init__(self, cluster, tally, sides):
        self.cluster = cluster
        self.tally = tally
        self.sides = sides

    @contextlib.asynccontextmanager
    async def swap_behind(self, node, settings, wishes):
        """Change who signs while one agent hears of no roots in the block; then finish it.

        Yields a function that returns the operation as it stands.
        """
        line = self.cluster.lines[node]
        line.is_open.clear()
        swapping = asyncio.create_task(self.swap(settings, wishes))
        try:
            await until(lambda: open_operation(self.cluster.view) or swapping.done())
            yield lambda: operations(self.cluster.view)[-1]
        finally:
            line.is_open.set()
            await swapping

    async def more(self, handshakes):
        """Return once so many more handshakes were tried."""
        aim = self.tally.tried + handshakes
        await until(lambda: self.tally.tried >= aim)

    async def swap(self, settings, wishes):
        """Change who signs, and wait until every side shows a leaf of the new signer."""
        cluster = self.cluster
        begun = await cluster.changes.apply(settings, actor="test", wishes=wishes)
        await until(lambda: not operation(cluster.view, begun.id).is_open)
        row = operation(cluster.view, begun.id)
        assert row.phase is OperationPhase.ACTIVE, row
        key = cluster.signing_key()
        await until(lambda: all(side.signed_under == key for side in self.sides))
        return row


@contextlib.asynccontextmanager
async def under_fire(folder, *, pairs=50, rate=RATE, files=1, lags=LAGS, **config):
    """Run a cluster, its agents, and pairs that shake hands ``rate`` times a second in all.

    Args:
        folder: where sockets and files are.
        pairs: how many, those of file-based programs among them.
        rate: handshakes a second that are tried.
        files: pairs in which a file-based program dials, and as many in which one listens.
        lags: one agent each, and how late it hears of new roots, in seconds.
        config: of the first authority's provider, the built-in one.
    """
    async with running_cluster(folder, **config) as cluster, contextlib.AsyncExitStack() as stack:
        for number, lag in enumerate(lags):
            await cluster.join(f"node-{number}", lag=lag)
        agents = itertools.cycle(cluster.agents.values())
        if files:
            await cluster.serve_once("node-0")
        names = [f"files-{number}" for number in range(2 * files)]
        starting = [_watched(cluster, name, stack, folder) for name in names]
        watched = list(await asyncio.gather(*starting))
        tally, built = Tally(), []
        for number in range(pairs):
            client = watched.pop() if number % 2 and watched else None
            server = watched.pop() if not number % 2 and watched else None
            client = client or await _side(f"client-{number}", agents, stack)
            server = server or await _side(f"server-{number}", agents, stack)
            next(agents, None) if number % 4 == 3 else None  # not always the same two
            built.append(Pair(client, server, tally, pause=pairs / rate))
        for number, pair in enumerate(built):
            await pair.start(hold=number % 5 == 0)
        stack.push_async_callback(_closed, built)
        tally.__init__()
        yield Fire(cluster, tally, [end for pair in built for end in (pair.client, pair.server)])


async def _closed(pairs):
    await asyncio.gather(*(pair.close() for pair in pairs))


async def _side(service, agents, stack):
    side = Side(next(agents), service)
    await side.start()
    stack.push_async_callback(side.close)
    return side


async def _watched(cluster, service, stack, folder):
    """Return a file-based program's side; a real process keeps its files."""
    address = await cluster.serve_once("node-0")
    out = folder / service
    command = [CA_CORE, "leaf", "watch", service, "--out", out, "--http-addr", address]
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.DEVNULL
    )
    stack.push_async_callback(_ended, process)
    side = FileSide(out, service)
    await until(lambda: side.is_ready)
    return side


async def _ended(process):
    assert process.returncode is None, "leaf watch ended by itself"
    process.terminate()
    await process.wait()


async def until(holds, within=180.0):
    """Return once something holds."""
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(LOOK_EVERY)
