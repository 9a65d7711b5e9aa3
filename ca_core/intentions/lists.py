"""Lists of intentions by destination, as an agent reads them; pure.

A row that this program does not understand, because a newer one wrote it, is read as a denial:
what it adds can only be a condition that nobody here would look at.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from ca_core.errors import ProviderError
from ca_core.intentions.decision import Default, Why
from ca_core.intentions.index import Index, Pair
from ca_core.intentions.model import ANY, WILDCARD, Intention, Name, Verdict, covering
from ca_core.intentions.rows import intention_of, key_of, written
from ca_core.wire.intentionlists import DestinationList, ListsAnswer

MISUNDERSTOOD = "not understood by this agent, and denied: the server is newer"
"""Description of an intention whose row cannot be read here."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What an agent knows: the intentions of some destinations, complete for each of them.

    Attributes:
        index: decides for those destinations, and for no other.
        epoch: that of the indexes.
        default: as it was answered; '' before the first answer.
        lists: destination → index of its list.
    """

    index: Index = field(default_factory=Index)
    epoch: str = ""
    default: str = ""
    lists: Mapping[Name, int] = field(default_factory=dict)

    def decides_for(self, destination: Name) -> bool:
        """Say whether every list is here that a decision needs."""
        lists = self.lists
        every = (destination.namespace, WILDCARD)  # is a Name to a dictionary, and quicker made
        return destination in lists and every in lists and ANY in lists


def default_text(default: Default) -> str:
    """Return a default in one line: ``allow`` or ``deny``, and why."""
    return f"{'allow' if default.allowed else 'deny'} {default.why}"


def parsed_default(text: str) -> Default:
    """Return what ``default_text`` wrote.

    Raises:
        ProviderError: something else.
    """
    verdict, _, why = text.partition(" ")
    try:
        return Default(Verdict(verdict).allows, Why(why))
    except ValueError as error:
        raise ProviderError(f"the server's default {text[:40]!r} is none") from error


def needed(destinations: Iterable[Name]) -> frozenset[Name]:
    """Return the lists that decisions about these services need, wildcards among them."""
    return frozenset(name for each in destinations for name in covering(each))


def intentions_in(found: DestinationList) -> Iterator[Intention]:
    """Yield the intentions of a list.

    Raises:
        ProviderError: a name is none.
    """
    destination = name_of(found.destination)
    for source, row in found.sources.items():
        yield _read(name_of(source), destination, bytes(row))


def gone(index: Index, answer: ListsAnswer) -> Iterator[Pair]:
    """Yield the pairs that are here and no longer in the lists that were answered."""
    for each in answer.lists:
        for one in index.exactly_to(name_of(each.destination)):
            if str(one.source) not in each.sources:
                yield one.source, one.destination


def pairs_to(index: Index, destinations: Iterable[Name]) -> Iterator[Pair]:
    """Yield the pairs of every intention with one of these destinations."""
    for name in destinations:
        yield from ((one.source, one.destination) for one in index.exactly_to(name))


def name_of(text: str) -> Name:
    """Return the name that the server wrote as ``ns/name``.

    Raises:
        ProviderError: it is none.
    """
    parts = text.split("/")
    if len(parts) != 2 or not all(parts) or " " in text:  # noqa: PLR2004 - namespace and name
        raise ProviderError(f"the server's name {text[:80]!r} is none")
    return Name(*parts)


def _read(source: Name, destination: Name, row: bytes) -> Intention:
    try:
        found = intention_of(key_of(source, destination), row)
        if _all_understood(row, written(found).value):
            return found
    except (msgspec.MsgspecError, ValueError):
        pass
    return Intention(
        source=source, destination=destination, action=Verdict.DENY, description=MISUNDERSTOOD
    )


def _all_understood(row: bytes, understood: bytes | None) -> bool:
    """Say whether nothing was lost between reading a row and writing it again."""
    if row == understood:
        return True
    return understood is not None and _within(_plain(row), _plain(understood))


def _plain(row: bytes) -> object:
    found: object = msgspec.json.decode(row)
    return found


def _within(part: object, whole: object) -> bool:
    """Say whether all that ``part`` says is in ``whole`` too; what is empty says nothing."""
    match part, whole:
        case dict(), dict():
            return all(_within(one, whole.get(key)) for key, one in part.items() if one)
        case list(), list():
            return len(part) == len(whole) and all(map(_within, part, whole))
        case _:
            return part == whole
