"""The pure rules of a transaction: its shape, whether it still holds, what it does to tables."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from immutables import Map

from ca_core.errors import ConflictError, RequestError
from ca_core.state.protocol import (
    ABSENT,
    LEASES,
    MAX_CHANGES,
    TOPICS,
    Change,
    Commit,
    Row,
    Transaction,
)

Tables = Map[str, Map[str, Row]]
"""Table name to key to row; persistent, so an old value stays whole while a new one is made."""

RowOf = Callable[[str, str], Row | None]
"""Finds the row at (table, key)."""

_EMPTY: Map[str, Row] = Map()


def persistent(tables: Mapping[str, Mapping[str, Row]]) -> Tables:
    """Return the tables as persistent maps; those that already are cost nothing."""
    return Map({name: _persistent_rows(rows) for name, rows in tables.items()})


def _persistent_rows(rows: Mapping[str, Row]) -> Map[str, Row]:
    return rows if isinstance(rows, Map) else Map(dict(rows))


def with_topic_rows(transaction: Transaction) -> Transaction:
    """Return the transaction with a row written per topic; an engine knows topics only as rows."""
    rows = tuple(Change(TOPICS, topic, b"") for topic in sorted(transaction.topics))
    return replace(transaction, changes=transaction.changes + rows, topics=frozenset())


def require_shape(transaction: Transaction) -> None:
    """Refuse a transaction that no engine accepts.

    Raises:
        RequestError: no change at all, more than ``MAX_CHANGES``, or a row twice.
    """
    changes = transaction.changes
    if not changes:
        raise RequestError("a transaction without changes")
    if len(changes) > MAX_CHANGES:
        raise RequestError(f"{len(changes)} changes in one transaction, at most {MAX_CHANGES}")
    if len({(change.table, change.key) for change in changes}) < len(changes):
        raise RequestError("a transaction that writes one row twice")


def require_current(transaction: Transaction, row_of: RowOf) -> None:
    """Refuse a transaction whose expectations no longer hold.

    Raises:
        ConflictError: a row in ``expect`` has another version, or the fence's lease was made anew.
    """
    for (table, key), expected in transaction.expect.items():
        found = _version(row_of(table, key))
        if found != expected:
            raise ConflictError(f"row {table}/{key} is at version {found}, not {expected}")
    if not fence_holds(transaction, row_of):
        raise ConflictError("the lease under which this would be written is held by somebody else")


def fence_holds(transaction: Transaction, row_of: RowOf) -> bool:
    """Say whether the lease named by the fence is still the one that the writer acquired."""
    if transaction.fence is None:
        return True
    lease = row_of(LEASES, transaction.fence.lease)
    return lease is not None and lease.created == transaction.fence.token


def _version(row: Row | None) -> int:
    return ABSENT if row is None else row.version


def applied(tables: Tables, commit: Commit) -> Tables:
    """Return the tables after the commit; the given ones are unchanged."""
    by_table: dict[str, list[Change]] = {}
    for change in commit.changes:
        by_table.setdefault(change.table, []).append(change)
    after = tables.mutate()
    for name, changes in by_table.items():
        after[name] = _rows_after(tables.get(name, _EMPTY), changes, commit.index)
    return after.finish()


def _rows_after(rows: Map[str, Row], changes: list[Change], index: int) -> Map[str, Row]:
    after = rows.mutate()
    for change in changes:
        old = after.pop(change.key, None)
        if change.value is not None:
            created = index if old is None else old.created
            after[change.key] = Row(change.value, index, created)
    return after.finish()
