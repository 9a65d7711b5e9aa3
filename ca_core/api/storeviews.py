"""Views of the catalog from a server's store."""

from datetime import timedelta

from ca_core.acl.principal import Principal
from ca_core.api.news import Look, News, first_news
from ca_core.catalog.following import FollowingCatalog
from ca_core.catalog.index import Catalog
from ca_core.catalog.viewing import Viewing
from ca_core.catalog.views import NOBODY, ViewAnswer, ViewKey
from ca_core.clock import Clock
from ca_core.state.store import Store
from ca_core.wire.freshness import ANY_AGE, Freshness


class StoreViews:
    """A ``Views`` that answers from the newest catalog. Used from one event loop.

    Args:
        store: whose commits wake those who wait.
        following: follows that store.
        viewing: remembers what was made.
        clock: says when a wait is over.
    """

    def __init__(
        self, store: Store, following: FollowingCatalog, viewing: Viewing, clock: Clock
    ) -> None:
        self._store = store
        self._following = following
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
        looks = {"view": self._look(key, min_index)}
        found = await first_news(self._store, self._clock, looks, wait.total_seconds())
        catalog: Catalog = found["view"].answer
        looked = self._viewing.look(catalog, key)
        return ViewAnswer(value=self._viewing.value(catalog, key), index=looked.index)

    def _look(self, key: ViewKey, held: int) -> Look:
        async def look() -> News[Catalog]:
            catalog = self._following.now
            looked = self._viewing.look(catalog, key)
            index = catalog.view.topic_index(*looked.topics)
            is_news = looked.index != held
            return News(answer=catalog, is_news=is_news, topics=looked.topics, index=index)

        return look
