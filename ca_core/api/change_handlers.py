"""``/v1/connect/ca/apply``, ``/rotate``, ``/renew``, ``/taint``: changes of who signs."""

from datetime import timedelta

from ca_core.acl.access import Action
from ca_core.api.http import Request, Response, json_response
from ca_core.api.operation_answers import actor_of, begun_answer, patience_of
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import ServerRoom, require
from ca_core.api.wantedsettings import in_settings, refused, wanted_settings
from ca_core.api.wishes import wishes_of
from ca_core.errors import ConfigError
from ca_core.lifecycle.showing import nothing_changed
from ca_core.lifecycle.urgency import urgent
from ca_core.wire.operations import ChangeRequest, TaintRequest, WishesRequest

_AT_ONCE = timedelta()


async def apply(room: ServerRoom, request: Request) -> Response:
    """Begin the change to another configuration; 200 once it is active, 202 after a minute."""
    _require(room, request)
    patience = patience_of(request)
    asked = request.json(ChangeRequest)
    wishes = wishes_of(asked.wishes, room.wishes, place="Wishes.")
    settings = await wanted_settings(room, asked.settings)
    try:
        row = await room.lifecycle.changes.apply(
            settings, actor=actor_of(request), wishes=wishes, from_file=asked.from_file
        )
    except ConfigError as error:
        raise refused(error, in_settings) from None
    if row is None:
        return json_response(nothing_changed("none"))
    return await begun_answer(room, row, patience)


async def rotate(room: ServerRoom, request: Request) -> Response:
    """Begin the change to a new root of the same provider."""
    _require(room, request)
    patience, wishes = patience_of(request, _AT_ONCE), wishes_of(_asked(request), room.wishes)
    row = await room.lifecycle.changes.rotate(actor=actor_of(request), wishes=wishes)
    return await begun_answer(room, row, patience)


async def renew(room: ServerRoom, request: Request) -> Response:
    """Begin the change to a new signer under the same root."""
    _require(room, request)
    patience, wishes = patience_of(request, _AT_ONCE), wishes_of(_asked(request), room.wishes)
    row = await room.lifecycle.changes.renew(actor=actor_of(request), wishes=wishes)
    return await begun_answer(room, row, patience)


async def taint(room: ServerRoom, request: Request) -> Response:
    """Begin the change away from a compromised root; one that drains only leaves sooner."""
    _require(room, request)
    patience = patience_of(request, _AT_ONCE)
    asked = request.json(TaintRequest) if request.body else TaintRequest()
    row = await room.lifecycle.changes.taint(
        asked.authority, actor=actor_of(request), wishes=wishes_of(asked, urgent(room.wishes))
    )
    if row is None:
        return json_response(nothing_changed("taint", asked.authority))
    return await begun_answer(room, row, patience)


def _require(room: ServerRoom, request: Request) -> None:
    require(room.may, request, Action.OPERATOR_WRITE)
    refuse_other_places(request, room.manager.datacenter)


def _asked(request: Request) -> WishesRequest:
    return request.json(WishesRequest) if request.body else WishesRequest()
