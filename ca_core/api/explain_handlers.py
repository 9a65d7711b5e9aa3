"""``/v1/connect/intentions/{explain,diff,observed}``: why, what if, and what would be."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from ca_core.acl.access import Action
from ca_core.api.http import Request, Response, json_response
from ca_core.api.intention_handlers import FILTERED
from ca_core.api.intention_requests import sides_of
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import ServerRoom, require
from ca_core.errors import RequestError
from ca_core.intentions.comparing import OTHER, Difference, compared
from ca_core.intentions.explaining import explain
from ca_core.intentions.model import WILDCARD, Name
from ca_core.intentions.naming import one_service, parsed_name, right_name
from ca_core.intentions.proposals import parsed_proposal, told_differences
from ca_core.intentions.reporting import reported
from ca_core.intentions.requests import HttpRequest
from ca_core.intentions.telling import request_of, told
from ca_core.wire.comparisons import DiffRequest
from ca_core.wire.explanations import ExplainRequest

_ABOUT_REQUESTS = ("method", "path", "header")


async def explained(room: ServerRoom, request: Request) -> Response:
    """Say whether a source may connect to a destination, or send a request there, and why."""
    refuse_other_places(request, room.manager.datacenter)
    source, destination = sides_of(request)
    return await _explained(room, request, (source, destination), _request_of(request))


async def explained_body(room: ServerRoom, request: Request) -> Response:
    """Say the same of a request in the body, whose headers no address has to hold."""
    refuse_other_places(request, room.manager.datacenter)
    body = request.json_in_any_case(ExplainRequest)
    source = parsed_name(body.source, "Source")
    sides = (source, parsed_name(body.destination, "Destination"))
    asked = None if body.request is None else request_of(body.request)
    return await _explained(room, request, sides, asked)


async def diff(room: ServerRoom, request: Request) -> Response:
    """Say what a change of intentions would newly allow and deny; it changes nothing."""
    refuse_other_places(request, room.manager.datacenter)
    require(room.may, request, Action.INTENTION_READ, WILDCARD)
    proposal = parsed_proposal(request.json_in_any_case(DiffRequest))
    index = room.intentions.index
    found = await asyncio.to_thread(
        lambda: compared(index, proposal.applied(index), proposal.changed)
    )
    readable = [one for one in found if _may_know(room, request, one)]
    return json_response(told_differences(readable), headers=_filtered(found, readable))


async def observed(room: ServerRoom, request: Request) -> Response:
    """Return who would have been denied by intentions in observe mode, as agents reported it."""
    refuse_other_places(request, room.manager.datacenter)
    require(room.may, request, Action.INTENTION_READ, WILDCARD)
    found = room.observed.summary
    readable = tuple(
        item
        for item in found.counts
        if _may_read(room, request, item[0].source, item[0].destination)
    )
    answer = reported(replace(found, counts=readable))
    return json_response(answer, headers=_filtered(found.counts, readable))


async def _explained(
    room: ServerRoom, request: Request, sides: tuple[Name, Name], asked: HttpRequest | None
) -> Response:
    source, destination = one_service(sides[0], "source"), one_service(sides[1], "destination")
    require(room.may, request, Action.INTENTION_READ, right_name(destination))
    index = room.intentions.index
    found = await asyncio.to_thread(explain, index, source, destination, asked)
    headers = {"x-ca-core-reason": found.decision.reason}
    return json_response(told(found), headers=headers)


def _request_of(request: Request) -> HttpRequest | None:
    """Return the request that the query describes; None if it describes none.

    Raises:
        RequestError: a header without ``:`` or ``=``.
    """
    arguments = request.arguments()
    if not any(name in arguments for name in _ABOUT_REQUESTS):
        return None
    return HttpRequest(
        method=arguments.get("method") or "GET",
        path=arguments.get("path") or "/",
        headers=tuple(map(header_line, request.values("header"))),
    )


def header_line(text: str) -> tuple[str, str]:
    """Return name and value of ``name: value`` or ``name=value``; names hold neither sign.

    Raises:
        RequestError: it is neither.
    """
    at = min((text.find(sign) for sign in ":=" if sign in text), default=0)
    if at < 1:
        raise RequestError("is not 'name: value'", field="header")
    return text[:at], text[at + 1 :].strip()


def _may_know(room: ServerRoom, request: Request, difference: Difference) -> bool:
    named = [side for side in (difference.source, difference.destination) if side.name != OTHER]
    return not named or _may_read(room, request, *named)


def _may_read(room: ServerRoom, request: Request, *sides: Name) -> bool:
    """Say whether the caller may read the intentions of one of these."""
    return any(
        room.may(request.principal, Action.INTENTION_READ, right_name(side)) for side in sides
    )


def _filtered(found: Iterable[object], readable: Iterable[object]) -> dict[str, str]:
    return {} if len(tuple(found)) == len(tuple(readable)) else {FILTERED: "true"}
