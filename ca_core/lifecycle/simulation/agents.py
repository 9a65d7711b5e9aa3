"""A simulated agent: the records that a real one keeps, and what it knows."""

from dataclasses import dataclass, field
from datetime import datetime

from ca_core.agent.joining import Draw
from ca_core.agent.leafrecord import LeafRecord
from ca_core.lifecycle.simulation.mesh import Anchors, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a server says: who is trusted and who signs.

    Attributes:
        anchors: the bundle.
        signer: signing key id, as agents compare it.
        anchor: generation of the root above that signer.
        crossed: leaves come with a way to the old root.
        signer_ends: no leaf outlives it.
    """

    anchors: Anchors
    signer: str
    anchor: int
    signer_ends: datetime
    crossed: bool = False


@dataclass(slots=True, eq=False)
class SimulatedAgent:
    """One agent.

    Attributes:
        knows: what its server told it last.
        lost_at: since when it reaches no server; None while it does.
        under_way: attempts now.
        stalled: what is due and cannot be asked for while no server is reached.
    """

    number: int
    draw: Draw
    knows: Trust
    records: list[LeafRecord] = field(default_factory=list)
    lost_at: datetime | None = None
    under_way: int = 0
    stalled: list["Kept"] = field(default_factory=list)

    @property
    def until(self) -> datetime:
        """Return when its last leaf has ended."""
        return max(record.leaf.not_after for record in self.records if record.leaf)


@dataclass(slots=True, eq=False)
class Kept:
    """A record, whose it is, and what others think of its leaf.

    Attributes:
        is_own: the leaf by which servers know the agent.
        standing: None for such a leaf: nobody else sees it.
        is_over: the leaf has ended, and there is no other.
        is_busy: an attempt is under way, or waits until a server is reached.
    """

    agent: SimulatedAgent
    record: LeafRecord
    crossed: bool = False
    anchor: int = 0
    is_own: bool = False
    standing: Standing | None = None
    is_over: bool = False
    is_busy: bool = False
