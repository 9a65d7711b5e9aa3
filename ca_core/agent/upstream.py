"""What the agent needs of a server: roots and signatures, near or far."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ca_core.wire.cluster import SignedLeaf
from ca_core.wire.operations import Acknowledgement, Lease
from ca_core.wire.roots import CARoots

DEFAULT_WAIT = timedelta(minutes=5)
"""How long a blocking query waits if nobody says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootsAnswer:
    """The trusted roots, and how fresh this knowledge is.

    Attributes:
        value: the roots in their wire form.
        index: at least 1; a different one means different roots.
        hit: True if the answer came from memory at once.
        age: how long ago contact with the server was lost; zero while it stands.
        known_leader: whether the server answered last time.
    """

    value: CARoots
    index: int
    hit: bool = False
    age: timedelta = timedelta()
    known_leader: bool = True


class Upstream(Protocol):
    """A server as the agent sees it; in ``dev`` the same process. Used from one event loop."""

    async def roots(self, *, index: int = 0, wait: timedelta = DEFAULT_WAIT) -> RootsAnswer:
        """Return the roots, at once unless ``index`` is the current one; then wait for a change.

        Raises:
            Error: any; ``UnavailableError`` if no server answers.
        """
        ...

    async def sign(self, csr_pem: str, *, replaces: datetime | None = None) -> SignedLeaf:
        """Have a leaf signed; ``replaces`` is the end of the leaf that the new one replaces.

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

    async def close(self) -> None:
        """Let go of every connection."""
        ...
