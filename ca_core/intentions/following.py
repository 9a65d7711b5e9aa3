"""The server's index of intentions: it follows every commit of its store."""

import threading
from dataclasses import dataclass, replace

from ca_core.intentions.decision import Default
from ca_core.intentions.index import DENIED, Index, Pair
from ca_core.intentions.model import Intention, Name
from ca_core.intentions.rows import (
    INTENTIONS,
    Stored,
    every_intention,
    intention_of,
    pair_of,
    stored,
)
from ca_core.state.protocol import Change, Commit
from ca_core.state.store import Store
from ca_core.state.view import View


@dataclass(frozen=True, slots=True)
class Followed:
    """Index and view of one moment: what the one has of intentions, the other has too.

    The view is of the newest commit that changed an intention; other rows in it may be older than
    the store's own.
    """

    view: View
    index: Index

    def to_destination(self, name: Name) -> tuple[Stored, ...]:
        """Return the intentions whose destination covers ``name``, as evaluated."""
        return self._stored(self.index.to_destination(name))

    def from_source(self, name: Name) -> tuple[Stored, ...]:
        """Return the intentions whose source covers ``name``, as evaluated."""
        return self._stored(self.index.from_source(name))

    def _stored(self, found: tuple[Intention, ...]) -> tuple[Stored, ...]:
        rows = (stored(self.view, each.source, each.destination) for each in found)
        return tuple(row for row in rows if row is not None)


class Following:
    """Holds the newest index. Thread-safe; reading ``now`` takes no lock.

    Constructed means caught up: with a million intentions that takes seconds, and blocks.
    A commit's caller goes on only after the index has it.

    Args:
        store: whose commits it follows, for as long as that lives.
        default: what holds where no intention matches.
    """

    def __init__(self, store: Store, default: Default = DENIED) -> None:
        self._gate = threading.Lock()
        with self._gate:
            view = store.follow(self._follow)
            self.now = Followed(view, Index.of(every_intention(view), default))

    @property
    def index(self) -> Index:
        """Return the newest index."""
        return self.now.index

    def set_default(self, default: Default) -> None:
        """Let another default hold from now on."""
        with self._gate:
            now = self.now
            self.now = replace(now, index=now.index.with_default(default))

    def _follow(self, view: View, commit: Commit) -> None:
        """Move on to the view after ``commit``; commits come one at a time, in order."""
        changes = [change for change in commit.changes if change.table == INTENTIONS]
        if not changes:
            return
        with self._gate:
            self.now = Followed(view, self.now.index.with_changes(*_sorted_out(changes)))


def _sorted_out(changes: list[Change]) -> tuple[list[Intention], list[Pair]]:
    """Return what is written, and the pairs that are gone."""
    upserted = [intention_of(each.key, each.value) for each in changes if each.value is not None]
    return upserted, [pair_of(each.key) for each in changes if each.value is None]
