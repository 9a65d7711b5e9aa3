"""Differences put together, so that a change of a wildcard is a line and not a thousand."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ca_core.intentions.comparing import OTHER, Difference, Effect
from ca_core.intentions.model import Name
from ca_core.intentions.naming import short

_Kind = tuple[Effect, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The same difference between every one of the sources and every one of the destinations.

    Attributes:
        sources, destinations: in order, the unmentioned last.
        gained, lost: as in ``Difference``.
    """

    effect: Effect
    sources: tuple[Name, ...]
    destinations: tuple[Name, ...]
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    def __str__(self) -> str:
        sources = ", ".join(map(other_words, self.sources))
        return f"{self.effect} {sources} -> {', '.join(map(other_words, self.destinations))}"


def grouped(differences: Iterable[Difference]) -> tuple[Group, ...]:
    """Return the differences in as few groups as destinations with the same sources allow."""
    sources: dict[tuple[_Kind, Name], list[Name]] = defaultdict(list)
    for one in differences:
        kind = (one.effect, one.gained, one.lost)
        sources[kind, one.destination].append(one.source)
    destinations: dict[tuple[_Kind, tuple[Name, ...]], list[Name]] = defaultdict(list)
    for (kind, destination), names in sources.items():
        destinations[kind, tuple(sorted(names, key=_order))].append(destination)
    groups = (
        Group(
            effect=kind[0],
            sources=names,
            destinations=tuple(sorted(to, key=_order)),
            gained=kind[1],
            lost=kind[2],
        )
        for (kind, names), to in destinations.items()
    )
    return tuple(sorted(groups, key=_group_order))


def other_words(name: Name) -> str:
    """Return ``web``, ``ns/web``, ``any other``, ``any other of ns``, or words for a new one."""
    if name.namespace == OTHER:
        return "any of any other namespace"
    if name.name != OTHER:
        return short(name)
    return OTHER if short(name) == OTHER else f"{OTHER} of {name.namespace}"


def _order(name: Name) -> tuple[bool, bool, Name]:
    return (name.namespace == OTHER, name.name == OTHER, name)


def _group_order(group: Group) -> tuple[int, list[tuple[bool, bool, Name]]]:
    first = [_order(name) for name in (*group.destinations[:1], *group.sources[:1])]
    return (tuple(Effect).index(group.effect), first)
