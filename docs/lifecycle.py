"""The tables of ``docs/lifecycle.md``: kinds, phases, settings, and when what is due begins."""

from ca_core.authority.rows import Phase
from ca_core.lifecycle.rows import PASSES, Kind, OperationPhase
from docs.contract import member_docs
from docs.operations import keys_below
from docs.tables import table


def operation_kinds() -> str:
    """Return a table of the kinds of operations and the phases that each passes."""
    meanings = member_docs(Kind)
    rows = (
        (f"`{kind.value}`", meanings[kind.name], " → ".join(f"`{phase}`" for phase in PASSES[kind]))
        for kind in Kind
    )
    return table(("kind", "changes", "passes"), rows)


def operation_phases() -> str:
    """Return a table of the phases of an operation."""
    meanings = member_docs(OperationPhase)
    rows = ((f"`{phase.value}`", meanings[phase.name]) for phase in OperationPhase)
    return table(("phase", "means"), rows)


def authority_phases() -> str:
    """Return a table of the phases of an authority."""
    meanings = member_docs(Phase)
    return table(("phase", "means"), ((f"`{one.value}`", meanings[one.name]) for one in Phase))


def rotation_settings() -> str:
    """Return a table of the keys of ``[rotation]``."""
    return table(("key", "default", "meaning"), keys_below("rotation"))
