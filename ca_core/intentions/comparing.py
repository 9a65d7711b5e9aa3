"""What a change of intentions newly allows and denies, over the names that there are and any other.

Names that no intention speaks of are all decided alike, so one stands for them: ``OTHER``, in each
namespace that is mentioned and in one that is not. Over these names a comparison is exact.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from ca_core.errors import RequestError
from ca_core.identity.spiffe import DEFAULT_NAMESPACE
from ca_core.intentions.decision import Decision, Default, Why
from ca_core.intentions.index import Index, Pair
from ca_core.intentions.model import ANY, WILDCARD, Name, Permission
from ca_core.intentions.wording import permission_words

OTHER = "any other"
"""Any service, or namespace, that is not mentioned: no name, because names hold no blanks."""

MOST_PAIRS = 200_000
"""Pairs that are compared at most: a second or two of one processor."""

Program = bool | tuple[Permission, ...]


class Effect(StrEnum):
    """What became different for a pair of names."""

    ALLOWS = "newly allows"
    DENIES = "newly denies"
    PERMISSIONS = "permissions differ"
    """Connections are decided as before, requests are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A pair that is decided in another way.

    Attributes:
        source, destination: services, or ``OTHER`` ones; never wildcards.
        gained, lost: what is said of requests now, and was before; empty where nothing is.
    """

    source: Name
    destination: Name
    effect: Effect
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def compared(
    before: Index, after: Index, changed: Iterable[Pair] | None = None
) -> tuple[Difference, ...]:
    """Return every pair that is decided in another way, in order.

    Args:
        before: what holds.
        after: what would hold.
        changed: the names of every intention that differs; None to look for them.

    Raises:
        RequestError: more than ``MOST_PAIRS`` pairs had to be looked at.
    """
    noted = changed_pairs(before, after) if changed is None else changed
    found = {pair for pair in noted if before.enforced.get(*pair) or after.enforced.get(*pair)}
    if before.default.allowed is not after.default.allowed:
        found.add((ANY, ANY))
    differences = (_difference(before, after, pair) for pair in _affected(before, found))
    kept = (one for one in differences if one is not None)
    return tuple(sorted(kept, key=lambda one: (one.source, one.destination)))


def changed_pairs(before: Index, after: Index) -> set[Pair]:
    """Return the names of what is enforced on one side, and not the same on the other."""
    old, new = _enforced(before), _enforced(after)
    return {pair for pair in old.keys() | new.keys() if old.get(pair) != new.get(pair)}


def _enforced(index: Index) -> dict[Pair, Program]:
    return {
        (source, destination): one.intention.permissions if one.why is Why.L7 else one.allowed
        for source, destination, one in index.enforced.items()
    }


def _affected(before: Index, changed: set[Pair]) -> set[Pair]:
    """Return every pair of names that a changed intention may decide.

    What is enforced afterwards and not before is among the changed.
    """
    if all(source.is_service and destination.is_service for source, destination in changed):
        return changed
    names = [(source, destination) for source, destination, _ in before.enforced.items()]
    names += changed
    spaces = {DEFAULT_NAMESPACE} | {name.namespace for pair in names for name in pair} - {WILDCARD}
    others = {Name(space, OTHER) for space in (*spaces, OTHER)}
    sources = others | {source for source, _ in names if source.is_service}
    destinations = others | {destination for _, destination in names if destination.is_service}
    found: set[Pair] = set()
    for source, destination in changed:
        rows, columns = _covered(source, sources), _covered(destination, destinations)
        if len(rows) * len(columns) > MOST_PAIRS or len(found) > MOST_PAIRS:
            raise RequestError(
                f"concerns more than {MOST_PAIRS} pairs of names",
                field="Intentions",
                hint="compare changes of fewer wildcards at once",
            )
        found.update(product(rows, columns))
    return found


def _covered(name: Name, among: set[Name]) -> list[Name]:
    if name.is_service:
        return [name]
    return [one for one in among if name.covers(one)]


def _difference(before: Index, after: Index, pair: Pair) -> Difference | None:
    old, new = _decided(before, pair), _decided(after, pair)
    if old is new and before.default == after.default:
        return None
    effect = _effect(old.allowed, new.allowed)
    if Why.L7 not in (old.why, new.why):
        return Difference(source=pair[0], destination=pair[1], effect=effect) if effect else None
    was, now = _program(old, before.default), _program(new, after.default)
    if effect is None and was == now:
        return None
    gained, lost = _told_apart(was, now, before.default, after.default)
    return Difference(
        source=pair[0],
        destination=pair[1],
        effect=effect or Effect.PERMISSIONS,
        gained=gained,
        lost=lost,
    )


def _decided(index: Index, pair: Pair) -> Decision:
    """Return what is decided, without what is observed."""
    return index.enforced.find(*pair) or index.fallback


def _effect(was: bool, now: bool) -> Effect | None:  # noqa: FBT001 - before and after
    if was is now:
        return None
    return Effect.ALLOWS if now else Effect.DENIES


def _program(decided: Decision, default: Default) -> Program:
    """Return what is said of every request; what only repeats the default at the end is left out.

    A request that cannot be compared is denied where permissions are looked at; that alone makes no
    difference.
    """
    if decided.why is not Why.L7 or decided.intention is None:
        return decided.allowed
    kept = list(decided.intention.permissions)
    while kept and kept[-1].action.allows is default.allowed:
        kept.pop()
    return tuple(kept) or default.allowed


def _told_apart(
    was: Program, now: Program, before: Default, after: Default
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is said now and was not, and what was; nothing where nobody looks at requests."""
    if isinstance(was, bool) and isinstance(now, bool):
        return (), ()
    old, new = tuple(_lines(was, before)), tuple(_lines(now, after))
    gained = tuple(line for line in new if line not in old)
    lost = tuple(line for line in old if line not in new)
    return (gained, lost) if gained or lost else (new, old)


def _lines(program: Program, default: Default) -> Iterator[str]:
    if isinstance(program, bool):
        yield f"{_word(program)} every request"
        return
    yield from map(permission_words, program)
    yield f"{_word(default.allowed)} every other request"


def _word(allowed: bool) -> str:  # noqa: FBT001 - what is put in words
    return "allow" if allowed else "deny"
