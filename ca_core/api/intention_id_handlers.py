"""Intentions by id, for old clients: created, read, changed, removed."""

import asyncio
import uuid
from dataclasses import replace
from datetime import datetime

from ca_core.api.http import Request, Response, json_response
from ca_core.api.intention_handlers import require_read, require_write
from ca_core.api.intention_requests import id_of
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import ServerRoom
from ca_core.api.root_handlers import index_headers, until_changed
from ca_core.errors import NotFoundError, RequestError
from ca_core.intentions.commits import created, deleted_by_id, require_id, updated_by_id
from ca_core.intentions.rows import Stored, destination_topic, stored_by_id
from ca_core.intentions.showing import shown
from ca_core.intentions.validation import named_in, parsed_intention
from ca_core.state.protocol import Transaction
from ca_core.state.view import View
from ca_core.wire.intentions import IntentionCreated, IntentionRequest


async def create(room: ServerRoom, request: Request) -> Response:
    """Create an intention, and return its id."""
    refuse_other_places(request, room.manager.datacenter)
    body = request.json_in_any_case(IntentionRequest)
    if body.id:
        raise RequestError("ID must be empty when creating a new intention", field="ID")
    intention = parsed_intention(body, *named_in(body))
    require_write(room, request, intention.destination)
    name = str(uuid.uuid4())
    await asyncio.to_thread(
        room.store.update, lambda view: created(view, intention, name, room.clock.now())
    )
    return json_response(IntentionCreated(id=name))


async def one(room: ServerRoom, request: Request) -> Response:
    """Return the intention of this id."""
    found = _found(room, request)
    topic = destination_topic(found.intention.destination)
    await until_changed(room, request, topic)
    found = _found(room, request)
    view = room.store.snapshot
    return json_response(shown(found), headers=index_headers(view, view.topic_index(topic)))


async def put(room: ServerRoom, request: Request) -> Response:
    """Change the intention of this id; its destination stays."""
    standing = _standing(room, request, "modify")
    body = request.json_in_any_case(IntentionRequest)
    name = standing.intention.id
    await asyncio.to_thread(
        room.store.update, lambda view: _updated(view, body, name, room.clock.now())
    )
    return json_response(IntentionCreated(id=name))


async def delete(room: ServerRoom, request: Request) -> Response:
    """Remove the intention of this id."""
    name = _standing(room, request, "delete").intention.id
    await asyncio.to_thread(room.store.update, lambda view: deleted_by_id(view, name))
    return json_response(value=True)


def _found(room: ServerRoom, request: Request) -> Stored:
    """Return the intention of the path, if the caller may read it."""
    refuse_other_places(request, room.manager.datacenter)
    found = stored_by_id(room.store.snapshot, id_of(request))
    if found is None:
        raise NotFoundError("Intention not found", hint="`GET /v1/connect/intentions` lists all")
    require_read(room, request, found.intention.source, found.intention.destination)
    return found


def _standing(room: ServerRoom, request: Request, verb: str) -> Stored:
    """Return the intention of the path, if the caller may write it."""
    refuse_other_places(request, room.manager.datacenter)
    standing = require_id(room.store.snapshot, id_of(request), verb)
    require_write(room, request, standing.intention.destination)
    return standing


def _updated(view: View, body: IntentionRequest, name: str, now: datetime) -> Transaction | None:
    """Write what the body says over what stands; what it does not name stays."""
    standing = require_id(view, name, "modify").intention
    source, destination = named_in(body, standing.source, standing.destination)
    wanted = parsed_intention(body, source, destination)
    if body.meta is None:
        wanted = replace(wanted, meta=standing.meta)
    return updated_by_id(view, name, wanted, now)
