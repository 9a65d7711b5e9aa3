"""A state and secret store that dies, fails, or lets somebody else go first at a chosen moment."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ca_core.contract import ProviderState, SecretStore, UnavailableError

AnswerT = TypeVar("AnswerT")


class Killed(BaseException):
    """The process dies here; nothing after it runs, so no provider may catch it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of a call: before or after its ``number``-th use of the store, counted from 1.

    Attributes:
        number: which one.
        after: once it took effect, instead of before.
        reads: whether reads count too; else only ``create``, ``replace`` and ``delete``.
    """

    number: int
    after: bool = False
    reads: bool = False

    def __str__(self) -> str:
        what = "use" if self.reads else "write"
        return f"{'after' if self.after else 'before'} {what} {self.number}"


class FaultyStore:
    """Lends ``state`` and ``secrets``, and disturbs whoever uses them when told to. Thread-safe.

    What was written stands in the two stores that it was given: lend those to the next server.

    Attributes:
        state: to lend as ``ProviderState``.
        secrets: to lend as ``SecretStore``.
        reached: whether the moment of the last plan came.
    """

    def __init__(self, state: ProviderState, secrets: SecretStore) -> None:
        self.state: ProviderState = _FaultyState(self, state)
        self.secrets: SecretStore = _FaultySecrets(self, secrets)
        self.reached: bool = False
        self._lock = threading.Lock()
        self.heal()

    def heal(self) -> None:
        """Forget every plan; from now on both stores work."""
        self._moment: Moment | None = None
        self._action: Callable[[], object] = _nothing
        self._down: type[BaseException] | None = None
        self._uses = 0

    def at(self, moment: Moment, action: Callable[[], object]) -> None:
        """Run ``action`` once, at ``moment``, on the thread that uses the store."""
        self.heal()
        self.reached, self._action, self._moment = False, action, moment

    def die(self, moment: Moment) -> None:
        """Raise ``Killed`` at ``moment`` and at every use after it."""
        self.at(moment, lambda: self._fall(Killed))

    def fail(self, moment: Moment) -> None:
        """Raise ``UnavailableError`` at ``moment`` and at every use after it."""
        self.at(moment, lambda: self._fall(UnavailableError))

    def use(self, call: Callable[[], AnswerT], *, writes: bool) -> AnswerT:
        """Make one use of the store, disturbed as planned."""
        self._refuse_if_down()
        before, after = self._due(writes=writes)
        if before:
            self._action()
        answer = call()
        if after:
            self._action()
        return answer

    def _due(self, *, writes: bool) -> tuple[bool, bool]:
        """Count one use; say whether the moment is now, before it and after it."""
        with self._lock:
            moment = self._moment
            if moment is None or not (writes or moment.reads):
                return False, False
            self._uses += 1
            if self._uses != moment.number:
                return False, False
            self.reached = True
            return not moment.after, moment.after

    def _fall(self, kind: type[BaseException]) -> None:
        self._down = kind
        self._refuse_if_down()

    def _refuse_if_down(self) -> None:
        if self._down is not None:
            raise self._down("the store is gone")


class _FaultyState:
    def __init__(self, store: FaultyStore, inner: ProviderState) -> None:
        self._store = store
        self._inner = inner

    def get(self, key: str) -> str | None:
        return self._store.use(lambda: self._inner.get(key), writes=False)

    def create(self, key: str, value: str) -> str:
        return self._store.use(lambda: self._inner.create(key, value), writes=True)

    def replace(self, key: str, old: str, new: str | None) -> bool:
        return self._store.use(lambda: self._inner.replace(key, old, new), writes=True)

    def keys(self, prefix: str = "") -> tuple[str, ...]:
        return self._store.use(lambda: self._inner.keys(prefix), writes=False)


class _FaultySecrets:
    def __init__(self, store: FaultyStore, inner: SecretStore) -> None:
        self._store = store
        self._inner = inner

    def get(self, name: str) -> bytes | None:
        return self._store.use(lambda: self._inner.get(name), writes=False)

    def create(self, name: str, value: bytes) -> bytes:
        return self._store.use(lambda: self._inner.create(name, value), writes=True)

    def delete(self, name: str) -> None:
        self._store.use(lambda: self._inner.delete(name), writes=True)


def _nothing() -> None:
    """Disturb nobody."""
