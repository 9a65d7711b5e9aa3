"""Servers over mTLS, as the agent reaches them."""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime

from ca_core.agent.failover import Failover
from ca_core.agent.identitystore import IdentityStore
from ca_core.agent.joining import Draw
from ca_core.agent.links import Links
from ca_core.clock import Clock
from ca_core.durations import parse_duration
from ca_core.wire.cluster import SignedLeaf, SignRequest
from ca_core.wire.grants import Granted, GrantRequest
from ca_core.wire.operations import Acknowledgement, Lease
from ca_core.wire.registered import RegisteredAnswer, RegisteredState
from ca_core.wire.revocation import CrlsAnswer
from ca_core.wire.times import wire_time
from ca_core.wire.watch import WatchAnswer, WatchRequest

MAX_NEWS_BYTES = 96 * 1024 * 1024
"""What is news: one destination may have half a million sources, beside one large view."""


class RemoteUpstream:
    """The servers of a mesh, reached with the agent's own leaf. Used from one event loop.

    Everything goes to one of them as long as it does its work.

    Args:
        servers: their URLs.
        draw: decides where agents begin, and where they go.

    Raises:
        ConfigError: a URL is not that of a server, or there is none.
    """

    def __init__(
        self,
        servers: Sequence[str],
        store: IdentityStore,
        clock: Clock,
        draw: Draw = random.random,
    ) -> None:
        self._links = Links(store, clock)
        self._clock = clock
        self._draw = draw
        self._servers = Failover(servers, self._links, clock, draw)

    @property
    def urls(self) -> Sequence[str]:
        """Return the URLs of all servers, as they are configured now."""
        return self._servers.urls

    def replace_servers(self, servers: Sequence[str]) -> None:
        """Ask these from now on; requests under way end where they began.

        Raises:
            ConfigError: a URL is not that of a server, or there is none; nothing changes.
        """
        others = Failover(servers, self._links, self._clock, self._draw)
        if others.urls != self.urls:
            before, self._servers = self._servers, others
            before.end()

    @property
    def server_url(self) -> str:
        """Return the URL of the server that is asked now."""
        return self._servers.current

    def describe(self) -> Mapping[str, object]:
        """Return which server is asked, and how all of them did, for ``/v1/agent/self``."""
        return self._servers.describe()

    async def watch(self, asked: WatchRequest) -> WatchAnswer:
        """Return what is news: at once if there is some, else when it comes or the wait is over.

        Raises:
            Error: ``UnavailableError`` if the server is away or is not ours.
        """
        wait, most = parse_duration(asked.wait, field="wait"), MAX_NEWS_BYTES
        return await self._servers.followed(
            lambda link: link.post("/v1/cluster/watch", asked, WatchAnswer, wait=wait, most=most)
        )

    async def sign(
        self, csr_pem: str, *, replaces: datetime | None = None, grant: str = ""
    ) -> SignedLeaf:
        """Have a leaf signed for a service of this node, or for the agent itself.

        Raises:
            Error: as the protocol says; ``OutcomeUnknownError`` if no answer came.
        """
        ends = wire_time(replaces) if replaces else ""
        request = SignRequest(csr=csr_pem, replaces=ends, grant=grant)
        return await self._servers.asked(
            lambda link: link.post("/v1/cluster/sign", request, SignedLeaf), repeatable=False
        )

    async def acknowledge(self, said: Acknowledgement) -> Lease:
        """Say which bundle this agent, and all that it feeds, use.

        Raises:
            Error: as the protocol says.
        """
        return await self._servers.asked(
            lambda link: link.put("/v1/cluster/acknowledgement", said, Lease), timed=True
        )

    async def grant(self, secret: str) -> Granted:
        """Exchange the secret of a token that this agent was shown.

        Raises:
            Error: as the protocol says.
        """
        request = GrantRequest(secret=secret)
        return await self._servers.asked(
            lambda link: link.post("/v1/cluster/grant", request, Granted)
        )

    async def registered(self, state: RegisteredState) -> RegisteredAnswer:
        """Say all that is registered at this agent.

        Raises:
            Error: as the protocol says.
        """
        target = "/v1/cluster/registered"
        return await self._servers.asked(lambda link: link.put(target, state, RegisteredAnswer))

    async def crls(self) -> CrlsAnswer:
        """Return the CRLs of every signer of the mesh.

        Raises:
            Error: ``UnavailableError`` if the server is away or is not ours.
        """
        found, _ = await self._servers.asked(lambda link: link.get("/v1/cluster/crls", CrlsAnswer))
        return found

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        await self._links.close()
