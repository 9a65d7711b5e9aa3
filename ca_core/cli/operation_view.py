"""An operation as people read it: phases with their times, who is missing, leaves re-issued."""

from collections.abc import Iterator

from ca_core.cli.times import relative_text, span_text
from ca_core.errors import RequestError
from ca_core.wire.operations import Missing, OperationAnswer, Progress
from ca_core.wire.times import parse_wire_time

OPEN = frozenset({"planned", "prepared", "distributed"})
"""The phases of an operation that goes on."""

MISSING_SHOWN = 8

_MEANINGS = {
    "planned": "authority and signer are made and rehearsed",
    "prepared": "made; nobody trusts them yet",
    "distributed": "the new root is in the bundle",
    "active": "the new signer signs",
    "aborted": "everything is as it was",
    "failed": "everything is as it was",
    "rolled_back": "the old signer signs again",
}

_ENDED = frozenset({"aborted", "failed", "rolled_back"})


def is_open(row: OperationAnswer) -> bool:
    """Say whether an operation is on its way to become active."""
    return row.phase in OPEN


def title(row: OperationAnswer) -> str:
    """Return ``swap op-1: builtin → vault``."""
    if row.old_provider == row.new_provider:
        return f"{row.kind} {row.id}: {row.new_provider}"
    return f"{row.kind} {row.id}: {row.old_provider} \N{RIGHTWARDS ARROW} {row.new_provider}"


def operation_lines(row: OperationAnswer) -> Iterator[tuple[str, str]]:
    """Yield (style, line) of the whole view of one operation."""
    yield "bold", title(row)
    for number, step in enumerate(row.history):
        last = number + 1 == len(row.history)
        mark, style = _mark(step.phase, is_last=last)
        took = "" if last else _took(step.at, row.history[number + 1].at)
        meaning = _MEANINGS.get(step.phase, "")
        yield style, f"  {mark} {step.phase.ljust(12)}{meaning.ljust(46)}{took}".rstrip()
    yield from _waiting(row)
    yield from _leaves(row.progress)
    if row.reason:
        yield "red", f"  ended because {row.reason}"
    if row.left_behind:
        yield "yellow", f"  left behind: {', '.join(row.left_behind)}"


def _mark(phase: str, *, is_last: bool) -> tuple[str, str]:
    if phase in _ENDED:
        return "\N{MULTIPLICATION X}", "red"
    if is_last and phase in OPEN:
        return "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}", "cyan"
    return "\N{CHECK MARK}", "green"


def _took(begin: str, end: str) -> str:
    try:
        return span_text(parse_wire_time(end) - parse_wire_time(begin))
    except RequestError:
        return ""


def _waiting(row: OperationAnswer) -> Iterator[tuple[str, str]]:
    if not is_open(row):
        return
    if row.phase == "distributed":
        yield "", f"  acknowledged {acknowledged(row.progress)}"
        for one in row.progress.missing[:MISSING_SHOWN]:
            yield "yellow", f"    missing {missing_text(one)}"
        more = len(row.progress.missing) - MISSING_SHOWN
        if more > 0:
            yield "yellow", f"    and {more} more: ca-core ca operations {row.id} --output json"
    if row.waits_for:
        yield "yellow", f"  waits: {row.waits_for}"
    if row.deadline:
        yield "", f"  deadline {relative_text(row.deadline)}, then: {row.on_deadline}"


def acknowledged(progress: Progress) -> str:
    """Return ``3 of 5``."""
    return f"{progress.acknowledged} of {progress.counted}"


def missing_text(one: Missing) -> str:
    """Return a name and why it is missing, as far as anybody knows."""
    if one.reachable and one.readers_behind:
        return f"{one.node} (waits for {readers_text(one)})"
    if one.reachable:
        return f"{one.node} (calls, but has not taken the new root yet)"
    return f"{one.node} (does not call; counts until its last leaf ends {relative_text(one.until)})"


def readers_text(one: Missing) -> str:
    """Return which programs on its host an agent waits for, and until when at most."""
    named = [f"{reader.name}, at most until {_clock_text(reader.until)}" for reader in one.readers]
    more = one.readers_behind - len(named)
    others = [f"{more} more reader{'' if more == 1 else 's'}"] if more > 0 else []
    which = "its reader " if named else ""
    return which + "; ".join(named + others)


def _clock_text(moment: str) -> str:
    """Return a moment of today as a clock shows it; text that is none stays as it is."""
    try:
        return f"{parse_wire_time(moment):%H:%M:%S} UTC"
    except RequestError:
        return moment


def _leaves(progress: Progress) -> Iterator[tuple[str, str]]:
    if progress.leaves:
        yield "", f"  leaves re-issued {progress.reissued:,} of {progress.leaves:,}"


def change_line(row: OperationAnswer) -> str:
    """Return one line for an output that keeps its lines: phase, how far, what it waits for."""
    progress = row.progress
    parts = [row.phase]
    if row.phase == "distributed":
        parts.append(f"acknowledged {acknowledged(progress)}")
    if row.phase == "active" and progress.leaves:
        parts.append(f"leaves re-issued {progress.reissued:,} of {progress.leaves:,}")
    if row.waits_for and is_open(row):
        parts.append(f"waits: {row.waits_for}")
    held = [one for one in row.progress.missing if one.readers_behind and is_open(row)]
    parts += [f"{one.node} waits for {_names_text(one)}" for one in held[:MISSING_SHOWN]]
    return f"{row.kind} {row.id}: {', '.join(parts)}"


def _names_text(one: Missing) -> str:
    """Return which readers an agent waits for, without a time: that would be news each second."""
    names = [reader.name for reader in one.readers]
    return f"its reader {', '.join(names)}" if names else "its readers"


def short_row(row: OperationAnswer) -> tuple[str, ...]:
    """Return an operation as one row of a table; see ``COLUMNS``."""
    started = relative_text(row.history[0].at) if row.history else "-"
    state = row.waits_for if is_open(row) else row.reason
    return (row.id, row.kind, row.phase, started, row.actor, row.new_provider, state or "-")


COLUMNS = ("ID", "KIND", "PHASE", "STARTED", "BY", "PROVIDER", "WHY")
