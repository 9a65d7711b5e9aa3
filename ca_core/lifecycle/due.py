"""What is due without anybody asking: a new signer, or a new root; pure.

Two steps, each ahead of the end by a lead that scales with the life: the successor is prepared
early, so that a failure leaves time to try again, and signs late, so that what is there is used.

Source: SPIRE's CA manager (prepare half a life or 30 days ahead, activate a sixth or 7 days).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ca_core.durations import format_duration
from ca_core.lifecycle.policy import Leads, RotationPolicy
from ca_core.lifecycle.rows import Kind
from ca_core.wire.times import wire_time

_GRACE = 10
"""An activation that is late by a tenth of the time left until the end is told as overdue."""


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate is good, aware UTC, both inclusive."""

    not_before: datetime
    not_after: datetime

    @property
    def life(self) -> timedelta:
        """Return how long it is good altogether."""
        return max(self.not_after - self.not_before, timedelta())


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """What signs now, as far as its time counts.

    Attributes:
        root: the primary CA, with every certificate above it that ends earlier.
        signer: what signs leaves; the same as ``root`` where the primary CA does.
        leaf_ttl, intermediate_ttl: lives that the next ones are given.
        signer_is_primary: there is no signer to renew; the root is due instead.
        is_changing: an operation holds the change slot.
    """

    root: Validity
    signer: Validity
    leaf_ttl: timedelta
    intermediate_ttl: timedelta
    signer_is_primary: bool = False
    is_changing: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A change that is due.

    Attributes:
        kind: ``RENEW`` or ``ROTATE``.
        reason: in one sentence.
        not_before: its activation moment, aware UTC; it may have passed.
    """

    kind: Kind
    reason: str
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Moments:
    """When the successor of something is prepared and becomes active; in this order."""

    prepare: datetime
    activate: datetime


def due(roots: Roots, policy: RotationPolicy, now: datetime) -> Step | None:
    """Return what is to begin at ``now``, or None: nothing, or something is changing already.

    1. A root comes first: its rotation brings a new signer too, so it becomes active when the
    first of the two must. 2. A signer that its root bounds is not helped by another one under the
    same root: the root is due instead.
    """
    if roots.is_changing:
        return None
    root, signer = root_moments(roots, policy), signer_moments(roots, policy)
    if now >= root.prepare:  # (1)
        first = root.activate if roots.signer_is_primary else min(root.activate, signer.activate)
        return Step(Kind.ROTATE, _reason("the root", roots.root), first)
    if roots.signer_is_primary or now < signer.prepare:
        return None
    if roots.signer.not_after >= roots.root.not_after:  # (2)
        reason = f"{_reason('the signer', roots.signer)}, and its root with it"
        return Step(Kind.ROTATE, reason, signer.activate)
    return Step(Kind.RENEW, _reason("the signer", roots.signer), signer.activate)


def next_look(roots: Roots, policy: RotationPolicy) -> datetime:
    """Return when something is due for the first time if nothing changes, aware UTC."""
    root, signer = root_moments(roots, policy), signer_moments(roots, policy)
    return root.prepare if roots.signer_is_primary else min(root.prepare, signer.prepare)


def overdue(roots: Roots, policy: RotationPolicy, now: datetime) -> str:
    """Return in one sentence what should have been replaced by now; '' if nothing should.

    It counts also while something is changing. A change that becomes active at its moment is given
    a tenth of what is left of the life.
    """
    if _is_late(root_moments(roots, policy), roots.root, now):
        return _late("root", roots.root)
    if not roots.signer_is_primary and _is_late(signer_moments(roots, policy), roots.signer, now):
        return _late("signer", roots.signer)
    return ""


def _is_late(moments: Moments, validity: Validity, now: datetime) -> bool:
    return now >= moments.activate + (validity.not_after - moments.activate) / _GRACE


def signer_moments(roots: Roots, policy: RotationPolicy) -> Moments:
    """Return when the present signer's successor is prepared and becomes active."""
    return _before(roots.signer, policy.signer_leads(roots.signer.life, roots.leaf_ttl))


def root_moments(roots: Roots, policy: RotationPolicy) -> Moments:
    """Return when the present root's successor is prepared and becomes active."""
    leads = policy.root_leads(roots.root.life, roots.leaf_ttl, roots.intermediate_ttl)
    return _before(roots.root, leads)


def _before(validity: Validity, leads: Leads) -> Moments:
    return Moments(validity.not_after - leads.prepare, validity.not_after - leads.activate)


def _reason(what: str, validity: Validity) -> str:
    return (
        f"{what} ends at {wire_time(validity.not_after)}, "
        f"after a life of {format_duration(_whole(validity.life))}"
    )


def _late(what: str, validity: Validity) -> str:
    return f"the {what} ends at {wire_time(validity.not_after)}, and no other signs in its place"


def _whole(span: timedelta) -> timedelta:
    """Return the span without the parts of a second."""
    return timedelta(seconds=int(span.total_seconds()))
