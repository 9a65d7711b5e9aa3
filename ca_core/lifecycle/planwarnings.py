"""What stands in the way of a change, and what an operator should know before asking for it."""

from dataclasses import dataclass

from ca_core.authority.secretfiles import open_files
from ca_core.authority.settings import CASettings
from ca_core.contract.capabilities import Capability
from ca_core.durations import format_duration
from ca_core.lifecycle.evidence import Counted
from ca_core.lifecycle.probing import Candidate
from ca_core.lifecycle.rows import Wishes, open_operation
from ca_core.lifecycle.tools import Tools

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known of a change in advance.

    Attributes:
        wanted: the new configuration.
        wishes: how it is to go.
        everybody: who must acknowledge the new root; empty if there is none.
        distributes: whether there is a new root.
        uncrossed: why it cannot be cross-signed; '' if it can.
        candidate: the new provider, if it could be asked.
        refused: why it could not be.
    """

    wanted: CASettings
    wishes: Wishes
    everybody: tuple[Counted, ...]
    distributes: bool
    uncrossed: str
    candidate: Candidate | None
    refused: str


def blockers_of(tools: Tools, outlook: Outlook, actor: str) -> tuple[str, ...]:
    """Return why the change would be refused, or would fail; empty if it would go."""
    found = [_slot_taken(tools, actor), outlook.refused, _lacking(outlook.candidate)]
    return tuple(text for text in found if text)


def _slot_taken(tools: Tools, actor: str) -> str:
    """Return which operation is open and does not give way."""
    row = open_operation(tools.view)
    if row is None or row.gives_way_to(actor, tools.clock.now()):
        return ""
    return f"operation {row.id} ({row.kind}) is {row.phase}: wait for it, or abort it"


def _lacking(candidate: Candidate | None) -> str:
    missing = candidate.findings.missing_permissions if candidate else ()
    return f"the backend refuses what is needed: {_listed(missing)}" if missing else ""


def warnings_of(outlook: Outlook) -> tuple[str, ...]:
    """Return sentences for the operator, the most dangerous first."""
    found = [
        _corporate(outlook.wanted),
        _forced(outlook),
        _uncrossed(outlook),
        _unreachable(outlook.everybody),
        _outside(outlook),
    ]
    notes = outlook.candidate.findings.notes if outlook.candidate else ()
    opened = (f"{one}: {one.remedy}" for one in open_files(outlook.wanted.config))
    return (*(text for text in found if text), *opened, *notes)


def _corporate(wanted: CASettings) -> str:
    if not wanted.trust_corporate_root:
        return ""
    return "the corporate root is published: every CA below it can mint this cluster's identities"


def _forced(outlook: Outlook) -> str:
    if not outlook.wishes.force or not outlook.distributes:
        return ""
    names = _listed(tuple(one.node for one in outlook.everybody))
    left = f"; {len(outlook.everybody)} would be left behind: {names}" if names else ""
    return f"force waits for nobody: who does not know the new root yet refuses its leaves{left}"


def _uncrossed(outlook: Outlook) -> str:
    if not outlook.uncrossed or not outlook.distributes:
        return ""
    settle = format_duration(outlook.wishes.settle)
    return (
        f"no cross-signature: {outlook.uncrossed}; the new root signs only once everybody who "
        f"counts has acknowledged it, and after {settle} for readers that cannot"
    )


def _unreachable(everybody: tuple[Counted, ...]) -> str:
    names = tuple(one.node for one in everybody if not one.is_reachable)
    if not names:
        return ""
    return f"{len(names)} that must acknowledge cannot be reached now: {_listed(names)}"


def _outside(outlook: Outlook) -> str:
    can = outlook.candidate.capabilities if outlook.candidate else ()
    if not outlook.distributes or Capability.EXTERNAL_ISSUER not in can:
        return ""
    return "the new root waits until a CA outside has signed it: `ca-core ca csr` shows its request"


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
