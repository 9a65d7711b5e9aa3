"""The report as JSON. The structs here are the schema: the published one is generated from them."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ca_core.fields import json_schema
from ca_core.testing.conformance.references import readable
from ca_core.testing.conformance.reports.wording import level_reached, safe
from ca_core.testing.conformance.results import Report, Result

LevelName = Literal["L0", "L1", "L2", "L3", "L4"]
OutcomeName = Literal["passed", "failed", "skipped", "not run", "known deviation"]


class RunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """When: the only part that differs from one run to another if nothing else does."""

    started: Annotated[datetime, Meta(tz=True, description="When it began, UTC.")]
    seconds: Annotated[float, Meta(description="How long it took.")]


class ProviderDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What was tried."""

    name: Annotated[str, Meta(description="Name of the entry point, or of the descriptor.")]
    distribution: Annotated[str, Meta(description="The package; empty if it is not installed.")]
    version: Annotated[str, Meta(description="Of the package; may be empty.")]
    entry_point: Annotated[str, Meta(description="module or module:attribute; may be empty.")]
    contract: Annotated[int, Meta(description="Contract version it was written against.")]
    declared: Annotated[tuple[str, ...], Meta(description="Capabilities, sorted.")]


class LevelDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, and what was reached."""

    asked: LevelName
    reached: Annotated[LevelName | None, Meta(description="null: not even the lowest.")]
    conforms: Annotated[bool, Meta(description="Whether the level asked was reached.")]
    left_out: Annotated[int, Meta(description="Checks not chosen; then no level is reached.")]


class CountsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How many checks had each outcome."""

    passed: int
    failed: int
    skipped: int
    not_run: Annotated[int, Meta(description="Need something that was not supplied.")]
    known_deviation: Annotated[int, Meta(description="Failed, as the author had said.")]


class ResultDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One check."""

    id: Annotated[str, Meta(description="area.rule, stable for ever.")]
    level: LevelName
    outcome: OutcomeName
    detail: Annotated[str, Meta(description="What was seen or is missing; empty if it passed.")]
    rule: Annotated[str, Meta(description="What must hold.")]
    why: Annotated[str, Meta(description="What happened where it did not hold.")]
    sources: Annotated[tuple[str, ...], Meta(description="Where that can be read.")]
    fix: Annotated[str, Meta(description="What an author does about a failure.")]


class ReportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the conformance kit; keys are added, never renamed or removed."""

    schema: Annotated[Literal[1], Meta(description="Version of this format.")] = 1
    run: RunDocument
    core: Annotated[str, Meta(description="Version of ca-core, whose checks these are.")]
    provider: ProviderDocument
    level: LevelDocument
    counts: CountsDocument
    results: Annotated[tuple[ResultDocument, ...], Meta(description="In the order of the run.")]


def document_of(report: Report) -> ReportDocument:
    """Return the report as the structs of its JSON."""
    counts = {outcome.name.lower(): count for outcome, count in report.counts().items()}
    return ReportDocument(
        run=RunDocument(started=report.started, seconds=round(report.seconds, 3)),
        core=report.core,
        provider=ProviderDocument(
            name=safe(report.provider),
            distribution=safe(report.distribution),
            version=safe(report.version),
            entry_point=safe(report.entry_point),
            contract=report.contract,
            declared=tuple(safe(one) for one in report.declared),
        ),
        level=_level_of(report),
        counts=CountsDocument(**counts),
        results=tuple(_result_of(result) for result in report.results),
    )


def report_json(report: Report) -> str:
    """Return the report as JSON, keys in the order of the schema."""
    raw = msgspec.json.encode(document_of(report))
    return msgspec.json.format(raw, indent=2).decode() + "\n"


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of a report, as it is published."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **json_schema(ReportDocument),
        "title": "Conformance report of a ca-core provider",
    }


def _level_of(report: Report) -> LevelDocument:
    reached: Any = level_reached(report)
    asked: Any = report.level.name
    return LevelDocument(
        asked=asked,
        reached=None if reached == "none" else reached,
        conforms=report.conforms and not report.left_out,
        left_out=report.left_out,
    )


def _result_of(result: Result) -> ResultDocument:
    check = result.check
    named: dict[str, Any] = {"level": check.level.name, "outcome": result.outcome.value}
    return ResultDocument(
        **named,
        id=check.id,
        detail=safe(result.detail),
        rule=check.rule,
        why=check.why,
        sources=readable(check.sources),
        fix=check.fix,
    )
