"""Reports of runs that never were."""

from datetime import UTC, datetime

from ca_core.testing.conformance import Check, Level, Outcome, Report, Result

HOSTILE = (
    "<script>alert(1)</script> | ](http://x) ![i](http://y) `&amp;` \x1b[31m\x00\n\ud800 \u202e"
)

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def check(check_id="leaf.key", level=Level.L1):
    """Return a check that is never run."""
    return Check(
        id=check_id,
        level=level,
        rule="A leaf carries the key of the CSR.",
        why="It was useless | elsewhere <once>.",
        sources=("S21", "RFC 2986 §3"),
        fix="Take the key from `request.csr`.",
        body=lambda arena: None,
    )


def result(outcome, check_id="leaf.key", level=Level.L1, detail=None):
    """Return what became of a check."""
    told = "" if outcome is Outcome.PASSED else f"detail of {check_id}"
    return Result(
        check=check(check_id, level), outcome=outcome, detail=told if detail is None else detail
    )


def report(*results, provider="acme", level=Level.L1, **changes):
    """Return a report of results; without any, L0 and L1 passed."""
    passed = (
        result(Outcome.PASSED, "load.plugin", Level.L0),
        result(Outcome.PASSED, "leaf.life", Level.L1),
    )
    values = {
        "distribution": "ca-provider-acme",
        "version": "1.0",
        "entry_point": "ca_provider_acme",
        "contract": 1,
        "core": "0.1.0",
        "started": STARTED,
        "seconds": 1.5,
        "declared": ("cross-sign",),
    }
    return Report(
        provider=provider, level=level, results=(*passed, *results), **{**values, **changes}
    )


MIXED = (
    result(Outcome.FAILED, "leaf.key"),
    result(Outcome.KNOWN_DEVIATION, "leaf.uri"),
    result(Outcome.SKIPPED, "cross.path", detail="not declared: cross-sign"),
    result(Outcome.NOT_RUN, "time.skew", detail="needs clock"),
)
"""One of each outcome but passed."""
