"""Views from a server's store."""

from datetime import timedelta

from ca_core.acl.principal import Principal
from ca_core.catalog.following import FollowingCatalog
from ca_core.catalog.viewing import Viewing
from ca_core.catalog.views import NOBODY, ViewAnswer, ViewKey
from ca_core.clock import Clock
from ca_core.state.store import Store
from ca_core.wire.freshness import ANY_AGE, Freshness


class StoreViews:
    """A ``Views`` that answers from the newest catalog. Used from one event loop.

    Args:
        store: whose commits wake those who wait.
        catalog: follows that store.
        viewing: remembers what was made.
        clock: says when a wait is over.
    """

    def __init__(
        self, store: Store, catalog: FollowingCatalog, viewing: Viewing, clock: Clock
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._viewing = viewing
        self._clock = clock

    async def get(
        self,
        key: ViewKey,
        *,
        min_index: int = 0,
        wait: timedelta,
        freshness: Freshness = ANY_AGE,
        caller: Principal = NOBODY,
    ) -> ViewAnswer:
        """Return the view, once its index is not ``min_index``, at the latest after ``wait``."""
        ends = self._clock.monotonic() + wait.total_seconds()
        while True:
            catalog = self._catalog.now
            looked = self._viewing.look(catalog, key)
            left = ends - self._clock.monotonic()
            if looked.index == min_index and left > 0:
                moved = catalog.view.topic_index(*looked.topics)
                if await self._store.wait(looked.topics, moved, left):
                    continue
            return ViewAnswer(value=self._viewing.value(catalog, key), index=looked.index)
