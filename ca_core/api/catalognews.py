"""What agents follow of the catalog: views, and whether what is stored of them is what they say."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from ca_core.api.news import Look, News
from ca_core.api.rooms import ServerRoom
from ca_core.catalog.index import Catalog
from ca_core.catalog.rows import node_topic
from ca_core.catalog.viewing import parsed_key
from ca_core.catalog.views import ViewKey
from ca_core.errors import RequestError
from ca_core.identity.spiffe import AgentId
from ca_core.lifecycle.rows import AGENTS, AgentRecord
from ca_core.state.rows import read
from ca_core.state.view import View
from ca_core.wire.watch import FoundView, ViewsAnswer, ViewsRequest

MOST_VIEWS = 10_000
"""Views of one question; an agent follows fewer."""

ENOUGH_BYTES = 4 * 1024 * 1024
"""Of views in one answer: what goes beyond this waits for the next, but for one whole view."""


def views_look(room: ServerRoom, asked: ViewsRequest) -> Look:
    """Return what looks at the views an agent follows; an answer is a ``ViewsAnswer``.

    Raises:
        RequestError: too many, or one that is none.
    """
    if len(asked.held) > MOST_VIEWS:
        raise RequestError(f"more than {MOST_VIEWS} views", field="Held")
    keys = {parsed_key(text, "Held"): index for text, index in asked.held.items()}

    async def look() -> News[ViewsAnswer]:
        catalog, viewing = room.catalog.following.now, room.catalog.viewing
        held = keys if asked.epoch == catalog.view.epoch else dict.fromkeys(keys, 0)
        topics = {topic for key in keys for topic in viewing.look(catalog, key).topics}
        views = tuple(_bounded(_differing(room, catalog, held)))
        return News(
            answer=ViewsAnswer(epoch=catalog.view.epoch, views=views),
            is_news=bool(views),
            topics=tuple(topics),
            index=catalog.view.topic_index(*topics),
        )

    return look


def sync_look(room: ServerRoom, agent: AgentId, digest: str) -> Look:
    """Return what looks at what is stored of an agent; news is True: not what ``digest`` names."""
    topics = (node_topic(agent.node),)

    async def look() -> News[bool]:
        catalog = room.catalog.following.now
        joined = joined_at(room.store.snapshot, agent)
        differs = room.catalog.digests.at(catalog, agent.node, joined) != digest
        index = catalog.view.topic_index(*topics)
        return News(answer=differs, is_news=differs, topics=topics, index=index)

    return look


def joined_at(view: View, agent: AgentId) -> datetime | None:
    """Return when an agent joined; None for one in the server's own process."""
    known = read(view, AgentRecord, AGENTS, agent.node)
    return known.joined if known is not None and known.spiffe_id == str(agent) else None


def _differing(
    room: ServerRoom, catalog: Catalog, held: Mapping[ViewKey, int]
) -> Iterator[FoundView]:
    viewing = room.catalog.viewing
    for key, index in held.items():
        looked = viewing.look(catalog, key)
        if looked.index != index:
            value = msgspec.Raw(viewing.encoded(catalog, key))
            yield FoundView(key=str(key), index=looked.index, value=value)


def _bounded(found: Iterator[FoundView]) -> Iterator[FoundView]:
    size = 0
    for each in found:
        yield each
        size += len(bytes(each.value))
        if size > ENOUGH_BYTES:
            return
