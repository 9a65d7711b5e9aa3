"""Intentions of a large mesh, and questions about them, drawn the same way every time."""

from collections.abc import Iterator
from itertools import product
from random import Random

from ca_core.intentions.model import ANY, WILDCARD, Intention, Name, Verdict

SPACES = ("default", "billing", "search", "edge")

Pair = tuple[Name, Name]

_ANY_SOURCE = 0.015
"""Share of intentions whose source is a wildcard: a service says who may not, then who may."""

_WIDE = 16
"""Services that may reach all of a namespace, and as many that may reach everything."""


def intentions(count: int) -> Iterator[Intention]:
    """Yield about ``count`` intentions of all nine precedences among a tenth as many services."""
    random = Random(count)
    for pair in _wildcards(random, count):
        yield _intention(random, pair)
    for _ in range(count):
        source, destination = services(random, count)
        kind = random.random()
        if kind < _ANY_SOURCE:
            source = ANY if kind < _ANY_SOURCE / 3 else Name(source.namespace, WILDCARD)
        yield _intention(random, (source, destination))


def services(random: Random, count: int) -> Pair:
    """Return two services of a mesh with so many intentions, as fresh as from a wire."""
    return _service(random, count), _service(random, count)


def _service(random: Random, count: int) -> Name:
    number = random.randrange(max(20, count // 10))
    return Name(SPACES[number % len(SPACES)], f"service-{number}")


def _wildcards(random: Random, count: int) -> Iterator[Pair]:
    for _ in range(min(_WIDE, count // 20)):
        source, destination = services(random, count)
        yield source, Name(destination.namespace, WILDCARD)
        yield _service(random, count), ANY
    everywhere = [Name(space, WILDCARD) for space in SPACES[1:]]
    yield from product([everywhere[0], ANY], [everywhere[1], everywhere[2], ANY])


def _intention(random: Random, pair: Pair) -> Intention:
    action = random.choice((Verdict.ALLOW, Verdict.DENY))
    return Intention(source=pair[0], destination=pair[1], action=action)
