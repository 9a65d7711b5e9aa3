"""``/v1/acl/bootstrap``, ``/v1/acl/token…``: the first token, and every other."""

import asyncio
from collections.abc import Callable
from functools import partial

from ca_core.acl.access import Action
from ca_core.acl.bootstrapping import bootstrapped
from ca_core.acl.naming import checked_uuid
from ca_core.acl.policies import ACL_TOPIC
from ca_core.acl.principal import Anonymous, Peer, Token
from ca_core.acl.resolving import denial
from ca_core.acl.tokendrafts import parsed_token, refuse_chosen_ids
from ca_core.acl.tokens import ANONYMOUS_ACCESSOR, TokenRow, new_id, new_secret, token, tokens
from ca_core.acl.tokenwriting import changed, cloned, deleted, made, require_token
from ca_core.api.acl_answers import token_answer
from ca_core.api.acl_writing import AclChange, How, What, written
from ca_core.api.http import Request, Response, flag, json_response
from ca_core.api.places import refuse_other_places
from ca_core.api.requesttokens import unknown_token
from ca_core.api.rooms import ServerRoom, require
from ca_core.api.root_handlers import index_headers
from ca_core.errors import DeniedError, NotFoundError, RequestError
from ca_core.wire.acl import BootstrapRequest, TokenRequest


async def bootstrap(room: ServerRoom, request: Request) -> Response:
    """Make the first management token, once; its secret is in this answer alone."""
    reset = flag(request, "reset")
    _require_near(room, request, reset=reset)
    if request.body:
        _refuse_secret(request.json_in_any_case(BootstrapRequest))
    accessor, secret = drawn_ids(room)
    now = room.clock.now()
    change = AclChange(What.TOKEN, How.CREATED, accessor)
    decide = partial(bootstrapped, accessor=accessor, secret=secret, now=now, reset=reset)
    await written(room, request, change, decide)
    return shown_once(room, accessor, secret)


async def create(room: ServerRoom, request: Request) -> Response:
    """Make a token; its secret is in this answer alone."""
    require_acl(room, request, Action.ACL_WRITE)
    body = request.json_in_any_case(TokenRequest)
    refuse_chosen_ids(body)
    draft = parsed_token(body, room.manager.datacenter, room.clock.now())
    accessor, secret = drawn_ids(room)
    now, change = room.clock.now(), AclChange(What.TOKEN, How.CREATED, accessor)
    await written(room, request, change, lambda view: made(view, draft, accessor, secret, now))
    return shown_once(room, accessor, secret)


async def clone(room: ServerRoom, request: Request) -> Response:
    """Make a token that may what another one may; its secret is in this answer alone."""
    require_acl(room, request, Action.ACL_WRITE)
    accessor = checked_uuid(request.params["accessor"], "AccessorID")
    words = request.json_in_any_case(TokenRequest).description
    ids, now = drawn_ids(room), room.clock.now()
    change = AclChange(What.TOKEN, How.CREATED, ids[0])
    await written(room, request, change, lambda view: cloned(view, accessor, words, ids, now))
    return shown_once(room, *ids)


async def read(room: ServerRoom, request: Request) -> Response:
    """Return a token by its accessor, without its secret."""
    require_acl(room, request, Action.ACL_READ)
    accessor = checked_uuid(request.params["accessor"], "AccessorID")
    return _answered(room, require_token(room.store.snapshot, accessor, room.clock.now()))


async def read_self(room: ServerRoom, request: Request) -> Response:
    """Return the caller's own token, without its secret; the anonymous one without a token."""
    refuse_other_places(request, room.manager.datacenter)
    caller = request.principal
    accessor = caller.accessor if isinstance(caller, Token) else ANONYMOUS_ACCESSOR
    found = token(room.store.snapshot, accessor, room.clock.now())
    if found is None:
        raise unknown_token()
    return _answered(room, found)


async def update(room: ServerRoom, request: Request) -> Response:
    """Write what a token may anew: what the body leaves out, it has no more."""
    require_acl(room, request, Action.ACL_WRITE)
    accessor = checked_uuid(request.params["accessor"], "AccessorID")
    body = request.json_in_any_case(TokenRequest)
    now = room.clock.now()
    draft = parsed_token(body, room.manager.datacenter, now)
    change = AclChange(What.TOKEN, How.CHANGED, accessor)
    await written(room, request, change, lambda view: changed(view, accessor, body, draft, now))
    return _answered(room, require_token(room.store.snapshot, accessor, now))


