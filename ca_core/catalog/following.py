"""The server's catalog: it follows every commit of its store."""

import threading
from dataclasses import replace

from ca_core.catalog.index import Catalog
from ca_core.catalog.rows import TABLES
from ca_core.state.protocol import Commit
from ca_core.state.store import Store
from ca_core.state.view import View


class FollowingCatalog:
    """Holds the newest catalog. Thread-safe; reading ``now`` takes no lock.

    Constructed means caught up. A commit's caller goes on only after the catalog has it.

    Args:
        store: whose commits it follows, for as long as that lives.
    """

    def __init__(self, store: Store) -> None:
        self._gate = threading.Lock()
        with self._gate:
            self.now = Catalog.of(store.follow(self._follow))

    def at(self, view: View) -> Catalog:
        """Return the catalog with everything else as new as in ``view``.

        Args:
            view: one that followers have been told of, as ``Store.update`` gives.
        """
        now = self.now
        return replace(now, view=view) if view.index > now.view.index else now

    def _follow(self, view: View, commit: Commit) -> None:
        """Move on to the view after ``commit``; commits come one at a time, in order."""
        changes = [change for change in commit.changes if change.table in TABLES]
        if not changes:
            return
        with self._gate:
            self.now = self.now.after(view, changes)
