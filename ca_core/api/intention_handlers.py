"""``/v1/connect/intentions``: intentions by their names, matched, and checked."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from ca_core.acl.access import Action
from ca_core.acl.principal import Anonymous
from ca_core.api.http import Request, Response, json_response
from ca_core.api.intention_requests import (
    expected_index,
    names_of,
    refuse_filter,
    require_source_type,
    sides_of,
)
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import ServerRoom, require
from ca_core.api.root_handlers import index_headers, until_changed
from ca_core.errors import NotFoundError
from ca_core.intentions.commits import deleted, meta_kept, upserted
from ca_core.intentions.model import Intention, Name
from ca_core.intentions.naming import one_service, right_name
from ca_core.intentions.rows import (
    INTENTIONS_TOPIC,
    Stored,
    destination_topic,
    destination_topics,
    evaluated,
    source_topics,
    stored,
)
from ca_core.intentions.showing import shown
from ca_core.intentions.validation import parsed_intention
from ca_core.state.protocol import Transaction
from ca_core.state.view import View
from ca_core.wire.intentions import IntentionCheck, IntentionRequest

FILTERED = "x-consul-results-filtered-by-acls"
"""``true`` where rights took something out of a list; never told to anonymous callers."""


Completed = Callable[[View, Intention], Intention]
"""Adds what the body left to what stands."""


async def listed(room: ServerRoom, request: Request) -> Response:
    """Return every intention that the caller may read, as they are evaluated."""
    refuse_other_places(request, room.manager.datacenter)
    refuse_filter(request)
    await until_changed(room, request, INTENTIONS_TOPIC)
    return await asyncio.to_thread(_list, room, request)


async def one(room: ServerRoom, request: Request) -> Response:
    """Return the intention of exactly this source and destination."""
    source, destination = _sides(room, request)
    require_read(room, request, source, destination)
    topic = destination_topic(destination)
    await until_changed(room, request, topic)
    require_read(room, request, source, destination)  # a right may go while one waits
    view = room.store.snapshot
    found = stored(view, source, destination)
    if found is None:
        raise NotFoundError("Intention not found", hint="`GET /v1/connect/intentions` lists all")
    return json_response(shown(found), headers=index_headers(view, view.topic_index(topic)))


async def put(room: ServerRoom, request: Request) -> Response:
    """Write the intention of exactly this source and destination, whatever stands."""
    source, destination = _sides(room, request)
    require_write(room, request, destination)
    expect = expected_index(request)
    body = request.json_in_any_case(IntentionRequest)
    intention = parsed_intention(body, source, destination)
    completed = meta_kept if body.meta is None else _as_it_is
    decide = partial(_upserted, room, intention, completed, expect)
    await asyncio.to_thread(room.store.update, decide)
    return json_response(value=True)


async def delete(room: ServerRoom, request: Request) -> Response:
    """Remove the intention of exactly this source and destination, if there is one."""
    source, destination = _sides(room, request)
    require_write(room, request, destination)
    expect = expected_index(request)
    decide = partial(deleted, source=source, destination=destination, expect=expect)
    await asyncio.to_thread(room.store.update, decide)
    return json_response(value=True)


async def match(room: ServerRoom, request: Request) -> Response:
    """Return the intentions that match each name, as they are evaluated."""
    refuse_other_places(request, room.manager.datacenter)
    by, names = names_of(request)
    _require_each(room, request, names)
    topics_of = source_topics if by == "source" else destination_topics
    topics = tuple({topic for name in names.values() for topic in topics_of(name)})
    await until_changed(room, request, *topics)
    _require_each(room, request, names)  # a right may go while one waits
    now = room.intentions.now
    find = now.from_source if by == "source" else now.to_destination
    body = await asyncio.to_thread(_matches, find, names)
    return Response(headers=index_headers(now.view, now.view.topic_index(*topics)), body=body)


async def check(room: ServerRoom, request: Request) -> Response:
    """Say whether a source may connect to a destination; one that asks for requests is denied."""
    source, destination = _sides(room, request)
    require_source_type(request)
    one_service(source, "source")
    one_service(destination, "destination")
    require(room.may, request, Action.SERVICE_READ, right_name(destination))
    decision = room.intentions.index.decide(source, destination)
    headers = {"x-ca-core-reason": decision.reason}
    return json_response(IntentionCheck(allowed=decision.allowed), headers=headers)


def require_read(room: ServerRoom, request: Request, source: Name, destination: Name) -> None:
    """Refuse a caller who may read neither the source's intentions nor the destination's.

    Raises:
        DeniedError: names the right on the destination.
    """
    if not room.may(request.principal, Action.INTENTION_READ, right_name(source)):
        require(room.may, request, Action.INTENTION_READ, right_name(destination))


def require_write(room: ServerRoom, request: Request, destination: Name) -> None:
    """Refuse a caller who may not say who talks to the destination.

    Raises:
        DeniedError: names the right that is missing.
    """
    require(room.may, request, Action.INTENTION_WRITE, right_name(destination))


def _sides(room: ServerRoom, request: Request) -> tuple[Name, Name]:
    refuse_other_places(request, room.manager.datacenter)
    return sides_of(request)


def _require_each(room: ServerRoom, request: Request, names: Mapping[str, Name]) -> None:
    for name in names.values():
        require(room.may, request, Action.INTENTION_READ, right_name(name))


def _upserted(
    room: ServerRoom, intention: Intention, completed: Completed, expect: int | None, view: View
) -> Transaction | None:
    return upserted(view, completed(view, intention), room.clock.now(), expect=expect)


def _as_it_is(_view: View, intention: Intention) -> Intention:
    return intention


def _list(room: ServerRoom, request: Request) -> Response:
    """Return the list; each is encoded at once, so that a million never live together."""
    view = room.store.snapshot
    readable: list[bytes] = []
    left_out = False
    for each in evaluated(view):
        if _may_read(room, request, each.intention):
            readable.append(msgspec.json.encode(shown(each)))
        else:
            left_out = True
    headers = index_headers(view, view.topic_index(INTENTIONS_TOPIC))
    if left_out and not isinstance(request.principal, Anonymous):
        headers[FILTERED] = "true"
    return Response(headers=headers, body=b"[" + b",".join(readable) + b"]")


def _matches(find: Callable[[Name], tuple[Stored, ...]], names: Mapping[str, Name]) -> bytes:
    """Return JSON of what is found for each name; off the loop, because it may be very much."""
    return msgspec.json.encode(
        {text: [shown(each) for each in find(name)] for text, name in names.items()}
    )


def _may_read(room: ServerRoom, request: Request, intention: Intention) -> bool:
    sides = (intention.destination, intention.source)
    return any(
        room.may(request.principal, Action.INTENTION_READ, right_name(side)) for side in sides
    )
