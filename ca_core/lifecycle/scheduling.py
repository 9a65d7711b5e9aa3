"""The one who begins what is due: on the server that holds the lease, for ever, never silently."""

import logging
from datetime import datetime, timedelta

import msgspec

from ca_core.authority.bringup import Leadership
from ca_core.authority.configuration import settings_of
from ca_core.authority.rows import (
    CONFIGURATION_TOPIC,
    SIGNERS_TOPIC,
    AuthorityRow,
    SignerRow,
    current_signer,
)
from ca_core.authority.slot import retry_pause
from ca_core.errors import ConflictError, Error
from ca_core.lifecycle.changes import Changes
from ca_core.lifecycle.complaints import Complaints
from ca_core.lifecycle.due import Roots, Step, Validity, due, next_look, overdue
from ca_core.lifecycle.history import is_vain
from ca_core.lifecycle.policy import RotationPolicy
from ca_core.lifecycle.rows import (
    OPERATIONS_TOPIC,
    POLICY,
    Kind,
    OperationPhase,
    OperationRow,
    open_operation,
    operations,
)
from ca_core.lifecycle.tools import Tools
from ca_core.state.view import View

LOOK_EVERY = timedelta(hours=1)
"""The wall clock may be set while we sleep; what is due is looked at again at least this often."""

FIRST_TRY_AGAIN = timedelta(minutes=1)
LAST_TRY_AGAIN = timedelta(days=1)
"""Pauses after automatic operations that failed: 1, 2, 4 … minutes, a day at last.

A root that nobody here can replace would otherwise be tried every hour of its last year.
"""

_TRIES_LEFT = 20
"""However short the time that is left, there are at least this many tries in it."""
_SHORTEST = timedelta(seconds=1)
_RACE = timedelta(seconds=1)

_TOPICS = (OPERATIONS_TOPIC, SIGNERS_TOPIC, CONFIGURATION_TOPIC)

_log = logging.getLogger("ca_core.lifecycle")


def roots_of(tools: Tools) -> Roots | None:
    """Return what signs now, as far as its time counts; None before the first authority."""
    current = current_signer(tools.view)
    if current is None:
        return None
    authority, signer = current
    settings = settings_of(tools.opener.configuration())
    return Roots(
        root=_root_validity(authority),
        signer=_validity(signer),
        leaf_ttl=settings.leaf_ttl,
        intermediate_ttl=settings.intermediate_ttl,
        signer_is_primary=signer.certificates[0] == authority.certificates[0],
        is_changing=open_operation(tools.view) is not None,
    )


def _root_validity(authority: AuthorityRow) -> Validity:
    """Return the validity of the primary CA, bounded by what issued it."""
    chain = authority.certificates
    ends = min(certificate.not_valid_after_utc for certificate in chain)
    return Validity(chain[0].not_valid_before_utc, ends)


def _validity(signer: SignerRow) -> Validity:
    certificate = signer.certificates[0]
    return Validity(certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def vain_tries(view: View, signer: str) -> tuple[OperationRow, ...]:
    """Return the automatic operations that were to replace a signer and did not, oldest first."""
    return tuple(row for row in operations(view) if row.old.signer == signer and is_vain(row))


def next_try(tries: tuple[OperationRow, ...], roots: Roots) -> datetime | None:
    """Return when to try again after automatic operations that came to nothing; None: now.

    One that an operator ended gets the longest pause at once. No pause is longer than a share of
    the time that was left.
    """
    if not tries:
        return None
    last = tries[-1]
    doubled = FIRST_TRY_AGAIN * (1 << min(len(tries) - 1, 16))
    pause = min(doubled, LAST_TRY_AGAIN)
    if last.phase is not OperationPhase.FAILED:
        pause = LAST_TRY_AGAIN
    left = min(roots.root.not_after, roots.signer.not_after) - last.phase_since
    return last.phase_since + min(pause, max(left / _TRIES_LEFT, _SHORTEST))


class Schedule:
    """Begins what is due. Lives on one event loop."""

    def __init__(self, tools: Tools, changes: Changes, policy: RotationPolicy) -> None:
        self._tools = tools
        self._changes = changes
        self._policy = policy
        self._failures = 0
        self._error = ""
        self._told = ""
        self._complaints = Complaints(_log, tools.clock)

    @property
    def overdue(self) -> str:
        """Return what should have been replaced by now and why it was not; '' if all is well."""
        roots = roots_of(self._tools)
        late = "" if roots is None else overdue(roots, self._policy, self._tools.clock.now())
        return f"{late}: {self._obstacle()}" if late else ""

    async def run(self, leadership: Leadership) -> None:
        """Begin what is due, for ever; cancel to end."""
        while True:
            await leadership.held()
            seen = self._tools.view.topic_index(*_TOPICS)
            pause = await self.look()
            await self._tools.rest(_TOPICS, seen, min(pause, LOOK_EVERY))

    async def look(self) -> timedelta:
        """Begin what is due now; return how long to wait before the next look."""
        self._tell()
        roots, now = roots_of(self._tools), self._tools.clock.now()
        if roots is None or roots.is_changing or not self._policy.automatic:
            return LOOK_EVERY
        step = due(roots, self._policy, now)
        if step is None:
            return max(next_look(roots, self._policy) - now, _SHORTEST)
        again = next_try(self._vain_tries(), roots)
        if again is not None and now < again:
            return again - now
        return await self._begun(step)

    async def _begun(self, step: Step) -> timedelta:
        """Begin a step; return how long to wait before the next look."""
        try:
            row = await self._begin(step)
        except ConflictError:
            return _RACE  # somebody else was faster
        except Error as error:
            self._failures += 1
            self._error = str(error)
            said = f"what is due cannot begin: {step.reason}: {error}"
            self._complaints.about("begin", said)
            return retry_pause(self._failures, error)
        self._failures, self._error = 0, ""
        self._complaints.over("begin", "what is due begins after all")
        _log.info("operation %s (%s): began because %s", row.id, row.kind, step.reason)
        return LOOK_EVERY

    async def _begin(self, step: Step) -> OperationRow:
        wishes = msgspec.structs.replace(self._policy.wishes, not_before=step.not_before)
        if step.kind is Kind.RENEW:
            return await self._changes.renew(actor=POLICY, wishes=wishes)
        return await self._changes.rotate(actor=POLICY, wishes=wishes)

    def _vain_tries(self) -> tuple[OperationRow, ...]:
        current = current_signer(self._tools.view)
        return () if current is None else vain_tries(self._tools.view, current[1].id)

    def _tell(self) -> None:
        """Log once what is overdue, and once more whenever its reason changes."""
        said = self.overdue
        if said != self._told:
            self._told = said
            if said:
                _log.error("%s", said)
            else:
                _log.info("what was overdue has been done")

    def _obstacle(self) -> str:
        """Return in a few words what keeps the step from being done."""
        row = open_operation(self._tools.view)
        if row is not None:
            return f"operation {row.id} ({row.kind}) is {row.phase}; {row.error or 'it goes on'}"
        if not self._policy.automatic:
            return "automatic rotation is switched off"
        if self._error:
            return self._error
        tries = self._vain_tries()
        if tries:
            return f"operation {tries[-1].id} {tries[-1].phase}: {tries[-1].reason}"
        return "it begins now"
