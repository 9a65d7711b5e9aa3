"""What an import would do, row by row: what stands is compared with what is exported; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from ca_core.errors import RequestError
from ca_core.intentions.exported import Exported, exported_row
from ca_core.intentions.index import Index
from ca_core.intentions.model import Intention, Name


class Step(StrEnum):
    """What is done with a row."""

    CREATE = "create"
    REPLACE = "replace"
    SAME = "same"
    REFUSED = "refused"
    FAILED = "failed"
    """The server refused it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One row, and what becomes of it.

    Attributes:
        row: of the export.
        index: the ModifyIndex that must stand when it is written; 0 for none.
        why: of what is refused or failed; of what is replaced, what stands.
    """

    row: Exported
    step: Step
    index: int = 0
    why: str = ""

    @property
    def is_written(self) -> bool:
        """Say whether it needs writing."""
        return self.step in (Step.CREATE, Step.REPLACE)

    @property
    def is_lost(self) -> bool:
        """Say whether it counts nowhere."""
        return self.step in (Step.REFUSED, Step.FAILED)


Standing = Mapping[tuple[Name, Name], tuple[Intention, int]]
"""What stands by its names, with its ModifyIndex."""


def standing_of(rows: Iterable[Mapping[str, object]]) -> Standing:
    """Return what ``GET /v1/connect/intentions`` answered, by its names.

    Raises:
        RequestError: a row is none of this program's version.
    """
    found: dict[tuple[Name, Name], tuple[Intention, int]] = {}
    for row in rows:
        read = exported_row(row)
        if read.intention is None or read.pair is None:
            raise RequestError(f"the server's list cannot be read: {read.refusal}")
        index = row.get("ModifyIndex")
        found[read.pair] = (read.intention, index if isinstance(index, int) else 0)
    return found


def wanted_of(rows: Iterable[Exported], standing: Standing) -> tuple[Wanted, ...]:
    """Return what becomes of each row, in order."""
    return tuple(_wanted(row, standing) for row in rows)


def index_after(wanted: Iterable[Wanted], standing: Standing) -> Index:
    """Return what decides once every row that is not lost is written."""
    rows = {one.row.pair: one.row.intention for one in wanted if not one.is_lost}
    known = {pair: intention for pair, (intention, _) in standing.items()} | rows
    return Index.of(one for one in known.values() if one is not None)


def in_its_place(lost: Exported, after: Index) -> Intention | None:
    """Return what decides where a row that is lost would have; None for the default.

    It is of lower precedence than the row, or it is what stands under the row's own names.
    """
    if lost.pair is None:
        return None
    return next((one for one in after.candidates(*lost.pair) if not one.observe), None)


def _wanted(row: Exported, standing: Standing) -> Wanted:
    if row.intention is None or row.pair is None:
        return Wanted(row=row, step=Step.REFUSED, why=row.refusal)
    if row.pair not in standing:
        return Wanted(row=row, step=Step.CREATE)
    present, index = standing[row.pair]
    if present == row.intention:
        return Wanted(row=row, step=Step.SAME, index=index)
    return Wanted(row=row, step=Step.REPLACE, index=index, why=_difference(present, row.intention))


def _difference(old: Intention, new: Intention) -> str:
    """Return what is replaced: the words for the action, else which other parts differ."""
    if replace(old, meta=new.meta, description=new.description) != new:
        mode = ", observed only" if old.observe else ""
        said = old.action or f"{len(old.permissions)} permissions"
        return f"stands: {said}{mode}"
    parts = (("description", old.description != new.description), ("meta", old.meta != new.meta))
    return f"differs in {' and '.join(name for name, differs in parts if differs)}"
