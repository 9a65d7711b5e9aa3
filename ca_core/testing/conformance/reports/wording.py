"""The words that every report has in common, made of text that is safe to print."""

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ca_core.testing.conformance.references import readable
from ca_core.testing.conformance.results import Report, Result
from ca_core.testing.conformance.words import LEVEL_MEANINGS, Level, Outcome

MAX_DETAIL = 1_000
"""Characters of what a provider said; the rest says nothing more."""

_SHORTEST_PATH = 4  # "/" and "/a" stand for too much


def safe(text: str) -> str:
    """Return text of one line: printable, without paths of this machine, cut to a length."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return _without_paths(shown[:MAX_DETAIL])


def _without_paths(text: str) -> str:
    for folder, name in _folders():
        if len(folder) >= _SHORTEST_PATH:
            text = re.sub(rf"(?<![\w/.-]){re.escape(folder)}(?=[/\s\"':,;)]|$)", name, text)
    return text


def _folders() -> tuple[tuple[str, str], ...]:
    named = (
        (sys.prefix, "<python>"),
        (sys.base_prefix, "<python>"),
        (_working_folder(), "."),
        (tempfile.gettempdir(), "<tmp>"),
        (str(Path("~").expanduser()), "~"),
    )
    return tuple(sorted(named, key=lambda pair: -len(pair[0])))


def _working_folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was removed
        return ""


def explanation(result: Result) -> tuple[tuple[str, str], ...]:
    """Return what somebody who mends a failure must know, as (label, text): safe, not escaped."""
    check = result.check
    return (
        ("rule", check.rule),
        ("seen", safe(result.detail)),
        ("why", check.why),
        ("sources", ", ".join(readable(check.sources))),
        ("fix", check.fix),
    )


def by_level(report: Report) -> Iterator[tuple[Level, tuple[Result, ...]]]:
    """Yield the levels that were asked for, each with its results in the order of the run."""
    for level in Level:
        here = tuple(result for result in report.results if result.check.level is level)
        if here:
            yield level, here


def to_mend(report: Report) -> tuple[Result, ...]:
    """Return the results that are explained: failures, then deviations that are admitted."""
    return (*report.of(Outcome.FAILED), *report.of(Outcome.KNOWN_DEVIATION))


def heading(level: Level) -> str:
    """Return a level with its meaning."""
    return f"{level.name}: {LEVEL_MEANINGS[level]}"


def counted(report: Report) -> str:
    """Return the five counts in one line; there is no score."""
    return ", ".join(f"{count} {outcome}" for outcome, count in report.counts().items())


def verdict(report: Report) -> str:
    """Return one sentence: what was reached, of what was asked."""
    name, asked = safe(report.provider), report.level.name
    if report.left_out:
        return partial(report)
    if report.conforms:
        return f"{name} conforms to {asked}."
    reached = f"it reaches {report.reached.name}" if report.reached is not None else "no level"
    return f"{name} does not conform to {asked}; {reached}."


def partial(report: Report) -> str:
    """Return the verdict on a run that left checks out: what failed, and no level."""
    failed = len(report.of(Outcome.FAILED))
    seen = f"{failed} of the checks that ran failed" if failed else "no check that ran failed"
    left = f"{report.left_out} checks of {report.level.name} were left out"
    return f"{safe(report.provider)}: {seen}; {left}, so this says nothing of a level."


def level_reached(report: Report) -> str:
    """Return the level that a whole run reached, else ``none``."""
    found = None if report.left_out else report.reached
    return "none" if found is None else found.name


def about(report: Report) -> tuple[tuple[str, str], ...]:
    """Return what was tried, as (label, text): safe, not escaped, without times."""
    package = f"{report.distribution} {report.version}" if report.distribution else "not installed"
    return (
        ("provider", safe(report.provider)),
        ("package", safe(package)),
        ("entry point", safe(report.entry_point) or "none"),
        ("contract version", str(report.contract)),
        ("checks of", f"ca-core {report.core}"),
        ("declares", safe(", ".join(report.declared)) or "nothing beyond signing leaves"),
        ("level asked", report.level.name),
        ("level reached", level_reached(report)),
        ("outcomes", counted(report)),
    )
