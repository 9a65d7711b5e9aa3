"""Answers that were encoded once, kept for whoever asks the same and may see the same."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from ca_core.acl.sight import Sight
from ca_core.api.http import Response

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of bodies that are kept."""

MOST_ENTRIES: Final = 4096

_BESIDE_BODY: Final = 256
"""Bytes that an entry takes beside its body, about."""

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A body, and whether rights took something out of it.

    Attributes:
        told: answers with this body, by what else they say.
    """

    body: bytes = field(repr=False)
    hidden: bool
    told: dict[Hashable, Response] = field(default_factory=dict, repr=False, compare=False)


class KeptAnswers:
    """The answers that were asked for last; used from one event loop.

    Whoever sees everything shares one body, whatever they may besides.

    Args:
        most_bytes: of bodies; the newest is kept in any case.
        most_entries: one for each question and each set of rights.
    """

    def __init__(self, most_bytes: int = MOST_BYTES, most_entries: int = MOST_ENTRIES) -> None:
        self._most_bytes = most_bytes
        self._most_entries = most_entries
        self._kept: OrderedDict[tuple[Hashable, Sight | None], Encoded] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        """Return how many answers are kept."""
        return len(self._kept)

    def found(self, question: Hashable, sight: Sight | None) -> Encoded | None:
        """Return the answer that is kept for whoever sees with ``sight``; None if there is none."""
        return None if sight is None else self._found((question, sight))

    def encoded(
        self,
        question: Hashable,
        sight: Sight | None,
        see: Callable[[], tuple[ValueT, bool]],
        encode: Callable[[ValueT], bytes],
    ) -> Encoded:
        """Return the answer for whoever sees with ``sight``, made anew, and keep it.

        Args:
            question: equal ones have one answer for whoever sees everything.
            sight: None is cut for them alone, and not kept.
            see: cuts the value to the caller; says whether that took something out.
            encode: makes the body of what is seen.
        """
        value, hidden = see()
        whole = None if hidden else self._found((question, None))
        made = whole or Encoded(encode(value), hidden)
        if not hidden:
            self._keep(question, None, made)
        if sight is not None:
            self._keep(question, sight, made)
        return made

    def _found(self, key: tuple[Hashable, Sight | None]) -> Encoded | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def _keep(self, question: Hashable, sight: Sight | None, made: Encoded) -> None:
        key = (question, sight)
        if key in self._kept:
            return
        self._kept[key] = made
        self._bytes += _cost(made)
        while len(self._kept) > 1 and self._is_too_much():
            _, gone = self._kept.popitem(last=False)
            self._bytes -= _cost(gone)

    def _is_too_much(self) -> bool:
        return self._bytes > self._most_bytes or len(self._kept) > self._most_entries


def _cost(made: Encoded) -> int:
    return len(made.body) + _BESIDE_BODY
