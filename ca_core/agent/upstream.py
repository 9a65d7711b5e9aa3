"""What the agent needs of its servers, near or far: what it follows, and what it asks for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from ca_core.wire.cluster import SignedLeaf
from ca_core.wire.grants import Granted, GrantsAnswer, GrantsRequest
from ca_core.wire.intentionlists import ListsAnswer, ListsRequest
from ca_core.wire.operations import Acknowledgement, Lease
from ca_core.wire.registered import RegisteredAnswer, RegisteredState
from ca_core.wire.revocation import CrlsAnswer, RevokedAnswer, RevokedRequest
from ca_core.wire.roots import CARoots
from ca_core.wire.watch import ViewsAnswer, ViewsRequest, WatchAnswer, WatchRequest

DEFAULT_WAIT = timedelta(minutes=5)
"""How long a blocking query waits if nobody says."""

FOLLOW_WAIT = timedelta(minutes=1)
"""How long a question for news waits: a server that hangs is noticed in about this time."""


@dataclass(slots=True, kw_only=True)
class RootsAnswer:
    """The trusted roots, and how fresh this knowledge is.

    Not frozen: that would triple what making one for each reader costs.

    Attributes:
        value: the roots in their wire form.
        index: at least 1; a different one means different roots.
        hit: True if the answer came from memory at once.
        age: how long ago contact with the server was lost; zero while it stands.
        known_leader: whether the server answered last time.
        body: ``value`` as JSON, if that was worked out already.
    """

    value: CARoots
    index: int
    hit: bool = False
    age: timedelta = timedelta()
    known_leader: bool = True
    body: bytes = field(default=b"", repr=False, compare=False)


class Asked(Protocol):
    """What is asked of a server with requests of their own. Used from one event loop."""

    async def sign(
        self, csr_pem: str, *, replaces: datetime | None = None, grant: str = ""
    ) -> SignedLeaf:
        """Have a leaf signed.

        Args:
            csr_pem: the request.
            replaces: the end of the leaf that the new one replaces.
            grant: of the token whose holder wants it; without one the agent vouches.

        Raises:
            RateLimitedError: too many at once; ``retry_after`` says when to ask again.
            DeniedError: this agent may not have that leaf.
            RequestError: the CSR cannot be accepted.
            Error: anything else of the tree.
        """
        ...

    async def acknowledge(self, said: Acknowledgement) -> Lease:
        """Say which bundle this agent, and all that it feeds, use.

        Raises:
            DeniedError: the agent was forgotten.
            Error: anything else of the tree.
        """
        ...

    async def grant(self, secret: str) -> Granted:
        """Exchange the secret of a token that this agent was shown.

        Raises:
            DeniedError: it is nobody's.
            RateLimitedError: too many from here were nobody's.
            Error: anything else of the tree.
        """
        ...

    async def registered(self, state: RegisteredState) -> RegisteredAnswer:
        """Say all that is registered at this agent; the same again changes nothing.

        Raises:
            RequestError: something in it cannot be.
            Error: anything else of the tree.
        """
        ...

    async def crls(self) -> CrlsAnswer:
        """Return the CRLs of every signer of the mesh.

        Raises:
            Error: any; ``UnavailableError`` if no server answers.
        """
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...


class Servers(Asked, Protocol):
    """The servers as the agent reaches them; in ``dev`` the same process."""

    async def watch(self, asked: WatchRequest) -> WatchAnswer:
        """Return what is news: at once if there is some, else when it comes or the wait is over.

        A newer question ends the one before, which is answered with nothing.

        Raises:
            Error: any; ``UnavailableError`` if no server answers.
        """
        ...


class Upstream(Asked, Protocol):
    """The servers as the parts of an agent see them; each part follows what is its own.

    What is followed is asked for by one part each, one call at a time.
    """

    async def roots(self, *, index: int = 0, wait: timedelta = DEFAULT_WAIT) -> RootsAnswer:
        """Return the roots, at once unless ``index`` is the current one; then wait for a change.

        Raises:
            Error: any; ``UnavailableError`` if no server answers.
        """
        ...

    async def grants(self, asked: GrantsRequest) -> GrantsAnswer:
        """Return what became of tokens: at once if it is news, else when there is some.

        Raises:
            Error: any; ``UnavailableError`` if no server answers.
        """
        ...

    async def intentions(self, asked: ListsRequest) -> ListsAnswer:
        """Return the lists that differ from what is held: at once if any does, else when one does.

        Raises:
            Error: any; ``UnavailableError`` if no server answers.
        """
        ...

    async def views(self, asked: ViewsRequest, *, wait: timedelta = FOLLOW_WAIT) -> ViewsAnswer:
        """Return the views that differ from what is held: at once if any does, else when one does.

        Raises:
            Error: any; ``UnavailableError`` if no server answers.
        """
        ...

    async def revoked(
        self, asked: RevokedRequest, *, wait: timedelta = FOLLOW_WAIT
    ) -> RevokedAnswer:
        """Return the leaves revoked since what is held: at once if any was, else when one is.

        Raises:
            Error: any; ``UnavailableError`` if no server answers.
        """
        ...

    async def in_sync(self, digest: str, *, wait: timedelta = FOLLOW_WAIT) -> bool:
        """Return False once what a server has of this agent is not what ``digest`` names.

        True after ``wait``.

        Raises:
            Error: any; ``UnavailableError`` if no server answers.
        """
        ...

    def on_return(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` on the loop whenever a server answers again; it must not raise."""
        ...

    async def run(self) -> None:
        """Ask what is to be followed, for ever; cancel to end."""
        ...
