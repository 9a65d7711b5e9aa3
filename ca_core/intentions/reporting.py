"""Counts of would-be denials in the words of the wire, and back."""

from ca_core.errors import RequestError
from ca_core.intentions.naming import one_service, parsed_name, short
from ca_core.intentions.observed import MOST, Count, Seen, Summary
from ca_core.wire.observations import ObservedAnswer, ObservedBody

MOST_COUNT = 2**53
"""What every reader of JSON can hold."""

MOST_RULE = 1024
"""Characters of a rule."""


def reported(summary: Summary) -> ObservedAnswer:
    """Return the body of a summary."""
    return ObservedAnswer(
        observed=tuple(
            ObservedBody(
                source=short(seen.source),
                destination=short(seen.destination),
                rule=seen.rule,
                count=count.count,
                error=count.error,
                last=count.last,
            )
            for seen, count in summary.counts
        ),
        unlisted=summary.unlisted,
    )


def parsed_report(body: ObservedAnswer) -> Summary:
    """Return the summary that an agent reports.

    Raises:
        RequestError: too many entries, no services, or counts that cannot be.
    """
    if len(body.observed) > MOST:
        raise RequestError(f"{len(body.observed)} entries, at most {MOST}", field="Observed")
    _require_count(body.unlisted, "Unlisted")
    counts = dict(_parsed(one, f"Observed[{at}]") for at, one in enumerate(body.observed))
    if len(counts) < len(body.observed):
        raise RequestError("an entry is there twice", field="Observed")
    return Summary(counts=tuple(counts.items()), unlisted=body.unlisted)


def _parsed(body: ObservedBody, place: str) -> tuple[Seen, Count]:
    source = one_service(parsed_name(body.source, f"{place}.Source"), f"{place}.Source")
    to = one_service(parsed_name(body.destination, f"{place}.Destination"), f"{place}.Destination")
    _require_count(body.count, f"{place}.Count")
    if not 0 <= body.error < body.count:
        raise RequestError("must be below Count", field=f"{place}.Error")
    if len(body.rule) > MOST_RULE:
        raise RequestError(f"exceeds maximum length {MOST_RULE}", field=f"{place}.Rule")
    if body.last.tzinfo is None:
        raise RequestError("needs a time zone", field=f"{place}.Last")
    return Seen(source, to, body.rule), Count(body.count, body.error, body.last)


def _require_count(count: int, field: str) -> None:
    if not 0 <= count <= MOST_COUNT:
        raise RequestError("is no count", field=field)
