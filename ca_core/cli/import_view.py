"""What an import did or would do, for people and for programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from ca_core.cli.import_comparing import Step, Wanted, in_its_place
from ca_core.cli.import_configuration import Planned
from ca_core.cli.output import print_lines, print_table
from ca_core.cli.plan_view import show_plan
from ca_core.intentions.index import Index
from ca_core.intentions.model import Intention

_COLUMNS = ("STEP", "SOURCE", "DESTINATION", "SAYS", "WHY")

_DONE = {Step.CREATE: "created", Step.REPLACE: "replaced"}
"""What a step is called once it is done."""

_NEXT_OF_PLAN = (
    "\nNothing was changed. Next: `ca-core ca set-config FILE` begins it and waits; secrets that"
    " the plan needs must be in FILE."
)


def show(
    wanted: Sequence[Wanted], after: Index, plans: Sequence[Planned], *, applied: bool
) -> None:
    """Print a table of rows, what the lost ones mean, then a plan for each configuration."""
    if wanted or not plans:
        print_table(
            _COLUMNS,
            [_cells(one, applied=applied) for one in wanted],
            empty="The files hold no intentions.",
        )
        _show_lost(wanted, after)
        print_lines(f"\n{_summary(wanted, applied=applied)}")
    for plan in plans:
        _show_planned(plan)


def as_json(
    wanted: Sequence[Wanted], after: Index, plans: Sequence[Planned], *, applied: bool
) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "Applied": applied,
        "Intentions": [_row_json(one, after, applied=applied) for one in wanted],
        "Configurations": [
            {"Provider": plan.provider, "Plan": plan.document, "Why": plan.refusal}
            for plan in plans
        ],
    }


def _row_json(one: Wanted, after: Index, *, applied: bool) -> dict[str, Any]:
    instead = in_its_place(one.row, after) if one.is_lost else None
    return {
        "Step": _called(one, applied=applied),
        "Source": one.row.source,
        "Destination": one.row.destination,
        "Says": _says(one.row.intention),
        "Why": one.why,
        "DecidesInstead": "" if instead is None else f"{_sides(instead)} ({_says(instead)})",
    }


def _cells(one: Wanted, *, applied: bool) -> tuple[str, ...]:
    row = one.row
    step = _called(one, applied=applied)
    return (step, row.source, row.destination, _says(row.intention), one.why)


def _called(one: Wanted, *, applied: bool) -> str:
    return _DONE.get(one.step, one.step.value) if applied else one.step.value


def _says(intention: Intention | None) -> str:
    if intention is None:
        return ""
    count = len(intention.permissions)
    return intention.action or f"{count} permission{'' if count == 1 else 's'}"


def _sides(intention: Intention) -> str:
    return f"{intention.source} => {intention.destination}"


def _show_lost(wanted: Sequence[Wanted], after: Index) -> None:
    lines = tuple(_lost_lines(wanted, after))
    if lines:
        print_lines("\nIn the place of what is refused decides:", style="bold")
    for line in lines:
        print_lines(f"  {line}")


def _lost_lines(wanted: Sequence[Wanted], after: Index) -> Iterator[str]:
    """Yield what decides where a row is lost whose names there can be."""
    for one in wanted:
        if one.is_lost and one.row.pair is not None:
            instead = in_its_place(one.row, after)
            told = f"{_sides(instead)} ({_says(instead)})" if instead else "the default"
            yield f"{one.row.source} => {one.row.destination}: {told}"


def _summary(wanted: Sequence[Wanted], *, applied: bool) -> str:
    """Return how many rows there are of each step, and what to do next."""
    steps = [_called(one, applied=applied) for one in wanted]
    counts = ", ".join(f"{steps.count(step)} {step}" for step in dict.fromkeys(steps))
    if applied:
        return counts
    if any(one.is_written for one in wanted):
        return f"{counts}. Nothing was written. Next: the same with --apply."
    return f"{counts}. Nothing to write." if counts else "Nothing to write."


def _show_planned(planned: Planned) -> None:
    print_lines(f"\nCA configuration (provider {planned.provider})", style="bold")
    if planned.plan is None:
        print_lines(f"refused: {planned.refusal}")
        return
    show_plan(planned.plan, is_forced=False)
    if planned.plan.kind != "none" and not planned.plan.blockers:
        print_lines(_NEXT_OF_PLAN)
