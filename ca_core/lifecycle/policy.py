"""How early signers and roots are replaced: thresholds that scale with their lives; pure."""

from dataclasses import dataclass, field
from datetime import timedelta

from ca_core.lifecycle.rows import Wishes

_ORDERED = "a lead is a share of a life above 0 and below 1"


@dataclass(frozen=True, slots=True)
class Lead:
    """A span before an end: a share of the whole life, and no longer than ``longest``.

    Raises:
        ValueError: the share is not between 0 and 1, or the span is not positive.
    """

    share: float
    longest: timedelta

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or self.longest <= timedelta():
            raise ValueError(_ORDERED)

    def of(self, life: timedelta) -> timedelta:
        """Return the lead for a life of this length."""
        return min(self.share * life, self.longest)


@dataclass(frozen=True, slots=True)
class Leads:
    """How long before an end its successor is prepared, and, later, becomes active."""

    prepare: timedelta
    activate: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationPolicy:
    """When what signs is replaced without anybody asking.

    Attributes:
        signer_prepare, signer_activate: for a signer.
        root_prepare: share of a root's life; its rotation never begins further ahead of its end.
        root_margin: a rotation begins this long before a new signer would be clamped by the root.
        root_activate: the same for the moment at which its successor signs.
        leaf_lives: leaf lives between an activation and the end of what is replaced, so that no
            leaf is clamped short.
        latest_share: no activation leads by more than this share of a life, whatever the leaves
            ask: what was made just now is not replaced at once.
        wishes: how an automatic change goes; its moment is put into them.
        step: what lies at least between preparing and activating.
        automatic: whether what is due is begun at all; what is overdue is told all the same.
    """

    signer_prepare: Lead = field(default_factory=lambda: Lead(1 / 2, timedelta(days=30)))
    signer_activate: Lead = field(default_factory=lambda: Lead(1 / 6, timedelta(days=7)))
    root_prepare: float = 1 / 2
    root_margin: timedelta = timedelta(days=30)
    root_activate: float = 1 / 3
    leaf_lives: int = 2
    latest_share: float = 3 / 4
    wishes: Wishes = field(default_factory=Wishes)
    step: Lead = field(default_factory=lambda: Lead(1 / 24, timedelta(days=7)))
    automatic: bool = True

    def signer_leads(self, life: timedelta, leaf_ttl: timedelta) -> Leads:
        """Return the leads for a signer of this life."""
        prepare, activate = self.signer_prepare.of(life), self.signer_activate.of(life)
        return self._apart(life, leaf_ttl, prepare, activate)

    def root_leads(
        self, life: timedelta, leaf_ttl: timedelta, intermediate_ttl: timedelta
    ) -> Leads:
        """Return the leads for a root of this life.

        While the root signs, a signer made under it lives as long as it was asked to, as far as
        half the root's life allows.
        """
        prepare = Lead(self.root_prepare, intermediate_ttl + self.root_margin).of(life)
        activate = Lead(self.root_activate, intermediate_ttl).of(life)
        return self._apart(life, leaf_ttl, prepare, activate)

    def _apart(
        self, life: timedelta, leaf_ttl: timedelta, prepare: timedelta, activate: timedelta
    ) -> Leads:
        """Return leads in their order: time for the leaves, and time between the two steps."""
        needed = max(activate, self.leaf_lives * leaf_ttl)
        late = min(needed, self.latest_share * life)
        return Leads(max(prepare, late + self.step.of(life)), late)
