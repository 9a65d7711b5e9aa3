"""A change of who signs in figures, for metrics."""

from collections import Counter

from ca_core.authority.rows import Phase, authorities
from ca_core.lifecycle.activating import evidence_of
from ca_core.lifecycle.reissuing import Reissue
from ca_core.lifecycle.rows import OperationPhase, OperationRow, leftovers, open_operation
from ca_core.lifecycle.tools import Tools
from ca_core.telemetry.changes import ChangeFigures


def figures(tools: Tools, reissue: Reissue) -> ChangeFigures:
    """Return how who signs changes now; leaves to re-issue are as agents were told last."""
    view, row = tools.view, open_operation(tools.view)
    counted, missing = _agents(tools, row)
    phases = Counter(one.phase for one in authorities(view))
    return ChangeFigures(
        kind=row.kind.value if row else "",
        phase=row.phase.value if row else "",
        seconds=(tools.clock.now() - row.phase_since).total_seconds() if row else 0.0,
        counted=counted,
        missing=missing,
        to_reissue=reissue.left,
        authorities={phase.value: phases[phase] for phase in Phase},
        leftovers=len(leftovers(view)),
    )


def _agents(tools: Tools, row: OperationRow | None) -> tuple[int, int]:
    """Return how many agents count, and how many of them are missing."""
    if row is None or row.phase is not OperationPhase.DISTRIBUTED:
        return 0, 0
    found = evidence_of(tools, row)
    return len(found.counted), len(found.missing)
