"""Roots, leaves and intentions as the inventory sees them: each keeps its own machinery."""

from collections import Counter
from collections.abc import Hashable, Iterator
from typing import cast

from ca_core.agent.cache.entries import Counts, Entry, Standing
from ca_core.agent.cache.inventory import Inventory
from ca_core.agent.cache.kinds import KindName
from ca_core.agent.cache.views import ViewCache
from ca_core.agent.intentions import IntentionCache
from ca_core.agent.knownroots import KnownRoots
from ca_core.agent.leafrecord import LeafName
from ca_core.agent.leaves import LeafCache
from ca_core.agent.rootscache import RootsCache
from ca_core.clock import Clock
from ca_core.intentions.model import Name

BYTES_OF_DESTINATION = 500
"""What a destination takes besides its intentions."""
BYTES_OF_INTENTION = 350
"""What an intention takes, measured; permissions take more."""
_JSON_TO_MEMORY = 3


class KeptRoots:
    """The roots: one entry, which never goes."""

    kind = KindName.ROOTS

    def __init__(self, roots: RootsCache) -> None:
        self._roots = roots
        self._size = 0
        roots.subscribe(self._weigh)

    @property
    def counts(self) -> Counts:
        """Return what happened to readers."""
        return self._roots.counts

    @property
    def size(self) -> int:
        """Return the bytes of the roots, about."""
        return self._size

    def standing(self) -> Standing:
        """Return whether they are known, and how old they are."""
        known = self._roots.latest is not None
        age = self._roots.age.total_seconds()
        return Standing(entries=int(known), waiters=self._roots.waiters, age=age)

    def entries(self) -> Iterator[Entry]:
        """Yield the roots, if they are known."""
        known, counts = self._roots.latest, self.counts
        if known is None:
            return
        yield Entry(
            kind=self.kind,
            id="",
            key=known.value.trust_domain,
            bytes=self._size,
            age=self._roots.age.total_seconds(),
            unused=0.0,
            hits=counts.hits,
            misses=counts.misses,
            waiters=self._roots.waiters,
            index=known.index,
            error=str(self._roots.last_error or ""),
            busy=True,
        )

    def evict(self, entry_id: Hashable) -> int:
        """Refuse: without roots nothing can be verified."""
        return 0

    def _weigh(self, known: KnownRoots) -> None:
        pem = sum(len(root.root_cert) for root in known.value.roots)
        self._size = _JSON_TO_MEMORY * pem


class KeptLeaves:
    """Leaves, each an entry of its caller."""

    kind = KindName.LEAF

    def __init__(self, leaves: LeafCache, roots: RootsCache, clock: Clock) -> None:
        self._leaves = leaves
        self._roots = roots
        self._clock = clock

    @property
    def counts(self) -> Counts:
        """Return what happened to readers and leaves."""
        return self._leaves.counts

    @property
    def size(self) -> int:
        """Return the bytes of all leaves, about."""
        return self._leaves.size

    def standing(self) -> Standing:
        """Return how many leaves there are, and how many callers wait; each has its own age."""
        sizes = [len(record.readers) for record in self._leaves.records()]
        return Standing(entries=len(sizes), waiters=sum(sizes))

    def entries(self) -> Iterator[Entry]:
        """Yield every leaf, and every attempt to have a first one."""
        now = self._clock.now()
        age = self._roots.age.total_seconds()
        for record in tuple(self._leaves.records()):
            leaf, error = record.leaf, record.error
            yield Entry(
                kind=self.kind,
                id=record.name,
                key=_text_of(record.name),
                partitions=(record.name.partition,),
                bytes=record.size,
                age=age if leaf is None else (now - leaf.issued_at).total_seconds(),
                unused=(now - record.last_used).total_seconds(),
                hits=0,
                misses=0,
                waiters=len(record.readers),
                index=0 if leaf is None else leaf.index,
                error=str(error or ""),
                refreshed=False,
                busy=record.busy,
            )

    def evict(self, entry_id: Hashable) -> int:
        """Forget a leaf that nobody waits for."""
        return self._leaves.evict(cast("LeafName", entry_id))


class KeptIntentions:
    """Intentions, those of one destination an entry; wildcards are part of none."""

    kind = KindName.INTENTIONS

    def __init__(self, intentions: IntentionCache, clock: Clock) -> None:
        self._intentions = intentions
        self._clock = clock

    @property
    def counts(self) -> Counts:
        """Return what happened to callers."""
        return self._intentions.counts

    @property
    def size(self) -> int:
        """Return the bytes of all intentions, about."""
        intentions = self._intentions
        of_index = BYTES_OF_INTENTION * len(intentions.held.index)
        return BYTES_OF_DESTINATION * len(intentions.destinations) + of_index

    def standing(self) -> Standing:
        """Return how many services are decided for, and how old that is."""
        cache = self._intentions
        return Standing(
            entries=len(cache.destinations),
            waiters=sum(cache.destinations.awaited.values()),
            age=cache.age.total_seconds() if len(cache.destinations) else 0.0,
        )

    def entries(self) -> Iterator[Entry]:
        """Yield every destination that is decided for."""
        cache, now = self._intentions, self._clock.monotonic()
        sizes = Counter(one.destination for one in cache.held.index)
        for name, used in tuple(cache.destinations.used.items()):
            waiters = cache.destinations.awaited[name]
            yield Entry(
                kind=self.kind,
                id=name,
                key=str(name),
                bytes=BYTES_OF_DESTINATION + BYTES_OF_INTENTION * sizes[name],
                age=cache.age.total_seconds(),
                unused=now - used,
                hits=0,
                misses=0,
                waiters=waiters,
                index=cache.held.lists.get(name, 0),
                busy=waiters > 0,
            )

    def evict(self, entry_id: Hashable) -> int:
        """Forget a destination that nobody waits for; its intentions go with the next answer."""
        name = cast("Name", entry_id)
        held = sum(1 for _ in self._intentions.held.index.exactly_to(name))
        freed = BYTES_OF_DESTINATION + BYTES_OF_INTENTION * held
        return freed if self._intentions.evict(name) else 0


def inventory_of(
    roots: RootsCache,
    leaves: LeafCache,
    intentions: IntentionCache,
    views: ViewCache,
    clock: Clock,
    budget: int,
) -> Inventory:
    """Return the inventory of one agent; whatever grows keeps the budget, bytes, from now on."""
    found = Inventory(
        (
            KeptRoots(roots),
            KeptLeaves(leaves, roots, clock),
            KeptIntentions(intentions, clock),
            *views.kept,
        ),
        budget,
    )
    leaves.subscribe(found.keep_within)
    intentions.on_growth = found.keep_within
    for cache in views.kept:
        cache.on_growth = found.keep_within
    return found


def _text_of(name: LeafName) -> str:
    more = ",".join((*name.dns_names, *map(str, name.ip_addresses)))
    return f"{name.service} ({more})" if more else name.service
