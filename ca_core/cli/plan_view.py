"""A plan as people read it: what would happen, what bites, what stands against it."""

from datetime import timedelta

from ca_core.cli.output import print_facts, print_lines
from ca_core.cli.times import span_text
from ca_core.wire.operations import PlanAnswer

NAMES_SHOWN = 8

_TITLES = {
    "swap": "Another provider signs",
    "rotate": "Another root signs, by the same provider",
    "renew": "Another signer signs, under the same root",
    "settings": "Other settings; root and signer stay",
    "taint": "Another root signs; the present one is compromised",
}


COPIES = "programs with a copy of the bundle refuse new leaves until they read it again"


def show_plan(plan: PlanAnswer, *, is_forced: bool) -> None:
    """Print a plan: facts, then what bites (by force: breaks), then what stands against it."""
    if plan.kind == "none":
        print_lines("Nothing would change: this is the configuration that stands.")
        return
    print_facts(plan_facts(plan), title=f"{_TITLES.get(plan.kind, plan.kind)}: {plan.kind}")
    if is_forced and plan.new_root:
        show_broken((*_minded(plan), COPIES))
    else:
        _show_list("Mind:", _minded(plan), mark="!", style="yellow")
    _show_list("Stands against it:", plan.blockers, mark="\N{MULTIPLICATION X}", style="red")


def show_broken(sentences: tuple[str, ...]) -> None:
    """Print the honest list of what breaks by force."""
    _show_list("With --force this breaks:", sentences, mark="\N{MULTIPLICATION X}", style="red")


def plan_facts(plan: PlanAnswer) -> list[tuple[str, str]]:
    """Return what would happen, a fact a line."""
    return [
        ("changes", "\n".join(plan.changes) or "none of the settings"),
        ("root", f"{'a new one' if plan.new_root else 'stays'}: {plan.why}"),
        *_root_facts(plan),
        ("phases", " \N{RIGHTWARDS ARROW} ".join(plan.phases)),
        ("leaves", _leaves(plan)),
        *([("lives", "\n".join(plan.ttl_rules))] if plan.ttl_rules else []),
    ]


def _root_facts(plan: PlanAnswer) -> list[tuple[str, str]]:
    if not plan.new_root:
        return []
    crossed = (
        "yes: who knows only the old root can verify the new leaves"
        if plan.cross_signed
        else "no: who knows only the old root cannot verify the new leaves"
    )
    settle = span_text(timedelta(seconds=plan.settle_seconds))
    return [
        ("cross-signed", crossed),
        ("settle", f"the new root is known for {settle} at least before it signs"),
        ("must know it", _acknowledging(plan)),
    ]


def _acknowledging(plan: PlanAnswer) -> str:
    if not plan.counted:
        return "no agent has joined"
    agents = f"{plan.counted} agent{'' if plan.counted == 1 else 's'}"
    text = f"{agents}: {names_text(plan.acknowledge, plan.counted)}"
    if not plan.unreachable:
        return text
    return f"{text}\nnot calling now: {names_text(plan.unreachable, len(plan.unreachable))}"


def names_text(names: tuple[str, ...], count: int) -> str:
    """Return some names, and how many there are besides."""
    shown = ", ".join(names[:NAMES_SHOWN])
    more = count - min(len(names), NAMES_SHOWN)
    return f"{shown} and {more} more" if more > 0 else shown


def _leaves(plan: PlanAnswer) -> str:
    if not plan.leaves:
        return "none is alive"
    if not plan.reissue_seconds:
        return f"{plan.leaves:,} alive; none has to be re-issued before its time"
    span = span_text(timedelta(seconds=plan.reissue_seconds))
    rate = f" at {plan.signing_rate:g} a second" if plan.signing_rate else ""
    return f"{plan.leaves:,} to re-issue{rate}: about {span}"


def _minded(plan: PlanAnswer) -> tuple[str, ...]:
    lost = (
        f"{name}: the present provider can, the new one cannot"
        for name in plan.missing_capabilities
    )
    return (*plan.warnings, *lost)


def _show_list(title: str, lines: tuple[str, ...], *, mark: str, style: str) -> None:
    if lines:
        print_lines(f"\n{title}", style="bold")
        for line in lines:
            print_lines(f"  {mark} {line}", style=style)
