"""What backends still hold of what is gone: shown, and given up."""

from ca_core.acl.access import Action
from ca_core.api.http import Request, Response, json_response
from ca_core.api.operation_answers import actor_of
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import ServerRoom, require
from ca_core.lifecycle.rows import LeftoverRow, leftovers
from ca_core.state.view import View
from ca_core.telemetry.logs import redacted
from ca_core.wire.leftovers import AbandonRequest, LeftoverAnswer
from ca_core.wire.times import wire_time


def shown_leftovers(view: View) -> tuple[LeftoverAnswer, ...]:
    """Return what is still to be removed, in the order in which that is tried."""
    return tuple(_shown(row) for row in leftovers(view))


async def abandon(room: ServerRoom, request: Request) -> Response:
    """Give up removing something: it stays in its backend, and the store forgets it."""
    require(room.may, request, Action.OPERATOR_WRITE)
    refuse_other_places(request, room.manager.datacenter)
    asked = request.json(AbandonRequest)
    row = await room.lifecycle.changes.abandon(asked.key, actor=actor_of(request))
    return json_response(_shown(row))


def _shown(row: LeftoverRow) -> LeftoverAnswer:
    return LeftoverAnswer(
        key=row.key,
        authority=row.authority,
        signer=row.signer,
        since=wire_time(row.since),
        error=redacted(row.error),
    )
