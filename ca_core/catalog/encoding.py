"""Instances as JSON, each made once for as long as its rows stand."""

from collections.abc import Iterator

import msgspec

from ca_core.catalog.index import Catalog, Keys
from ca_core.catalog.rows import SERVICES, parts_of
from ca_core.catalog.showing import instances
from ca_core.state.protocol import Row

SPARE = 1000
"""Instances that may be remembered beyond those there are, before the others are forgotten."""

_encoder = msgspec.json.Encoder()


class EncodedInstances:
    """Remembers instances: of a thousand of which one changed, one is made. One event loop only."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Row, int, bytes]] = {}

    def of(self, catalog: Catalog, keys: Keys) -> bytes:
        """Return a list of instances as JSON."""
        if len(self._known) > len(catalog.placed) + SPARE:
            self._known = {key: self._known[key] for key in self._known if key in catalog.placed}
        return b"[" + b",".join(self._each(catalog, keys)) + b"]"

    def _each(self, catalog: Catalog, keys: Keys) -> Iterator[bytes]:
        rows, hosts = catalog.view.table(SERVICES), dict[str, int]()
        for key in keys:
            node, _ = parts_of(key)
            if node not in hosts:
                hosts[node] = catalog.hosts.get(node, 0)
            row, host, known = rows[key], hosts[node], self._known.get(key)
            if known is None or known[0] is not row or known[1] != host:
                (made,) = instances(catalog, (key,))
                known = self._known[key] = row, host, _encoder.encode(made)
            yield known[2]
