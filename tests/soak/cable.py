"""The way between an agent and its server, with everything that may go wrong there."""

import asyncio
import random

from ca_core.agent.unreached import UnreachedError
from ca_core.agent.waiting import stopped
from ca_core.api.localupstream import LocalUpstream
from ca_core.errors import OutcomeUnknownError, UnavailableError

LOST = 0.002
"""Share of the answers to signatures that are lost on the way back."""


class Cable:
    """An agent's upstream: any call of ``LocalUpstream``, while it is whole and a server is up.

    Attributes:
        cuts: how many times it is cut now; what was under way then has failed.
    """

    def __init__(self, mesh, node, seed):
        self.cuts = 0
        self._mesh = mesh
        self._node = node
        self._random = random.Random(seed)
        self._upstream = (None, None)
        self._calls = set()
        self._broken = set()

    def __getattr__(self, name):
        """Return a call of the server."""
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **named: self._through(name, args, named)

    @property
    def reaches(self):
        """Say whether a call would reach a server."""
        return not self.cuts and self._mesh.server is not None

    def break_off(self):
        """Let every call under way fail."""
        self._broken |= self._calls
        for call in tuple(self._calls):
            call.cancel()

    async def close(self):
        """Let go of the server, as an agent does that ends."""
        server, upstream = self._upstream
        self._upstream = (None, None)
        if server is not None and server is self._mesh.server:
            await upstream.close()

    async def _through(self, name, args, named):
        if not self.reaches:
            raise UnreachedError("no server answers")
        call = asyncio.ensure_future(getattr(self._current(), name)(*args, **named))
        self._calls.add(call)
        try:
            await asyncio.wait({call})
            if call in self._broken:
                raise UnavailableError("the server broke off")
            found = call.result()
        finally:
            self._calls.discard(call)
            self._broken.discard(call)
            await stopped(call)
        if name == "sign":
            self._mesh.audit.signed()
            if self._random.random() < LOST:
                raise OutcomeUnknownError("the answer was lost")
        return found

    def _current(self):
        server = self._mesh.server
        if self._upstream[0] is not server:
            made = LocalUpstream(server.room, self._node)
            self._upstream = (server, made)
        return self._upstream[1]
