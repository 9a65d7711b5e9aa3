"""Intentions for agents: each holds those of the destinations it decides for.

Nothing of an agent is remembered between two calls: it says what it holds, and is told the rest.
"""

from collections.abc import Iterator, Mapping

import msgspec

from ca_core.api.news import Look, News
from ca_core.api.rooms import ServerRoom
from ca_core.errors import RequestError
from ca_core.intentions.following import Followed
from ca_core.intentions.lists import default_text
from ca_core.intentions.model import Name
from ca_core.intentions.naming import parsed_name
from ca_core.intentions.rows import INTENTIONS, destination_topic, key_of
from ca_core.wire.intentionlists import DestinationList, ListsAnswer, ListsRequest

MOST_NAMES = 10_000
"""Destinations of one request; an agent holds fewer."""

ENOUGH_BYTES = 4 * 1024 * 1024
"""Of rows in one answer: what goes beyond this waits for the next, but for one whole list."""


def lists_look(room: ServerRoom, asked: ListsRequest) -> Look:
    """Return what looks at the lists that an agent does not hold; an answer is a ``ListsAnswer``.

    Changes of other destinations do not touch it.

    Raises:
        RequestError: too many names, or one that is none.
    """
    names = wanted(asked)
    topics = tuple(map(destination_topic, names.values()))

    async def look() -> News[ListsAnswer]:
        now = room.intentions.now
        answer = _answer(now, asked, names)
        return News(
            answer=answer,
            is_news=bool(answer.lists) or answer.default != asked.default,
            topics=topics,
            index=now.view.topic_index(*topics),
        )

    return look


def wanted(asked: ListsRequest) -> Mapping[str, Name]:
    """Return the destinations that are asked about, by how they are written.

    Raises:
        RequestError: too many, or one that is no name.
    """
    if len(asked.held) > MOST_NAMES:
        raise RequestError(f"more than {MOST_NAMES} destinations", field="Held")
    return {text: _destination(text) for text in asked.held}


def _destination(text: str) -> Name:
    found = parsed_name(text, "Held")
    if str(found) != text:
        raise RequestError(f"{text[:80]!r} is not written as ns/svc", field="Held")
    return found


def _answer(now: Followed, asked: ListsRequest, names: Mapping[str, Name]) -> ListsAnswer:
    held = asked.held if asked.epoch == now.view.epoch else dict.fromkeys(asked.held, 0)
    return ListsAnswer(
        epoch=now.view.epoch,
        default=default_text(now.index.default),
        lists=tuple(_bounded(_differing(now, held, names))),
    )


def _differing(
    now: Followed, held: Mapping[str, int], names: Mapping[str, Name]
) -> Iterator[DestinationList]:
    for text, name in names.items():
        index = now.view.topic_index(destination_topic(name))
        if index != held[text]:
            yield DestinationList(destination=text, index=index, sources=_sources(now, name))


def _sources(now: Followed, destination: Name) -> dict[str, msgspec.Raw]:
    rows = now.view.table(INTENTIONS)
    sources = (one.source for one in now.index.exactly_to(destination))
    return {str(each): msgspec.Raw(rows[key_of(each, destination)].value) for each in sources}


def _bounded(found: Iterator[DestinationList]) -> Iterator[DestinationList]:
    size = 0
    for each in found:
        yield each
        size += sum(len(bytes(row)) for row in each.sources.values())
        if size > ENOUGH_BYTES:
            return
