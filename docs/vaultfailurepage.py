"""The tables of ``docs/vault.md`` about failures: one row for each that the tests cause."""

from collections.abc import Iterator

from docs.tables import table
from docs.vaultfailure import Failure
from docs.vaultfailures import ON_THE_SERVER, ON_THE_WAY

_HEADINGS = (
    "what happens", "methods that change or sign", "`crl`", "`probe`", "deep `health`",
    "the provider by itself", "the operator", "full service",
)  # fmt: skip


def failures() -> str:
    """Return both tables, each under its heading."""
    return (
        "\n### The server, its token, its mounts, the time\n\n"
        + table(_HEADINGS, map(_row, ON_THE_SERVER))
        + "\n### Between the two\n\n"
        + table(_HEADINGS, map(_row, ON_THE_WAY))
    )


def _row(failure: Failure) -> tuple[str, ...]:
    return (
        failure.name,
        "; ".join(_writes(failure)),
        *map(_shown, (failure.crl, failure.probe, failure.health)),
        failure.itself,
        failure.operator,
        failure.back,
    )


def _writes(failure: Failure) -> Iterator[str]:
    """Return the outcomes of the methods that write: of those that differ, then of the others."""
    by_outcome: dict[str, list[str]] = {}
    for method, outcome in failure.but.items():
        by_outcome.setdefault(outcome, []).append(f"`{method}`")
    for outcome, methods in by_outcome.items():
        yield f"{', '.join(methods)}: {_shown(outcome)}"
    yield f"all others: {_shown(failure.writes)}" if by_outcome else _shown(failure.writes)


def _shown(outcome: str) -> str:
    return f"`{outcome}`" if outcome.endswith("Error") else outcome
