"""A process that commits and appends for ever, says what is durable, and may kill itself.

Usage: python -m tests.integration.state.worker STATE_FILE [BOUNDARY NTH]
"""

import os
import signal
import sys
from collections import Counter
from pathlib import Path

from ca_core.state import ABSENT, Change, Store, Transaction
from ca_core.state.sqlite import SqliteEngine


def killer(boundary, nth):
    """Return a hook that ends this process, without any cleaning up, at the nth pass."""
    passed = Counter()

    def on_boundary(name):
        passed[name] += 1
        if name == boundary and passed[name] == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    return on_boundary


def next_pair(view):
    """Return a transaction that moves two rows from n to n + 1 together."""
    row = view.get("t", "left")
    number = 0 if row is None else int(row.value) + 1
    text = str(number).encode()
    return number, Transaction(
        changes=(Change("t", "left", text), Change("t", "right", text)),
        expect={("t", "left"): ABSENT if row is None else row.version},
        topics=frozenset({"pair"}),
    )


def say(*words):
    """Tell the parent at once."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def main(path, boundary="never", nth="1"):
    """Work until killed."""
    store = Store(SqliteEngine(Path(path), on_boundary=killer(boundary, int(nth))))
    say("open", store.snapshot.index, store.snapshot.epoch)
    records = len(store.read("l", limit=1_000_000))
    while True:
        number, transaction = next_pair(store.snapshot)
        say("commit", number, store.commit(transaction))
        store.append("l", str(records).encode())
        store.flush()
        records += 1
        say("record", records)


if __name__ == "__main__":
    main(*sys.argv[1:])
