"""Views as values: kept as they came, and decoded when they are read.

Decoded, a view takes three times the memory, and most of those that are kept are read seldom: what
is answered again and again was encoded once for its readers.
"""

from collections import OrderedDict
from typing import NamedTuple

from ca_core.catalog.viewing import decoded_view
from ca_core.catalog.views import ViewKey, ViewValue

MOST_BYTES = 1024 * 1024
"""Of views, as they came, whose values are kept."""


class _Value(NamedTuple):
    encoded: bytes
    value: ViewValue


class Unpacked:
    """The values of views that were read last. Used from one event loop.

    Args:
        most: bytes, as they came, of the views whose values are kept; the newest is in any case.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self._kept: OrderedDict[ViewKey, _Value] = OrderedDict()

    def __len__(self) -> int:
        """Return how many values are kept."""
        return len(self._kept)

    def value(self, key: ViewKey, encoded: bytes) -> ViewValue:
        """Return the value of a view; not to be changed.

        Raises:
            ProviderError: it is none of this kind.
        """
        kept = self._kept.get(key)
        if kept is not None and kept.encoded is encoded:
            self._kept.move_to_end(key)
            return kept.value
        value = decoded_view(key, encoded)
        self._keep(key, _Value(encoded, value))
        return value

    def _keep(self, key: ViewKey, value: _Value) -> None:
        before = self._kept.pop(key, None)
        self._bytes += len(value.encoded) - (len(before.encoded) if before else 0)
        self._kept[key] = value
        while self._bytes > self._most and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.encoded)
