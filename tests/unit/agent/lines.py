"""Links to servers whose answers a test gives."""

import asyncio

from ca_core.agent.failover import Failover
from ca_core.testing.clock import FakeClock


class Line:
    """A connection under one identity; ``answer`` is called for each request."""

    def __init__(self, answer):
        self._answer = answer
        self.asked = 0

    async def post(self):
        """Answer, or refuse."""
        self.asked += 1
        return self._answer()


class Lines:
    """What ``Links`` is: one line after the other, a new one for each identity."""

    def __init__(self, store, *lines):
        self._store = store
        self._lines = list(lines)
        self._as = None
        self._line = None

    def identity(self):
        """Return who the agent is now."""
        return self._store.current

    async def to(self, _url, identity):
        """Return the line of this identity."""
        if self._as is not identity:
            self._as, self._line = identity, self._lines.pop(0)
        return self._line


class FakeServer:
    """One server: it answers with its name unless a test breaks it.

    Attributes:
        error: raised by every request; None while it does its work.
        parked: those who wait here for news.
    """

    def __init__(self, name):
        self.name = name
        self.error = None
        self.asked = 0
        self.parked = []

    async def ask(self):
        """Answer a request, after a turn."""
        self.asked += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.name

    async def wait(self):
        """Park, as a question for news does."""
        await self.ask()
        waiting = asyncio.get_running_loop().create_future()
        self.parked.append(waiting)
        try:
            return await waiting
        finally:
            self.parked.remove(waiting)

    def kill(self, error):
        """Let everything fail from now on, what waits too."""
        self.error = error
        for waiting in tuple(self.parked):
            waiting.set_exception(error)


class FakeLinks:
    """What ``Links`` is, to fake servers."""

    def __init__(self, servers):
        self._servers = {f"https://{one.name}": one for one in servers}
        self.error = None
        self.kept = []

    def identity(self):
        """Return who the agent is, unless its leaf has expired."""
        if self.error is not None:
            raise self.error
        return "me"

    async def to(self, url, _identity):
        """Return the server there."""
        return self._servers[url]

    async def keep_only(self, url):
        """Note whom the agent keeps to."""
        self.kept.append(url)


class Mesh:
    """Some servers, and an agent that begins at the first."""

    def __init__(self, *names):
        self.clock = FakeClock()
        self.servers = [FakeServer(name) for name in names]
        self.links = FakeLinks(self.servers)
        urls = [f"https://{name}" for name in names]
        self.failover = Failover(urls, self.links, self.clock, lambda: 0.0)

    def ask(self, **how):
        """Send a request."""
        return self.failover.asked(lambda link: link.ask(), **how)

    def follow(self):
        """Send a question that waits."""
        return self.failover.followed(lambda link: link.wait())

    @property
    def current(self):
        """Return the name of the chosen server."""
        return self.failover.current.removeprefix("https://")
