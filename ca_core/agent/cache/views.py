"""Views of the catalog from memory: upstreams of the services here, and lists of the whole mesh."""

from collections.abc import Callable
from datetime import timedelta
from typing import cast

from ca_core.acl.access import Action, May
from ca_core.acl.principal import Principal
from ca_core.agent.cache.cache import Cache
from ca_core.agent.cache.kinds import Kind, KindName
from ca_core.agent.cache.unpacked import Unpacked
from ca_core.agent.cache.viewfollower import AnswersViews, ViewFollower
from ca_core.agent.joining import Draw
from ca_core.catalog.views import NOBODY, ViewAnswer, ViewKey, ViewKind
from ca_core.clock import Clock
from ca_core.errors import Error
from ca_core.wire.freshness import ANY_AGE, Freshness

MOST_UPSTREAMS, MOST_LISTS = 6_000, 2_000
"""Views that are kept: one question about everything that an agent follows must fit into what a
server takes, whatever names local programs ask for."""

_UPSTREAMS = frozenset({ViewKind.CONNECT, ViewKind.SERVICE})


class ViewCache:
    """A ``Views`` on an agent. Used from one event loop; ``follow`` and ``forget`` run for ever.

    Args:
        upstream: is asked for views.
        may: who may what.
        stands: whether a caller is still somebody: a token that has ended is not.

    Attributes:
        kept: the records of each kind, for the inventory.
    """

    def __init__(
        self,
        upstream: AnswersViews,
        clock: Clock,
        draw: Draw,
        *,
        may: May,
        stands: Callable[[Principal], bool] = lambda _: True,
    ) -> None:
        self._clock = clock
        self._may = may
        self._stands = stands
        self._unpacked = Unpacked()
        self._follower = ViewFollower(upstream, self, clock, draw)
        self._upstreams = self._cache(KindName.UPSTREAMS, MOST_UPSTREAMS, clock)
        self._catalog = self._cache(KindName.CATALOG, MOST_LISTS, clock)
        self.kept = (self._upstreams, self._catalog)
        self.follow, self.hurry = self._follower.run, self._follower.hurry

    def _cache(self, name: KindName, most: int, clock: Clock) -> Cache[ViewKey, bytes]:
        kind: Kind[bytes] = Kind(name=name, weigh=len, most=most)
        return Cache(kind, clock, lambda _: self._follower)

    async def get(
        self,
        key: ViewKey,
        *,
        min_index: int = 0,
        wait: timedelta,
        freshness: Freshness = ANY_AGE,
        caller: Principal = NOBODY,
    ) -> ViewAnswer:
        """Return the view: at once, or, if ``min_index`` is its index, once it differs.

        Raises:
            Error: as ``Cache.get``.
        """
        cache = self._of(key)
        known = cache.at_once(key, caller, min_index=min_index, freshness=freshness)
        if known is not None:
            return ViewAnswer(
                value=self._unpacked.value(key, cast("bytes", known.value)),
                index=known.index,
                hit=True,
                age=cache.age(known),
                known_leader=known.lost_at is None,
                stamp=known.stamp,
            )
        found = await cache.get(key, caller, min_index=min_index, wait=wait, freshness=freshness)
        return ViewAnswer(
            value=self._unpacked.value(key, found.value),
            index=found.index,
            hit=found.hit,
            age=found.age,
            known_leader=found.in_contact,
            stamp=found.stamp,
        )

    def review(self) -> None:
        """Take views back from those who may see them no more; whoever waits is told."""
        for cache in self.kept:
            cache.review(self._may_hold)

    async def forget(self) -> None:
        """Forget what is idle, for ever; cancel to end."""
        while True:
            await self._clock.sleep(min(cache.forget_idle() for cache in self.kept))

    async def close(self) -> None:
        """Let every waiting reader go."""
        for cache in self.kept:
            await cache.close()

    def arrived(self, key: ViewKey, value: bytes, index: int) -> None:
        """Take a view over, as it came.

        Raises:
            ProviderError: it is none of this kind.
        """
        self._unpacked.value(key, value)
        self._of(key).arrived(key, value, index)

    def unchanged(self, key: ViewKey) -> None:
        """Note that a view is what the server holds."""
        self._of(key).unchanged(key)

    def failed(self, key: ViewKey, error: Error) -> None:
        """Note why a view did not come."""
        self._of(key).failed(key, error)

    def _of(self, key: ViewKey) -> Cache[ViewKey, bytes]:
        return self._upstreams if key.kind in _UPSTREAMS else self._catalog

    def _may_hold(self, caller: Principal, key: ViewKey) -> bool:
        """Say whether a caller may go on: rows of other views are cut to what he may see."""
        if not self._stands(caller):
            return False
        return key.kind is not ViewKind.CONNECT or self._may(caller, Action.SERVICE_READ, key.name)
