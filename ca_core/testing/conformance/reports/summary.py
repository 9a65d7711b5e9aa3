"""The report as lines of a terminal: counts by level, what did not run and why, the verdict."""

from collections.abc import Iterator

from ca_core.testing.conformance.reports.wording import by_level, explanation, safe, verdict
from ca_core.testing.conformance.results import Report, Result
from ca_core.testing.conformance.words import LEVEL_MEANINGS, Outcome

COLUMNS = ("LEVEL", *(outcome.value.upper() for outcome in Outcome), "ASKS THAT IT")
"""Headings of ``rows``."""


def rows(report: Report) -> tuple[tuple[str, ...], ...]:
    """Return one row for each level: its name, the five counts, its meaning."""
    return tuple(
        (level.name, *_counts(results), LEVEL_MEANINGS[level])
        for level, results in by_level(report)
    )


def untried(report: Report) -> Iterator[str]:
    """Yield a line for each reason why checks were skipped or not run, with their ids."""
    for outcome in (Outcome.SKIPPED, Outcome.NOT_RUN):
        reasons: dict[str, list[str]] = {}
        for result in report.of(outcome):
            reasons.setdefault(safe(result.detail), []).append(result.check.id)
        for reason, ids in reasons.items():
            yield f"{outcome}, {reason}: {', '.join(ids)}"


def explained(result: Result) -> Iterator[str]:
    """Yield the lines that explain one failure."""
    yield f"{result.check.id} ({result.check.level.name}): {result.outcome}"
    yield from (f"  {label:<8} {text}" for label, text in explanation(result))


def summary(report: Report) -> Iterator[str]:
    """Yield the whole summary but the explanations of failures."""
    table = (COLUMNS, *rows(report))
    widths = [max(len(row[column]) for row in table) for column in range(len(COLUMNS))]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
    yield from untried(report)
    yield verdict(report)


def _counts(results: tuple[Result, ...]) -> tuple[str, ...]:
    outcomes = [result.outcome for result in results]
    return tuple(str(outcomes.count(outcome)) for outcome in Outcome)
