"""A server over mTLS, as the agent's upstream."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from ca_core.agent.identitystore import AgentIdentity, IdentityStore
from ca_core.agent.serverlink import ServerLink, WireT, checked_url
from ca_core.agent.tls import PeerCheck, verifying_context
from ca_core.clock import Clock
from ca_core.durations import parse_duration
from ca_core.errors import DeniedError, UnavailableError
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
    """One server, reached with the agent's own leaf. Used from one event loop.

    When the agent's leaf or bundle changes, new requests go out over new connections; requests
    under way end on the old ones.

    Raises:
        ConfigError: the URL is not that of a server.
    """

    def __init__(self, server_url: str, store: IdentityStore, clock: Clock) -> None:
        self.server_url = checked_url(server_url)
        self._store = store
        self._clock = clock
        self._link: ServerLink | None = None
        self._linked_as: AgentIdentity | None = None

    async def watch(self, asked: WatchRequest) -> WatchAnswer:
        """Return what is news: at once if there is some, else when it comes or the wait is over.

        Raises:
            Error: ``UnavailableError`` if the server is away or is not ours.
        """
        wait, most = parse_duration(asked.wait, field="wait"), MAX_NEWS_BYTES
        return await self._asked(
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
        return await self._asked(lambda link: link.post("/v1/cluster/sign", request, SignedLeaf))

    async def acknowledge(self, said: Acknowledgement) -> Lease:
        """Say which bundle this agent, and all that it feeds, use.

        Raises:
            Error: as the protocol says.
        """
        return await self._asked(lambda link: link.put("/v1/cluster/acknowledgement", said, Lease))

    async def grant(self, secret: str) -> Granted:
        """Exchange the secret of a token that this agent was shown.

        Raises:
            Error: as the protocol says.
        """
        request = GrantRequest(secret=secret)
        return await self._asked(lambda link: link.post("/v1/cluster/grant", request, Granted))

    async def registered(self, state: RegisteredState) -> RegisteredAnswer:
        """Say all that is registered at this agent.

        Raises:
            Error: as the protocol says.
        """
        target = "/v1/cluster/registered"
        return await self._asked(lambda link: link.put(target, state, RegisteredAnswer))

    async def crls(self) -> CrlsAnswer:
        """Return the CRLs of every signer of the mesh.

        Raises:
            Error: ``UnavailableError`` if the server is away or is not ours.
        """
        found, _ = await self._asked(lambda link: link.get("/v1/cluster/crls", CrlsAnswer))
        return found

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        link, self._link, self._linked_as = self._link, None, None
        if link is not None:
            await link.close()

    async def _asked(self, ask: Callable[[ServerLink], Awaitable[WireT]]) -> WireT:
        """Ask; once more if it was refused while this agent's own leaf was replaced.

        From its first use on the newer key alone proves the agent, also to requests that were on
        their way under the older one.
        """
        link = await self._current_link()
        asked_as = self._linked_as
        try:
            return await ask(link)
        except DeniedError:
            if self._store.current is asked_as:
                raise
        return await ask(await self._current_link())

    async def _current_link(self) -> ServerLink:
        identity = self._store.current
        if self._clock.now() > identity.not_after:
            raise UnavailableError(
                f"this agent's own leaf expired at {wire_time(identity.not_after)}",
                hint="it rejoins by itself once a server answers; else join with a new token",
            )
        if self._link is not None and self._linked_as is identity:
            return self._link
        old = self._link
        context = verifying_context(identity.anchors, identity.pair)
        link = ServerLink(self.server_url, context, PeerCheck(identity.server_id))
        self._link, self._linked_as = link, identity
        if old is not None:
            await old.retire()
        return link
