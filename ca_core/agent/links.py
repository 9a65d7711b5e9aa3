"""Links to servers under the agent's own leaf: made when they are needed, renewed with the leaf."""

from ca_core.agent.identitystore import AgentIdentity, IdentityStore
from ca_core.agent.serverlink import ServerLink
from ca_core.agent.tls import PeerCheck, verifying_context
from ca_core.clock import Clock
from ca_core.errors import UnavailableError
from ca_core.wire.times import wire_time


class Links:
    """At most one link to each server. Used from one event loop.

    When the agent's leaf or bundle changes, new requests go out over new connections; requests
    under way end on the old ones.
    """

    def __init__(self, store: IdentityStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._links: dict[str, ServerLink] = {}
        self._linked_as: AgentIdentity | None = None

    def identity(self) -> AgentIdentity:
        """Return who the agent is now.

        Raises:
            ConfigError: it has not joined yet.
            UnavailableError: its own leaf has expired; nobody would accept it.
        """
        identity = self._store.current
        if self._clock.now() > identity.not_after:
            raise UnavailableError(
                f"this agent's own leaf expired at {wire_time(identity.not_after)}",
                hint="it rejoins by itself once a server answers; else join with a new token",
            )
        return identity

    async def to(self, server_url: str, identity: AgentIdentity) -> ServerLink:
        """Return the link to a server of this agent's datacenter, as who the agent is now."""
        if self._linked_as is not identity:
            old, self._links, self._linked_as = self._links, {}, identity
            for link in old.values():
                await link.retire()
        if server_url not in self._links:
            context = verifying_context(identity.anchors, identity.pair)
            link = ServerLink(server_url, context, PeerCheck(identity.server_id))
            self._links[server_url] = link
        return self._links[server_url]

    async def keep_only(self, server_url: str) -> None:
        """Let go of every other server as soon as nothing is under way there."""
        others = [url for url in self._links if url != server_url]
        for link in [self._links.pop(url) for url in others]:
            await link.retire()

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        links, self._links, self._linked_as = self._links, {}, None
        for link in links.values():
            await link.close()
