"""The server as an agent in the same process sees it: no sockets, the same rules."""

from datetime import datetime

from ca_core.acl.principal import Node, Principal, Token
from ca_core.api.acknowledgement_handlers import lease_of, report_of
from ca_core.api.cluster_handlers import checked_csr, require_names, signed_leaf
from ca_core.api.crl_handlers import current_crls
from ca_core.api.registered_handlers import locally_registered
from ca_core.api.rooms import ServerRoom
from ca_core.api.watch_handlers import newest_watched
from ca_core.identity.spiffe import AgentId
from ca_core.lifecycle.acknowledging import checked_anchors
from ca_core.wire.cluster import SignedLeaf
from ca_core.wire.grants import Granted
from ca_core.wire.operations import Acknowledgement, Lease
from ca_core.wire.registered import RegisteredAnswer, RegisteredState
from ca_core.wire.revocation import CrlsAnswer
from ca_core.wire.watch import WatchAnswer, WatchRequest


class LocalUpstream:
    """Calls the server's rooms directly; for ``dev``.

    Args:
        room: the server.
        node: the agent's node name, for the issuance record.
    """

    def __init__(self, room: ServerRoom, node: str) -> None:
        self._room = room
        manager = room.manager
        self._agent = AgentId(
            trust_domain=manager.trust_domain, datacenter=manager.datacenter, node=node
        )
        self._companions = room.lifecycle.tools.companions

    async def watch(self, asked: WatchRequest) -> WatchAnswer:
        """Return what is news: at once if there is some, else when it comes or the wait is over.

        Raises:
            Error: as ``watched``.
        """
        self._companions.came(self._agent)
        return await newest_watched(self._room, self._agent, asked)

    async def sign(
        self, csr_pem: str, *, replaces: datetime | None = None, grant: str = ""
    ) -> SignedLeaf:
        """Have a leaf signed.

        Raises:
            Error: as ``CAManager.sign``.
        """
        room = self._room
        csr = checked_csr(room, csr_pem)
        agent: Principal = Node(identity=self._agent, key_digest="")
        caller = agent
        if grant:
            caller = Token(await room.granting.holder(grant, self._agent))
            require_names(room, caller, csr)
        issued = await room.manager.sign(csr, principal=caller, through=agent, replaces=replaces)
        return signed_leaf(room, issued)

    async def acknowledge(self, said: Acknowledgement) -> Lease:
        """Say which bundle this agent uses; a change waits for it while the agent runs.

        Raises:
            RequestError: what is said is not a bundle.
            Error: the server cannot answer now.
        """
        report = report_of(said)
        self._companions.holds(self._agent, frozenset(checked_anchors(said)))
        tools = self._room.lifecycle.tools
        tools.slow_readers.told(self._agent.node, said, tools.clock.now())
        lease = await lease_of(self._room)
        self._room.observed.add(report)
        return lease

    async def grant(self, secret: str) -> Granted:
        """Exchange the secret of a token.

        Raises:
            DeniedError: it is nobody's.
            Error: as ``Granting.granted``.
        """
        return await self._room.granting.granted(secret, self._agent)

    async def registered(self, state: RegisteredState) -> RegisteredAnswer:
        """Say all that is registered at this agent.

        Raises:
            Error: as ``locally_registered``.
        """
        caller = Node(identity=self._agent, key_digest="")
        return await locally_registered(self._room, self._agent, caller, state)

    async def crls(self) -> CrlsAnswer:
        """Return the CRLs of every signer.

        Raises:
            Error: as ``current_crls``.
        """
        return await current_crls(self._room)

    async def close(self) -> None:
        """End: nobody waits for this agent any more."""
        self._companions.left(self._agent)
