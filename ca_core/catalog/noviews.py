"""Where no catalog is known: whoever asks is told so, and not that nothing is registered."""

from datetime import timedelta

from ca_core.acl.principal import Principal
from ca_core.catalog.views import NOBODY, ViewAnswer, ViewKey
from ca_core.errors import NotReadyError
from ca_core.wire.freshness import ANY_AGE, Freshness


class NoViews:
    """A ``Views`` that has none."""

    async def get(
        self,
        key: ViewKey,
        *,
        min_index: int = 0,
        wait: timedelta,
        freshness: Freshness = ANY_AGE,
        caller: Principal = NOBODY,
    ) -> ViewAnswer:
        """Refuse.

        Raises:
            NotReadyError: always.
        """
        raise NotReadyError(f"the catalog is not known here, and so {str(key)[:80]!r} is not")
