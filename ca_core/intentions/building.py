"""An index after very many changes, made in slices: others on the loop have their turn between.

What is yielded to is passed in, for example ``lambda: asyncio.sleep(0)``.
"""

from collections.abc import Awaitable, Callable, Iterable

from ca_core.intentions.decision import Default
from ca_core.intentions.index import DENIED, Changes, Index, Pair
from ca_core.intentions.model import Intention

SLICE = 4096
"""Entries copied and set between two pauses: with a million intentions about a millisecond."""

Pause = Callable[[], Awaitable[object]]


async def built(
    intentions: Iterable[Intention], default: Default = DENIED, *, pause: Pause
) -> Index:
    """Return the index of these; of two with the same names the later one counts.

    Raises:
        ValueError: a name holds a blank or a slash.
    """
    return await changed(Index().with_default(default), intentions, pause=pause)


async def changed(
    index: Index, upserted: Iterable[Intention] = (), deleted: Iterable[Pair] = (), *, pause: Pause
) -> Index:
    """Return what ``index.with_changes`` returns.

    Raises:
        ValueError: a name holds a blank or a slash.
    """
    changes, due = Changes(index), SLICE
    for source, destination in deleted:
        changes.delete(source, destination)
        if changes.work > due:
            due = changes.work + SLICE
            await pause()
    for intention in upserted:
        changes.upsert(intention)
        if changes.work > due:
            due = changes.work + SLICE
            await pause()
    return changes.done()
