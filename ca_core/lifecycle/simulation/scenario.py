"""What is simulated: a mesh, a change, and what goes wrong meanwhile."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ca_core.authority.leafrequests import SIGN_LIMIT
from ca_core.authority.settings import CASettings
from ca_core.config.rules import LOWEST_RATE
from ca_core.errors import RequestError
from ca_core.lifecycle.policy import RotationPolicy
from ca_core.lifecycle.rows import Kind, Wishes

START = datetime(2030, 1, 1, tzinfo=UTC)
"""When every simulated change begins."""

MOST_LEAVES = 1_000_000
"""Leaves of one simulation; more would only take longer to say the same."""

MOST_AT_ONCE = 10_000
"""Signatures of a provider at once."""

MOST_HANDSHAKES = 1e9
"""A second, in the whole mesh."""


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
        self._check_rates()
        self._check_spans()
        if not 0 <= sum(cohort.share for cohort in self.offline) <= 1:
            raise RequestError("shares add up to more than all agents", field="offline")
        if self.kind is Kind.SETTINGS:
            raise RequestError("changed settings re-issue nothing", field="kind")

    def _check_rates(self) -> None:
        if self.concurrency > MOST_AT_ONCE:
            raise RequestError(f"at most {MOST_AT_ONCE}", field="concurrency")
        if not 0 <= self.handshakes <= MOST_HANDSHAKES:
            raise RequestError(f"0 to {MOST_HANDSHAKES:.0f}", field="handshakes")
        rates = {"rate": self.settings.csr_max_per_second, "quota": self.quota}
        for name, rate in rates.items():
            if rate != 0 and not LOWEST_RATE <= rate < float("inf"):
                raise RequestError(f"0 for no limit, or at least {LOWEST_RATE}", field=name)

    def _check_spans(self) -> None:
        """Refuse what would never let a leaf be signed: it would be asked for without end."""
        if self.signing_time > SIGN_LIMIT:
            said = f"every signature is given up after {SIGN_LIMIT.total_seconds():.0f}s"
            raise RequestError(said, field="signing_time")
        if any(outage.end > self.longest for outage in self.outages):
            raise RequestError("an outage ends after the simulation", field="outage")

    @property
    def all_leaves(self) -> int:
        """Return how many leaves there are."""
        return self.agents * (self.leaves + self.own_leaves)
