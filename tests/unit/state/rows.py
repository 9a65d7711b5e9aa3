"""Short ways to write transactions in tests."""

from ca_core.state import Change, Transaction


def put(key, value=b"v", *, table="t", topics=(), **more):
    """Return a transaction that writes one row."""
    return Transaction(changes=(Change(table, key, value),), topics=frozenset(topics), **more)


def cut(key, *, table="t", topics=(), **more):
    """Return a transaction that deletes one row."""
    return Transaction(changes=(Change(table, key, None),), topics=frozenset(topics), **more)
