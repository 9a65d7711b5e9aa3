"""``POST /v1/connect/ca/plan``: what a change would do, without doing it."""

from ca_core.acl.access import Action
from ca_core.api.http import Request, Response, json_response
from ca_core.api.operation_answers import actor_of
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import ServerRoom, require
from ca_core.api.wantedsettings import wanted_settings
from ca_core.api.wishes import wishes_of
from ca_core.lifecycle.plan import plan
from ca_core.wire.operations import ChangeRequest


async def planned(room: ServerRoom, request: Request) -> Response:
    """Say what a change to another configuration would do; nothing is changed anywhere."""
    require(room.may, request, Action.OPERATOR_WRITE)  # a provider is opened with what is sent
    refuse_other_places(request, room.manager.datacenter)
    asked = request.json(ChangeRequest)
    wishes = wishes_of(asked.wishes, room.wishes, place="Wishes.")
    settings = await wanted_settings(room, asked.settings)
    answer = await plan(room.lifecycle.tools, settings, wishes, actor=actor_of(request))
    return json_response(answer)
