"""Lives of server processes: how one begins, becomes ready, and ends."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

CA_CORE = Path(sys.executable).with_name("ca-core")
"""The console script as it is installed, unmodified."""
ZYGOTE = Path(__file__).with_name("zygote.py")
ROOT = Path(__file__).parents[3]
READY_WITHIN = 30.0
"""Seconds; on an idle machine it takes one, on a busy one several."""


def surroundings():
    """Return the environment of every server here: nothing of ours, signing without admission."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return kept | {"CA_CORE_CA__CSR_MAX_PER_SECOND": "0", "NO_COLOR": "1"}


class Life:
    """One server process, from its first line to its last.

    ``ended_at`` is ``time.monotonic()`` when its end was seen; ``killed_at`` the boundary at which
    it killed itself.
    """

    def __init__(self, data_dir):
        self.data_dir = data_dir
        self.began_at = time.monotonic()
        self.ended_at = None
        self.pid = None
        self.killed_at = ""
        self._url = asyncio.get_running_loop().create_future()
        self._status = asyncio.get_running_loop().create_future()

    @property
    def operators(self):
        """Return the operators' socket."""
        return self.data_dir / "server.sock"

    @property
    def is_ready(self):
        """Say whether it has announced itself."""
        return self._url.done()

    @property
    def has_ended(self):
        """Say whether its end was seen."""
        return self._status.done()

    def announced(self, url):
        """Note that it is ready."""
        self._url.set_result(url)

    def over(self, status):
        """Note its end."""
        self.ended_at = time.monotonic()
        self._status.set_result(status)

    async def ready(self):
        """Return its URL once it has announced itself; fails if it ends before."""
        waits = {self._url, self._status}
        done, _ = await asyncio.wait(
            waits, timeout=READY_WITHIN, return_when=asyncio.FIRST_COMPLETED
        )
        assert self._url in done, f"not ready after {READY_WITHIN} s; ended: {self._status}"
        return self._url.result()

    async def ready_or_ended(self, grace=0.05):
        """Return whether it still lives ``grace`` seconds after it announced itself."""
        waits = {self._url, self._status}
        await asyncio.wait(waits, timeout=READY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if not self.has_ended:
            await asyncio.wait({self._status}, timeout=grace)
        return not self.has_ended

    async def ended(self):
        """Return its exit status; negative for the signal that ended it."""
        return await asyncio.wait_for(asyncio.shield(self._status), READY_WITHIN)

    def send(self, number):
        """Send it a signal; one that has just ended does not mind."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    async def kill(self):
        """End it by SIGKILL."""
        self.send(signal.SIGKILL)
        assert await self.ended() == -signal.SIGKILL

    async def stop(self):
        """End it as an operator does, cleanly."""
        self.send(signal.SIGTERM)
        assert await self.ended() == 0


class Zygote:
    """A process that forks servers with a fuse; one at a time."""

    def __init__(self, process):
        self._process = process
        self._life = None
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls):
        """Lend a zygote."""
        environment = surroundings() | {"PYTHONPATH": f"{ROOT}:{ROOT / 'providers'}"}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            ZYGOTE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        zygote = cls(process)
        try:
            yield zygote
        finally:
            await zygote.close()

    async def life(self, data_dir, **order):
        """Begin a server's life."""
        assert self._life is None or self._life.has_ended
        self._life = Life(data_dir)
        line = json.dumps({"data_dir": str(data_dir), **order}) + "\n"
        self._process.stdin.write(line.encode())
        await self._process.stdin.drain()
        return self._life

    async def close(self):
        """End the server that still lives, and the zygote."""
        if self._life is not None and not self._life.has_ended:
            await self._life.kill()
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    async def _read(self):
        async for line in self._process.stdout:
            word, _, rest = line.decode().strip().partition(" ")
            match word:
                case "born":
                    self._life.pid = int(rest)
                case "ready":
                    self._life.announced(rest)
                case "killed":
                    self._life.killed_at = rest
                case "ended":
                    self._life.over(int(rest))
        if self._life is not None and not self._life.has_ended:
            self._life.over(None)  # the zygote itself broke: standard error says why


_URL = re.compile(rb"URL\s+(https://\S+)")


async def console_life(data_dir):
    """Begin a life of the unmodified ``ca-core server``; what it complains of goes to ``.err``."""
    life = Life(data_dir)
    with data_dir.with_suffix(".err").open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            CA_CORE,
            *("server", "--data-dir", data_dir, "--listen", "127.0.0.1:0"),
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=surroundings(),
        )
    life.pid = process.pid
    life.following = asyncio.ensure_future(_follow(life, process))
    return life


async def _follow(life, process):
    async for line in process.stdout:
        found = _URL.search(line)
        if found:
            life.announced(found[1].decode())
    life.over(await process.wait())
