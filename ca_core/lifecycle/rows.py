"""What the lifecycle keeps in the store: operations, the one change slot, acknowledgements.

Times are RFC 3339 with fractions, UTC; spans are ISO 8601. No secret is in any of them.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from ca_core.authority.rows import decoded, read
from ca_core.state.view import View

OPERATIONS = "operations"
CHANGE = "change"
"""Table: one row ``slot``, naming the operation that may change who signs."""
AGENTS = "agents"
ACKNOWLEDGEMENTS = "acknowledgements"
"""Table: the bundle that each agent says it uses, by node name."""
LEFTOVERS = "leftovers"
"""Table: what a backend still holds of authorities and signers that are gone."""

TAINTED_LEAVES = timedelta(minutes=5)
"""A compromised authority leaves the bundle this long after another one signs, at the latest."""

POLICY = "policy"
"""The actor of an operation that began because it was due."""
OPERATIONS_TOPIC = "operations"
AGENTS_TOPIC = "agents"
ACKNOWLEDGEMENTS_TOPIC = "acknowledgements"


class Kind(StrEnum):
    """What an operation changes."""

    SWAP = "swap"
    """Another provider, or the same one with another root."""
    ROTATE = "rotate"
    """A new root of the same provider under the same configuration."""
    RENEW = "renew"
    """A new signer under the same root."""
    SETTINGS = "settings"
    """Another configuration of the same root and signer."""
    TAINT = "taint"
    """A new root because the present one is compromised; that one leaves the bundle at once."""


class OperationPhase(StrEnum):
    """How far an operation has come; each step from one to the next is one commit."""

    PLANNED = "planned"
    """Its ids are drawn; new authority and signer are being made and rehearsed."""
    PREPARED = "prepared"
    """Authority and signer are made, cross-signed if possible, rehearsed; nobody trusts them."""
    DISTRIBUTED = "distributed"
    """The new anchor is in the bundle; every counted agent is to acknowledge it."""
    ACTIVE = "active"
    """The new signer signs. The operation is over; the old authority drains by itself."""
    ABORTED = "aborted"
    """Ended before it was active, by an operator, a taint, or its deadline."""
    FAILED = "failed"
    """Ended before it was active by an error that trying again does not mend."""
    ROLLED_BACK = "rolled_back"
    """The old signer signs again."""


OPEN = frozenset({OperationPhase.PLANNED, OperationPhase.PREPARED, OperationPhase.DISTRIBUTED})
"""The phases in which an operation holds the change slot."""

_TO_ACTIVE = (
    OperationPhase.PLANNED,
    OperationPhase.PREPARED,
    OperationPhase.DISTRIBUTED,
    OperationPhase.ACTIVE,
)
_KNOWN_ANCHOR = (OperationPhase.PLANNED, OperationPhase.PREPARED, OperationPhase.ACTIVE)

PASSES = {
    Kind.SWAP: _TO_ACTIVE,
    Kind.ROTATE: _TO_ACTIVE,
    Kind.TAINT: _TO_ACTIVE,
    Kind.RENEW: _KNOWN_ANCHOR,
    Kind.SETTINGS: _KNOWN_ANCHOR,
}
"""Which phases each kind passes: where the anchor is known already, nothing is distributed."""


class OnDeadline(StrEnum):
    """What happens when not every counted agent has acknowledged at the deadline."""

    WAIT = "wait"
    """Go on waiting; the operation names who is missing."""
    ABORT = "abort"
    """End it; everything stays as it was."""
    PROCEED = "proceed"
    """Go on if the new authority is cross-signed, or force was asked for."""


class PhaseChange(msgspec.Struct, frozen=True, kw_only=True):
    """When an operation came into a phase."""

    phase: OperationPhase
    at: datetime


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """How an operator, or the policy, wants a change to go.

    Attributes:
        settle: how long the new bundle is out at least, for readers that cannot acknowledge.
        patience: how long acknowledgements are waited for before ``on_deadline`` counts.
        on_deadline: what then.
        force: go on without acknowledgements and without a cross-certificate.
        not_before: it becomes active then at the earliest; None: as soon as it may.
    """

    settle: timedelta = timedelta(minutes=10)
    patience: timedelta = timedelta(hours=1)
    on_deadline: OnDeadline = OnDeadline.WAIT
    force: bool = False
    not_before: datetime | None = None


class Ends(msgspec.Struct, frozen=True, kw_only=True):
    """Where a change begins or leads: authority, signer, configuration, by id."""

    authority: str
    signer: str
    configuration: str


class OperationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One change of who signs.

    Attributes:
        actor: who asked: a principal, or ``policy`` for what was due.
        old, new: where it begins and leads.
        history: every phase it came into, oldest first.
        crossed: whether the old authority has cross-signed the new one.
        error: why the last attempt at the present step failed; '' once it went on.
        blames: whether ``error`` says what the evidence lacked, so that the evidence answers it.
        reason: why it ended before it was active.
        left_behind: SPIFFE IDs of counted agents that had not acknowledged when it became active.
        touched: whether its backend may hold something that was made for it.
        reissue: leaves that were alive under the old signer when it became active.
    """

    id: str
    kind: Kind
    phase: OperationPhase
    actor: str
    old: Ends
    new: Ends
    wishes: Wishes
    history: tuple[PhaseChange, ...]
    crossed: bool = False
    error: str = ""
    blames: bool = False
    reason: str = ""
    left_behind: tuple[str, ...] = ()
    reissue: int = 0
    touched: bool = False

    @property
    def started(self) -> datetime:
        """Return when it began."""
        return self.history[0].at

    @property
    def phase_since(self) -> datetime:
        """Return when it came into its phase."""
        return self.history[-1].at

    @property
    def is_open(self) -> bool:
        """Say whether it holds the change slot."""
        return self.phase in OPEN

    @property
    def makes_authority(self) -> bool:
        """Say whether it leads to another authority."""
        return self.new.authority != self.old.authority

    @property
    def makes_signer(self) -> bool:
        """Say whether it leads to another signer."""
        return self.new.signer != self.old.signer

    @property
    def makes_configuration(self) -> bool:
        """Say whether it leads to another configuration."""
        return self.new.configuration != self.old.configuration

    def waits_for_its_moment(self, now: datetime) -> bool:
        """Say whether it is open and must not become active yet, whatever is ready."""
        moment = self.wishes.not_before
        return self.is_open and moment is not None and now < moment

    def gives_way_to(self, actor: str, now: datetime) -> bool:
        """Say whether it is automatic, and waits or cannot begin, while somebody asks for more."""
        is_stuck = self.phase is OperationPhase.PLANNED and self.error != ""
        is_automatic = self.actor == POLICY != actor
        return is_automatic and (is_stuck or self.waits_for_its_moment(now))

    def deadline(self) -> datetime | None:
        """Return when ``on_deadline`` counts; None while nothing is distributed."""
        is_distributed = self.phase is OperationPhase.DISTRIBUTED
        return self.phase_since + self.wishes.patience if is_distributed else None


