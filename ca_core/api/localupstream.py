"""The server as an agent in the same process sees it: no sockets, the same rules."""

from datetime import datetime, timedelta
from random import Random

from ca_core.acl.principal import Node, Principal, Token
from ca_core.agent.upstream import DEFAULT_WAIT, RootsAnswer
from ca_core.api.acknowledgement_handlers import lease_of, report_of
from ca_core.api.blocking import MAX_WAIT, with_jitter
from ca_core.api.cluster_handlers import checked_csr, require_names, signed_leaf
from ca_core.api.crl_handlers import current_crls
from ca_core.api.grant_handlers import followed
from ca_core.api.intentionlists import current_lists
from ca_core.api.rooms import ServerRoom
from ca_core.authority.roots import roots_index, roots_of
from ca_core.authority.rows import ROOTS_TOPIC
from ca_core.identity.spiffe import AgentId
from ca_core.lifecycle.acknowledging import checked_anchors
from ca_core.wire.cluster import SignedLeaf
from ca_core.wire.grants import Granted, GrantsAnswer, GrantsRequest
from ca_core.wire.intentionlists import ListsAnswer, ListsRequest
from ca_core.wire.operations import Acknowledgement, Lease
from ca_core.wire.revocation import CrlsAnswer


class LocalUpstream:
    """Calls the server's rooms directly; for ``dev``.

    Args:
        room: the server.
        node: the agent's node name, for the issuance record.
        random: spreads waits.
    """

    def __init__(self, room: ServerRoom, node: str, random: Random) -> None:
        self._room = room
        self._random = random
        manager = room.manager
        self._agent = AgentId(
            trust_domain=manager.trust_domain, datacenter=manager.datacenter, node=node
        )
        self._companions = room.lifecycle.tools.companions

    async def roots(self, *, index: int = 0, wait: timedelta = DEFAULT_WAIT) -> RootsAnswer:
        """Return the roots, at once unless ``index`` is the current one; then wait for a change.

        Raises:
            NotReadyError: no authority exists yet.
        """
        self._companions.came(self._agent)
        store = self._room.store
        if index and index == roots_index(store.snapshot):
            span = with_jitter(min(wait, MAX_WAIT), self._random.random())
            await store.wait((ROOTS_TOPIC,), index, span.total_seconds())
        view = store.snapshot
        return RootsAnswer(value=roots_of(view), index=roots_index(view))

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

    async def grants(self, asked: GrantsRequest) -> GrantsAnswer:
        """Return what became of tokens: at once if it is news, else when there is some.

        Raises:
            Error: as ``followed``.
        """
        return await followed(self._room, self._agent, asked)

    async def intentions(self, asked: ListsRequest) -> ListsAnswer:
        """Return the lists that differ from what is held: at once if any does, else when one does.

        Raises:
            Error: as ``current_lists``.
        """
        return await current_lists(self._room, asked)

    async def crls(self) -> CrlsAnswer:
        """Return the CRLs of every signer.

        Raises:
            Error: as ``current_crls``.
        """
        return await current_crls(self._room)

    async def close(self) -> None:
        """End: nobody waits for this agent any more."""
        self._companions.left(self._agent)
