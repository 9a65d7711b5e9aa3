"""``/v1/acl/polic…``: documents of rights, under names."""

from functools import partial

from ca_core.acl.access import Action
from ca_core.acl.naming import checked_uuid
from ca_core.acl.policies import ACL_TOPIC, PolicyRow, policies, policy_by_name
from ca_core.acl.policywriting import (
    changed_policy,
    deleted_policy,
    made_policy,
    parsed_policy,
    require_policy,
)
from ca_core.acl.sweeping import detached
from ca_core.acl.tokens import new_id
from ca_core.api.acl_answers import policy_answer, policy_stub
from ca_core.api.acl_token_handlers import require_acl
from ca_core.api.acl_writing import AclChange, How, What, written
from ca_core.api.http import Request, Response, json_response
from ca_core.api.rooms import ServerRoom
from ca_core.api.root_handlers import index_headers
from ca_core.errors import NotFoundError, RequestError
from ca_core.wire.acl import PolicyRequest


async def create(room: ServerRoom, request: Request) -> Response:
    """Make a policy, and return it with its id."""
    require_acl(room, request, Action.ACL_WRITE)
    body = request.json_in_any_case(PolicyRequest)
    if body.id:
        fault = "is drawn by ca-core; to change a policy, name it in the address"
        raise RequestError(fault, field="ID")
    draft = parsed_policy(body, room.manager.datacenter)
    policy_id = new_id(room.draw)
    now, change = room.clock.now(), AclChange(What.POLICY, How.CREATED, policy_id)
    await written(room, request, change, lambda view: made_policy(view, draft, policy_id, now))
    return _answered(room, require_policy(room.store.snapshot, policy_id))


async def read(room: ServerRoom, request: Request) -> Response:
    """Return a policy by its id."""
    require_acl(room, request, Action.ACL_READ)
    return _answered(room, require_policy(room.store.snapshot, request.params["id"]))


async def read_by_name(room: ServerRoom, request: Request) -> Response:
    """Return a policy by its name."""
    require_acl(room, request, Action.ACL_READ)
    name = request.params["name"]
    found = policy_by_name(room.store.snapshot, name)
    if found is None:
        raise NotFoundError(
            f"Cannot find policy: {name[:80]!r}",
            hint="`ca-core policy list` shows those there are",
        )
    return _answered(room, found)


async def update(room: ServerRoom, request: Request) -> Response:
    """Write a policy anew; every token that holds it follows at once."""
    require_acl(room, request, Action.ACL_WRITE)
    policy_id = checked_uuid(request.params["id"], "ID")
    body = request.json_in_any_case(PolicyRequest)
    if body.id and body.id.lower() != policy_id:
        raise RequestError("is not the one in the address", field="ID")
    draft = parsed_policy(body, room.manager.datacenter)
    now = room.clock.now()
    change = AclChange(What.POLICY, How.CHANGED, policy_id)
    await written(room, request, change, lambda view: changed_policy(view, policy_id, draft, now))
    return _answered(room, require_policy(room.store.snapshot, policy_id))


async def delete(room: ServerRoom, request: Request) -> Response:
    """Remove a policy, from every token too; one that is not there is no error."""
    require_acl(room, request, Action.ACL_WRITE)
    policy_id = checked_uuid(request.params["id"], "ID")
    change = AclChange(What.POLICY, How.DELETED, policy_id)
    await written(room, request, change, partial(deleted_policy, policy_id=policy_id))
    await room.store.until_nothing(detached)
    return json_response(value=True)


async def listed(room: ServerRoom, request: Request) -> Response:
    """Return every policy, by name, without their documents."""
    require_acl(room, request, Action.ACL_READ)
    view = room.store.snapshot
    answer = [policy_stub(view, row) for row in policies(view)]
    return json_response(answer, headers=index_headers(view, view.topic_index(ACL_TOPIC)))


def _answered(room: ServerRoom, row: PolicyRow) -> Response:
    view = room.store.snapshot
    headers = index_headers(view, view.topic_index(ACL_TOPIC))
    return json_response(policy_answer(view, row), headers=headers)
