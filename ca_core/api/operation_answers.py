"""Answers about operations: begun and waited for, or where to look."""

from datetime import timedelta

from ca_core.acl.principal import describe
from ca_core.api.http import Request, Response, json_response
from ca_core.api.rooms import ServerRoom
from ca_core.durations import parse_duration
from ca_core.errors import ConflictError, Error, ProviderError
from ca_core.lifecycle.rows import OPERATIONS_TOPIC, OperationPhase, OperationRow, operation
from ca_core.lifecycle.showing import shown_operation

PATIENCE = timedelta(seconds=60)
"""A caller waits at most this long for an operation; it goes on without the caller."""

_PLACE = "/v1/connect/ca/operations/"


def actor_of(request: Request) -> str:
    """Return who asks, in the words of the record."""
    return describe(request.principal)


def patience_of(request: Request, default: timedelta = PATIENCE) -> timedelta:
    """Return how long the caller waits: ``?wait=``, at most ``PATIENCE``.

    Raises:
        RequestError: it is no span.
    """
    text = request.arguments().get("wait", "")
    return min(parse_duration(text, field="wait"), PATIENCE) if text else default


async def begun_answer(room: ServerRoom, row: OperationRow, patience: timedelta) -> Response:
    """Answer 200 once an operation is active, 202 with its place if it is still open by then.

    Raises:
        ConflictError: it was aborted meanwhile.
        ProviderError: it failed; everything is as it was before.
    """
    found = await until_over(room, row, patience)
    headers = {"location": _PLACE + found.id}
    answer = await shown_operation(room.lifecycle, found)
    if found.is_open:
        return json_response(answer, headers=headers, status=202)
    if found.phase is not OperationPhase.ACTIVE:
        raise _ended(found)
    return json_response(answer, headers=headers)


async def until_over(room: ServerRoom, row: OperationRow, patience: timedelta) -> OperationRow:
    """Return an operation as it stands once it is over, or when the patience is."""
    tools = room.lifecycle.tools
    ends = tools.clock.now() + patience
    while True:
        view = tools.view
        row = operation(view, row.id) or row
        left = ends - tools.clock.now()
        if not row.is_open or left <= timedelta():
            return row
        await tools.rest((OPERATIONS_TOPIC,), view.topic_index(OPERATIONS_TOPIC), left)


def _ended(row: OperationRow) -> Error:
    said = f"operation {row.id} {row.phase}: {row.reason}; everything is as it was before"
    return ProviderError(said) if row.phase is OperationPhase.FAILED else ConflictError(said)
