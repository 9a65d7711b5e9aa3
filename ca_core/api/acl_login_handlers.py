"""``/v1/acl/login``, ``/v1/acl/logout``: a JWT for a token, and the token given back."""

import asyncio
import logging
from functools import partial

from ca_core.acl.logins import described, drafted, logged_in
from ca_core.acl.methods import AuthMethodRow, auth_method
from ca_core.acl.principal import Token
from ca_core.acl.tokens import token
from ca_core.acl.tokenwriting import deleted
from ca_core.acl.verifying import UnprovenError, header_of, proven
from ca_core.api.acl_token_handlers import drawn_ids, shown_once
from ca_core.api.acl_writing import AclChange, How, What, written
from ca_core.api.http import Request, Response, json_response
from ca_core.api.keysets import Keys
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import ServerRoom
from ca_core.errors import DeniedError, RequestError
from ca_core.state.protocol import Transaction
from ca_core.state.view import View
from ca_core.wire.aclmethods import LoginRequest

_log = logging.getLogger("ca_core.acl")


async def login(room: ServerRoom, request: Request) -> Response:
    """Exchange a JWT for a token; its secret is in this answer alone."""
    refuse_other_places(request, room.manager.datacenter)
    body = request.json_in_any_case(LoginRequest)
    if not (body.auth_method and body.bearer_token):
        field = "BearerToken" if body.auth_method else "AuthMethod"
        raise RequestError("is missing", field=field)
    description = described(body.meta)
    try:
        return await _logged_in(room, request, body, description)
    except UnprovenError as refused:
        _log.warning("login by %s refused: %s", ascii(body.auth_method)[:80], refused.reason)
        raise


async def logout(room: ServerRoom, request: Request) -> Response:
    """Remove the caller's own token, which a login made."""
    refuse_other_places(request, room.manager.datacenter)
    caller, now = request.principal, room.clock.now()
    if request.refusal is not None:
        raise request.refusal
    accessor = caller.accessor if isinstance(caller, Token) else ""
    found = token(room.store.snapshot, accessor, now) if accessor else None
    if found is None or not found.method:
        raise DeniedError("Permission denied: only a token that a login made can log out")
    change = AclChange(What.TOKEN, How.DELETED, accessor)
    await written(room, request, change, partial(deleted, accessor=accessor, now=now))
    return json_response(value=True)


async def _logged_in(
    room: ServerRoom, request: Request, body: LoginRequest, description: str
) -> Response:
    method = auth_method(room.store.snapshot, body.auth_method)
    if method is None:
        raise UnprovenError("there is no such auth method")
    keys = await _keys(room, method, body.bearer_token)
    now, ids = room.clock.now(), drawn_ids(room)
    found = await asyncio.to_thread(proven, body.bearer_token, method.config, keys, now)

    def decide(view: View) -> Transaction:
        draft = drafted(view, method, found, description, now)
        return logged_in(view, method, draft, ids, now)

    await written(room, request, AclChange(What.TOKEN, How.CREATED, ids[0]), decide)
    return shown_once(room, *ids)


async def _keys(room: ServerRoom, method: AuthMethodRow, bearer: str) -> Keys:
    header = header_of(bearer, method.config)
    return await room.keysets.keys(method.config, header.kid)