async def delete(room: ServerRoom, request: Request) -> Response:
    """Remove a token, at once and everywhere; one that is not there is no error."""
    require_acl(room, request, Action.ACL_WRITE)
    accessor = checked_uuid(request.params["accessor"], "AccessorID")
    if request.principal == Token(accessor):
        raise RequestError(
            "a token does not delete itself", field="AccessorID", hint="use another one"
        )
    change = AclChange(What.TOKEN, How.DELETED, accessor)
    decide = partial(deleted, accessor=accessor, now=room.clock.now())
    await written(room, request, change, decide)
    return json_response(value=True)


async def listed(room: ServerRoom, request: Request) -> Response:
    """Return every token, oldest first, without their secrets."""
    require_acl(room, request, Action.ACL_READ)
    return await asyncio.to_thread(_list, room, _filters(request))


def require_acl(room: ServerRoom, request: Request, action: Action) -> None:
    """Refuse another place, and a caller without the right.

    Raises:
        RequestError: another datacenter, namespace or partition.
        DeniedError: names the right that is missing.
    """
    refuse_other_places(request, room.manager.datacenter)
    require(room.may, request, action)


def drawn_ids(room: ServerRoom) -> tuple[str, str]:
    """Return a fresh accessor and secret."""
    return new_id(room.draw), new_secret(room.draw)


def shown_once(room: ServerRoom, accessor: str, secret: str) -> Response:
    """Return a token that was just made, with its secret; no cache keeps the answer."""
    view = room.store.snapshot
    row = token(view, accessor, room.clock.now())
    if row is None:
        raise NotFoundError("the token was deleted while it was made")
    answer = token_answer(view, row, room.manager.datacenter, secret)
    return json_response(answer, headers={"cache-control": "no-store"})


def _list(room: ServerRoom, wanted: list[Callable[[TokenRow], bool]]) -> Response:
    """Return the list; there may be very many, so this is no work for the loop."""
    view = room.store.snapshot
    chosen = (row for row in tokens(view, room.clock.now()) if all(fits(row) for fits in wanted))
    answer = [token_answer(view, row, room.manager.datacenter) for row in chosen]
    return json_response(answer, headers=index_headers(view, view.topic_index(ACL_TOPIC)))


def _answered(room: ServerRoom, row: TokenRow) -> Response:
    view = room.store.snapshot
    answer = token_answer(view, row, room.manager.datacenter)
    return json_response(answer, headers=index_headers(view, view.topic_index(ACL_TOPIC)))


def _require_near(room: ServerRoom, request: Request, *, reset: bool) -> None:
    """Refuse a stranger: whoever comes first over a network must not own the cluster.

    Raises:
        DeniedError: an agent, a user without that right, somebody from another machine; for a
            reset, anybody who may not operate this machine.
    """
    caller = request.principal
    near = isinstance(caller, Peer) and room.may(caller, Action.ACL_WRITE, "")
    if near or (not reset and isinstance(caller, Anonymous) and caller.loopback):
        return
    raise DeniedError(
        denial(caller, Action.ACL_WRITE),
        hint="run `ca-core token bootstrap` on the server's own machine, as root or as the user"
        " that the server runs as",
    )


def _refuse_secret(body: BootstrapRequest) -> None:
    if body.bootstrap_secret:
        raise RequestError(
            "a secret is made by ca-core: 128 random bits, shown once; leave it out",
            field="BootstrapSecret",
        )


def _filters(request: Request) -> list[Callable[[TokenRow], bool]]:
    """Return what a list is narrowed by, as Consul spells it."""
    asked = request.arguments()
    if asked.get("role") or asked.get("filter"):
        raise RequestError("is not served here", field="role" if asked.get("role") else "filter")
    policy, method = asked.get("policy", "").lower(), asked.get("authmethod", "")
    service = asked.get("servicename", "")
    wanted: list[tuple[str, Callable[[TokenRow], bool]]] = [
        (policy, lambda row: policy in row.policies),
        (method, lambda row: row.method == method),
        (service, lambda row: service in row.service_identities),
    ]
    return [fits for given, fits in wanted if given]
