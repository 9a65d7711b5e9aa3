"""``/v1/acl/auth-method…``, ``/v1/acl/binding-rule…``: whose JWTs are believed, and for what."""

from functools import partial

from ca_core.acl.access import Action
from ca_core.acl.bindingrules import BindingRuleRow, binding_rules
from ca_core.acl.methodparsing import parsed_method
from ca_core.acl.methods import AuthMethodRow, auth_methods
from ca_core.acl.methodwriting import (
    deleted_method,
    deleted_rule,
    parsed_rule,
    put_method,
    put_rule,
    require_method,
    require_rule,
)
from ca_core.acl.naming import checked_uuid
from ca_core.acl.policies import ACL_TOPIC
from ca_core.acl.sweeping import swept
from ca_core.acl.tokens import new_id
from ca_core.api.acl_answers import method_answer, method_stub, rule_answer
from ca_core.api.acl_token_handlers import require_acl
from ca_core.api.acl_writing import AclChange, How, What, written
from ca_core.api.http import Request, Response, json_response
from ca_core.api.rooms import ServerRoom
from ca_core.api.root_handlers import index_headers
from ca_core.errors import RequestError
from ca_core.wire.aclmethods import AuthMethodRequest, BindingRuleRequest


async def create_method(room: ServerRoom, request: Request) -> Response:
    """Make an auth method: say whose JWTs are believed."""
    require_acl(room, request, Action.ACL_WRITE)
    body = request.json_in_any_case(AuthMethodRequest)
    return await _put_method(room, request, parsed_method(body, body.name), new=True)


async def update_method(room: ServerRoom, request: Request) -> Response:
    """Write an auth method anew."""
    require_acl(room, request, Action.ACL_WRITE)
    body = request.json_in_any_case(AuthMethodRequest)
    name = request.params["name"]
    if body.name not in ("", name):
        raise RequestError("is not the one in the address", field="Name")
    return await _put_method(room, request, parsed_method(body, name), new=False)


async def read_method(room: ServerRoom, request: Request) -> Response:
    """Return an auth method by its name."""
    require_acl(room, request, Action.ACL_READ)
    return _method(room, require_method(room.store.snapshot, request.params["name"]))


async def delete_method(room: ServerRoom, request: Request) -> Response:
    """Remove an auth method, its binding rules, and the tokens of its logins."""
    require_acl(room, request, Action.ACL_WRITE)
    name = request.params["name"]
    change = AclChange(What.METHOD, How.DELETED, name)
    await written(room, request, change, partial(deleted_method, name=name))
    await room.store.until_nothing(lambda view: swept(view, room.clock.now()))
    return json_response(value=True)


async def list_methods(room: ServerRoom, request: Request) -> Response:
    """Return every auth method, by name, without their configuration."""
    require_acl(room, request, Action.ACL_READ)
    view = room.store.snapshot
    answer = [method_stub(view, row) for row in auth_methods(view)]
    return json_response(answer, headers=index_headers(view, view.topic_index(ACL_TOPIC)))


async def create_rule(room: ServerRoom, request: Request) -> Response:
    """Make a binding rule: say what logins of an auth method get."""
    require_acl(room, request, Action.ACL_WRITE)
    body = request.json_in_any_case(BindingRuleRequest)
    if body.id:
        raise RequestError("is drawn by ca-core; leave it out", field="ID")
    return await _put_rule(room, request, parsed_rule(body, new_id(room.draw)), new=True)


async def update_rule(room: ServerRoom, request: Request) -> Response:
    """Write a binding rule anew; it counts for the logins that follow."""
    require_acl(room, request, Action.ACL_WRITE)
    rule_id = checked_uuid(request.params["id"], "ID")
    body = request.json_in_any_case(BindingRuleRequest)
    if body.id and body.id.lower() != rule_id:
        raise RequestError("is not the one in the address", field="ID")
    return await _put_rule(room, request, parsed_rule(body, rule_id), new=False)


async def read_rule(room: ServerRoom, request: Request) -> Response:
    """Return a binding rule by its id."""
    require_acl(room, request, Action.ACL_READ)
    return _rule(room, require_rule(room.store.snapshot, request.params["id"]))


async def delete_rule(room: ServerRoom, request: Request) -> Response:
    """Remove a binding rule; tokens that it gave something stay until they end."""
    require_acl(room, request, Action.ACL_WRITE)
    rule_id = checked_uuid(request.params["id"], "ID")
    change = AclChange(What.RULE, How.DELETED, rule_id)
    await written(room, request, change, partial(deleted_rule, rule_id=rule_id))
    return json_response(value=True)


async def list_rules(room: ServerRoom, request: Request) -> Response:
    """Return every binding rule, or those of ``authmethod``."""
    require_acl(room, request, Action.ACL_READ)
    view = room.store.snapshot
    method = request.arguments().get("authmethod", "")
    answer = [rule_answer(view, row) for row in binding_rules(view, method)]
    return json_response(answer, headers=index_headers(view, view.topic_index(ACL_TOPIC)))


async def _put_method(
    room: ServerRoom, request: Request, row: AuthMethodRow, *, new: bool
) -> Response:
    change = AclChange(What.METHOD, How.CREATED if new else How.CHANGED, row.name)
    await written(room, request, change, partial(put_method, row=row, new=new))
    return _method(room, require_method(room.store.snapshot, row.name))


async def _put_rule(
    room: ServerRoom, request: Request, row: BindingRuleRow, *, new: bool
) -> Response:
    change = AclChange(What.RULE, How.CREATED if new else How.CHANGED, row.id)
    await written(room, request, change, partial(put_rule, row=row, new=new))
    return _rule(room, require_rule(room.store.snapshot, row.id))


def _method(room: ServerRoom, row: AuthMethodRow) -> Response:
    return json_response(method_answer(room.store.snapshot, row))


def _rule(room: ServerRoom, row: BindingRuleRow) -> Response:
    return json_response(rule_answer(room.store.snapshot, row))
