"""Everything an agent follows, in one question that waits at a server.

The parts of an agent (roots, tokens, intentions, views, services) each ask for what is their own,
as if nobody else asked; together they are one request.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from ca_core.agent.contact import Contact
from ca_core.agent.joining import Draw
from ca_core.agent.question import Question
from ca_core.agent.upstream import DEFAULT_WAIT, FOLLOW_WAIT, RootsAnswer, Servers
from ca_core.clock import Clock
from ca_core.durations import parse_duration
from ca_core.errors import UnavailableError
from ca_core.wire.cluster import SignedLeaf
from ca_core.wire.grants import Granted, GrantsAnswer, GrantsRequest
from ca_core.wire.intentionlists import ListsAnswer, ListsRequest
from ca_core.wire.operations import Acknowledgement, Lease
from ca_core.wire.registered import RegisteredAnswer, RegisteredState
from ca_core.wire.revocation import CrlsAnswer, RevokedAnswer, RevokedRequest
from ca_core.wire.watch import (
    ViewsAnswer,
    ViewsRequest,
)


class Watch:
    """An ``Upstream`` over servers: one question waits there. Used from one event loop.

    ``run`` is the only one that asks; until it runs, and whenever servers fail, parts wait or are
    told so.

    Args:
        servers: who is asked.
        draw: spreads what comes again.
    """

    def __init__(self, servers: Servers, clock: Clock, draw: Draw) -> None:
        self._servers = servers
        self._contact = Contact(clock)
        self._question = Question(servers, self._contact, clock, draw)

    async def roots(self, *, index: int = 0, wait: timedelta = DEFAULT_WAIT) -> RootsAnswer:
        """Return the roots, at once unless ``index`` is the current one; then wait for a change.

        Raises:
            Error: ``UnavailableError`` if no server answers.
        """
        known = self._question.roots
        at_once = known is None or index != known.index
        await self._question.told("roots", None, wait, at_once=at_once)
        known = self._question.roots
        if known is None:
            raise UnavailableError("the server did not say the roots")
        return RootsAnswer(value=known.value, index=known.index)

    async def grants(self, asked: GrantsRequest) -> GrantsAnswer:
        """Return what became of tokens: at once if it is news, else when there is some.

        Raises:
            Error: ``UnavailableError`` if no server answers.
        """
        wait = parse_duration(asked.wait, field="wait")
        answer: GrantsAnswer | None = None
        while answer is None:  # after its wait a server tells anew what holds
            answer = await self._question.told("grants", asked, wait, quick=not asked.digest)
            asked = replace(asked, digest="")  # but not beside news of others: then ask for it
        return answer

    async def intentions(self, asked: ListsRequest) -> ListsAnswer:
        """Return the lists that differ from what is held: at once if any does, else when one does.

        Raises:
            Error: ``UnavailableError`` if no server answers.
        """
        wait = parse_duration(asked.wait, field="wait")
        quick = not asked.default or not all(asked.held.values())
        answer: ListsAnswer | None = await self._question.told(
            "intentions", asked, wait, quick=quick
        )
        return answer or ListsAnswer(epoch=asked.epoch, default=asked.default)

    async def views(self, asked: ViewsRequest, *, wait: timedelta = FOLLOW_WAIT) -> ViewsAnswer:
        """Return the views that differ from what is held: at once if any does, else when one does.

        Raises:
            Error: ``UnavailableError`` if no server answers.
        """
        quick = not all(asked.held.values())
        answer: ViewsAnswer | None = await self._question.told("views", asked, wait, quick=quick)
        return answer or ViewsAnswer(epoch=asked.epoch)

    async def revoked(
        self, asked: RevokedRequest, *, wait: timedelta = FOLLOW_WAIT
    ) -> RevokedAnswer:
        """Return the leaves revoked since what is held: at once if any was, else when one is.

        Raises:
            Error: ``UnavailableError`` if no server answers.
        """
        quick = not asked.index
        answer: RevokedAnswer | None = await self._question.told(
            "revoked", asked, wait, quick=quick
        )
        return answer or RevokedAnswer(index=asked.index, epoch=asked.epoch)

    async def in_sync(self, digest: str, *, wait: timedelta = FOLLOW_WAIT) -> bool:
        """Return False once what a server has of this agent is not what ``digest`` names.

        At once for '': whoever said that it has nothing does not have what is registered here.

        Raises:
            Error: ``UnavailableError`` if no server answers.
        """
        return bool(digest) and not await self._question.told("registered", digest, wait)

    async def sign(
        self, csr_pem: str, *, replaces: datetime | None = None, grant: str = ""
    ) -> SignedLeaf:
        """Have a leaf signed.

        Raises:
            Error: as ``Servers.sign``.
        """
        asking = self._servers.sign(csr_pem, replaces=replaces, grant=grant)
        return await self._contact.noted(asking)

    async def acknowledge(self, said: Acknowledgement) -> Lease:
        """Say which bundle this agent, and all that it feeds, use.

        Raises:
            Error: as ``Servers.acknowledge``.
        """
        return await self._contact.noted(self._servers.acknowledge(said))

    async def grant(self, secret: str) -> Granted:
        """Exchange the secret of a token that this agent was shown.

        Raises:
            Error: as ``Servers.grant``.
        """
        return await self._contact.noted(self._servers.grant(secret))

    async def registered(self, state: RegisteredState) -> RegisteredAnswer:
        """Say all that is registered at this agent.

        Raises:
            Error: as ``Servers.registered``.
        """
        return await self._contact.noted(self._servers.registered(state))

    async def crls(self) -> CrlsAnswer:
        """Return the CRLs of every signer of the mesh.

        Raises:
            Error: as ``Servers.crls``.
        """
        return await self._contact.noted(self._servers.crls())

    def on_return(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` on the loop whenever a server answers again; it must not raise."""
        self._contact.subscribe(listener)

    async def run(self) -> None:
        """Ask what is to be followed, for ever; cancel to end."""
        await self._question.run()

    async def close(self) -> None:
        """Let go of the servers; whoever still waits is told so."""
        self._question.refuse(UnavailableError("this agent is stopping"))
        await self._servers.close()
