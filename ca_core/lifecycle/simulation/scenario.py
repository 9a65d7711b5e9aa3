"""What is simulated: a mesh, a change, and what goes wrong meanwhile."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ca_core.authority.settings import CASettings
from ca_core.errors import RequestError
from ca_core.lifecycle.policy import RotationPolicy
from ca_core.lifecycle.rows import Kind, Wishes

START = datetime(2030, 1, 1, tzinfo=UTC)
"""When every simulated change begins."""

MOST_LEAVES = 1_000_000
"""Leaves of one simulation; more would only take longer to say the same."""


@dataclass(frozen=True, slots=True)
class Span:
    """From when after the beginning of the change, and how long."""

    begin: timedelta
    length: timedelta

    @property
    def end(self) -> timedelta:
        """Return when it is over, after the beginning of the change."""
        return self.begin + self.length

    def covers(self, moment: datetime) -> bool:
        """Say whether it lasts at ``moment``; its end is outside."""
        return START + self.begin <= moment < START + self.end


@dataclass(frozen=True, slots=True)
class Cohort:
    """Agents that reach no server for a while; their services go on meeting others.

    Attributes:
        share: of all agents, 0 to 1.
        away: when.
    """

    share: float
    away: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One simulated change.

    Attributes:
        agents: how many there are; each counts.
        leaves: of each agent's services.
        own_leaves: each agent has one more, by which servers know it; nobody else ever sees it.
        kind: what is changed; None is what the policy finds due first.
        wishes: how the change is to go.
        policy: thresholds of what is due.
        settings: lives of leaf, signer and root, and the rate of admission.
        can_cross_sign: whether the old provider can.
        offline: agents without a server.
        outages: when the provider answers nothing.
        quota: signatures a second that the backend allows; 0 is without limit.
        signing_time: one signature of the provider.
        concurrency: signatures of the provider at once.
        preparing: making and rehearsing the new authority or signer.
        handshakes: a second, in the whole mesh, between leaves drawn at random.
        issued_ago: every leaf is this old at the beginning; None: they are spread over their lives.
        longest: the simulation ends then, if the change has not.
        seed: of every draw; the same scenario gives the same forecast.

    Raises:
        RequestError: a number that makes no sense; names the field.
    """

    agents: int = 1000
    leaves: int = 1
    own_leaves: bool = True
    kind: Kind | None = Kind.ROTATE
    wishes: Wishes = field(default_factory=Wishes)
    policy: RotationPolicy = field(default_factory=RotationPolicy)
    settings: CASettings = field(default_factory=CASettings)
    can_cross_sign: bool = True
    offline: tuple[Cohort, ...] = ()
    outages: tuple[Span, ...] = ()
    quota: float = 0
    signing_time: timedelta = timedelta(milliseconds=2)
    concurrency: int = 1
    preparing: timedelta = timedelta(seconds=2)
    handshakes: float = 100
    issued_ago: timedelta | None = None
    longest: timedelta = timedelta(days=60)
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("agents", "leaves", "concurrency"):
            if getattr(self, name) < 1:
                raise RequestError("at least 1", field=name)
        if self.all_leaves > MOST_LEAVES:
            raise RequestError(f"more than {MOST_LEAVES} leaves", field="agents")
        if not 0 <= sum(cohort.share for cohort in self.offline) <= 1:
            raise RequestError("shares add up to more than all agents", field="offline")
        if self.kind is Kind.SETTINGS:
            raise RequestError("changed settings re-issue nothing", field="kind")

    @property
    def all_leaves(self) -> int:
        """Return how many leaves there are."""
        return self.agents * (self.leaves + self.own_leaves)
