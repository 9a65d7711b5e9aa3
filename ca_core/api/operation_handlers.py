"""``/v1/connect/ca/operations``: listed, watched, aborted, rolled back."""

from ca_core.acl.access import Action
from ca_core.api.http import Request, Response, json_response
from ca_core.api.operation_answers import actor_of
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import ServerRoom, require
from ca_core.api.root_handlers import index_headers, until_changed
from ca_core.errors import NotFoundError
from ca_core.lifecycle.rows import (
    ACKNOWLEDGEMENTS_TOPIC,
    AGENTS_TOPIC,
    OPERATIONS_TOPIC,
    OperationRow,
    operation,
    operations,
)
from ca_core.lifecycle.showing import shown_operation

_TOPICS = (OPERATIONS_TOPIC, ACKNOWLEDGEMENTS_TOPIC, AGENTS_TOPIC)


async def listed(room: ServerRoom, request: Request) -> Response:
    """Return every operation on record, oldest first, now or once something is new."""
    await _look(room, request)
    view = room.store.snapshot
    rows = [await shown_operation(room.lifecycle, row) for row in operations(view)]
    return json_response(rows, headers=index_headers(view, view.topic_index(*_TOPICS)))


async def one(room: ServerRoom, request: Request) -> Response:
    """Return an operation with its progress, now or once something is new."""
    _found(room, request)
    await _look(room, request)
    view = room.store.snapshot
    answer = await shown_operation(room.lifecycle, _found(room, request))
    return json_response(answer, headers=index_headers(view, view.topic_index(*_TOPICS)))


async def abort(room: ServerRoom, request: Request) -> Response:
    """End an operation that is not active; everything is as it was before it."""
    _require_write(room, request)
    name = request.params["id"]
    row = await room.lifecycle.changes.abort(name, actor=actor_of(request))
    return json_response(await shown_operation(room.lifecycle, row))


async def roll_back(room: ServerRoom, request: Request) -> Response:
    """Let the old signer sign again, while its authority drains."""
    _require_write(room, request)
    name = request.params["id"]
    row = await room.lifecycle.changes.roll_back(name, actor=actor_of(request))
    return json_response(await shown_operation(room.lifecycle, row))


async def _look(room: ServerRoom, request: Request) -> None:
    require(room.may, request, Action.OPERATOR_READ)
    refuse_other_places(request, room.manager.datacenter)
    await until_changed(room, request, *_TOPICS)


def _require_write(room: ServerRoom, request: Request) -> None:
    require(room.may, request, Action.OPERATOR_WRITE)
    refuse_other_places(request, room.manager.datacenter)


def _found(room: ServerRoom, request: Request) -> OperationRow:
    """Return the operation of the path; who may not read them learns nothing."""
    require(room.may, request, Action.OPERATOR_READ)
    name = request.params["id"]
    row = operation(room.store.snapshot, name)
    if row is None:
        hint = "`ca-core ca operations` lists them all"
        raise NotFoundError(f"no operation {name!r}", field="operation", hint=hint)
    return row
