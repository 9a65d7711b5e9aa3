"""The table of ``docs/conformance/incidents.md``: what went wrong elsewhere, and who prevents it.

A row that concerns a provider is covered by the checks of the conformance kit that cite its id.
"""

from collections.abc import Iterator

from ca_core.testing.conformance import CHECKS, Check
from docs.checks import anchor
from docs.incident import Incident
from docs.incidents import INCIDENTS
from docs.tables import table


def incidents() -> str:
    """Return the table of every row."""
    return table(
        ("id", "seen in", "what broke", "owner", "why it is theirs", "covered by"),
        (
            (
                row.id,
                row.seen,
                row.broke,
                ", ".join(row.owners),
                row.because,
                ", ".join(_covered(row)),
            )
            for row in INCIDENTS
        ),
    )


def citing(incident: str) -> tuple[Check, ...]:
    """Return the checks whose sources name this row."""
    return tuple(check for check in CHECKS if incident in check.sources)


def _covered(row: Incident) -> Iterator[str]:
    for check in citing(row.id):
        yield f"[`{check.id}`](../../plugins.md#{anchor(check)})"
    for place in row.covered:
        yield f"[{place}](../../{place})" if "/" in place else place
