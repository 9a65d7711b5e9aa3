"""What follows from a view alone, worked out once for each view and not for each request."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from ca_core.state.view import View

KeyT = TypeVar("KeyT", bound=Hashable)
AnswerT = TypeVar("AnswerT")


class Reading(Generic[KeyT, AnswerT]):
    """Remembers answers until another view is asked about. Thread-safe.

    Args:
        read: depends on nothing but the view and the key; what it raises is not remembered.
    """

    def __init__(self, read: Callable[[View, KeyT], AnswerT]) -> None:
        self._read = read
        self._found: tuple[View | None, dict[KeyT, AnswerT]] = (None, {})

    def of(self, view: View, key: KeyT) -> AnswerT:
        """Return what ``read`` says of ``view``; as a rule views are asked about one at a time."""
        seen, found = self._found
        if seen is not view:
            found = {}
            self._found = (view, found)  # one assignment: no thread sees a view beside foreign rows
        if key not in found:
            found[key] = self._read(view, key)
        return found[key]
