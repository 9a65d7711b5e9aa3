"""What needs attention when: one heap for all records."""

import heapq
import itertools
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

MomentT = TypeVar("MomentT")


class Timed(Protocol[MomentT]):
    """A record that needs attention at some moment.

    Attributes:
        scheduled: the earliest moment for which a timetable holds an entry of it.
    """

    scheduled: MomentT | None

    def due(self) -> MomentT:
        """Return the next moment at which it needs attention."""
        ...


RecordT = TypeVar("RecordT", bound=Timed[Any])


class Timetable(Generic[MomentT, RecordT]):
    """Records by the moment they are due. Entries that were overtaken are skipped when reached.

    Moments are wall-clock times or monotonic seconds: whatever the records' ``due`` returns.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[Any, int, RecordT]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        """Return the number of entries, overtaken ones included."""
        return len(self._heap)

    def enter(self, record: RecordT) -> bool:
        """Enter the record for its next moment; say whether that is now the earliest of all.

        Nothing happens if an entry for that moment or an earlier one exists: when it is reached,
        the record is entered anew.
        """
        due = record.due()
        if record.scheduled is not None and record.scheduled <= due:
            return False
        record.scheduled = due
        heapq.heappush(self._heap, (due, next(self._order), record))
        return self._heap[0][2] is record

    def taken(self, now: MomentT) -> Iterator[RecordT]:
        """Take out, one by one, the records entered for ``now`` or before."""
        while self._heap and self._heap[0][0] <= now:
            due, _, record = heapq.heappop(self._heap)
            if record.scheduled == due:
                record.scheduled = None
                yield record

    def next_due(self) -> MomentT | None:
        """Return the earliest entry, or None."""
        return self._heap[0][0] if self._heap else None