class SlotRow(msgspec.Struct, frozen=True, kw_only=True):
    """Which operation holds the change slot."""

    operation: str


class LeftoverRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a backend may still hold, and is to remove.

    Attributes:
        authority: whose it is.
        configuration: by which its backend is reached.
        signer: one signer of it; '' is the whole authority.
        since: when it was left.
        error: why it could not be removed last time.
    """

    authority: str
    configuration: str
    since: datetime
    signer: str = ""
    error: str = ""

    @property
    def key(self) -> str:
        """Return its key in ``LEFTOVERS``."""
        return f"{self.authority}/{self.signer}" if self.signer else self.authority


class AgentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A joined agent.

    Attributes:
        keys: SHA-256 of the public keys it may prove itself by: the one in use, then, during a
            renewal, the next one.
        leaf_not_after: end of the newest leaf it was given for itself.
        leaves_until: no leaf that it fetched for a service lives longer; in steps of an hour.
    """

    node: str
    spiffe_id: str
    keys: tuple[str, ...]
    joined: datetime
    leaf_not_after: datetime
    leaves_until: datetime | None = None

    @property
    def counts_until(self) -> datetime:
        """Return when the last leaf that it holds has ended."""
        return max(self.leaf_not_after, self.leaves_until or self.leaf_not_after)


class AcknowledgementRow(msgspec.Struct, frozen=True, kw_only=True):
    """The bundle that an agent says it uses, itself and everybody it feeds.

    Attributes:
        digest: SHA-256 over the sorted fingerprints, hex.
        anchors: the fingerprints, sorted.
        epoch: of the store in which it was said; in another one it counts for nothing.
        at: when it was said first.
    """

    digest: str
    anchors: tuple[str, ...]
    epoch: str
    at: datetime


def operation(view: View, name: str) -> OperationRow | None:
    """Return an operation, or None."""
    return read(view, OperationRow, OPERATIONS, name)


def operations(view: View) -> tuple[OperationRow, ...]:
    """Return every operation on record, oldest first."""
    rows = (decoded(OperationRow, row.value) for row in view.table(OPERATIONS).values())
    return tuple(sorted(rows, key=lambda row: (row.started, row.id)))


def leftovers(view: View) -> tuple[LeftoverRow, ...]:
    """Return what backends still hold, signers before the authorities that they belong to."""
    rows = (decoded(LeftoverRow, row.value) for row in view.table(LEFTOVERS).values())
    return tuple(sorted(rows, key=lambda row: (not row.signer, row.since, row.key)))


def open_operation(view: View) -> OperationRow | None:
    """Return the operation that holds the change slot, or None."""
    slot = read(view, SlotRow, CHANGE, "slot")
    return None if slot is None else operation(view, slot.operation)
