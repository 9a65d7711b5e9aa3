"""The report as Markdown: what was reached, what to mend, and every check by level."""

import re
from collections.abc import Iterator

from ca_core.testing.conformance.reports.wording import (
    about,
    by_level,
    explanation,
    heading,
    safe,
    to_mend,
    verdict,
)
from ca_core.testing.conformance.results import Report, Result

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&:@=])")


def markdown(report: Report, *, timed: bool = True) -> str:
    """Return the report as one page of GitHub's Markdown.

    Args:
        report: of a run.
        timed: whether to say when it ran; a page that is kept in a repository had better not.
    """
    return "\n".join(_lines(report, timed=timed)) + "\n"


def escaped(text: str) -> str:
    """Return hostile text so that Markdown shows it as it is, wherever it stands."""
    return _SPECIAL.sub(r"\\\1", safe(text))


def _own(text: str) -> str:
    """Return text of a check for a table or a list; its code marks stay."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _lines(report: Report, *, timed: bool) -> Iterator[str]:
    yield f"# Conformance of {escaped(report.provider)}"
    yield from ("", f"**{escaped(verdict(report))}**", "", "| | |", "|---|---|")
    yield from (f"| {label} | {escaped(text)} |" for label, text in about(report))
    if timed:
        started = report.started.isoformat(timespec="seconds")
        yield f"| run | {escaped(started)}, {report.seconds:.1f} s |"
    failures = to_mend(report)
    if failures:
        yield from ("", "## To mend")
    for result in failures:
        yield from _explained(result)
    for level, results in by_level(report):
        yield from ("", f"## {heading(level)}", "", "| check | outcome | rule |", "|---|---|---|")
        yield from (_row(result) for result in results)


def _explained(result: Result) -> Iterator[str]:
    yield from ("", f"### `{result.check.id}`: {result.outcome}", "")
    for label, text in explanation(result):
        shown = escaped(text) if label == "seen" else _own(text)
        yield f"- **{label}**: {shown}"


def _row(result: Result) -> str:
    check = result.check
    why = f": {escaped(result.detail)}" if result.detail else ""
    return f"| `{check.id}` | {result.outcome}{why} | {_own(check.rule)} |"
