"""How a process is: leader, health, readiness, metrics, its own description of the API."""

from dataclasses import replace
from email.utils import format_datetime

from ca_core.acl.access import Action
from ca_core.api.http import Request, Response, json_response, text_response
from ca_core.api.rooms import ProcessRoom, ServerRoom, require
from ca_core.errors import NotReadyError


async def leader(room: ServerRoom, _request: Request) -> Response:
    """Return the address of the server that runs operations, as a JSON string; "" if unknown."""
    return json_response(room.leader())


async def healthz(room: ProcessRoom, _request: Request) -> Response:
    """Say that the process lives and its event loop turns.

    ``Date`` is this process's clock: a client that trusts certificates compares it with its own.
    """
    date = format_datetime(room.clock.now(), usegmt=True)
    return replace(text_response("ok\n"), headers={"date": date})


async def readyz(room: ProcessRoom, _request: Request) -> Response:
    """Say whether it can do its work: 200, maybe with a remark, or 503 with the reason."""
    reason = room.why_not_ready()
    if reason:
        raise NotReadyError(reason)
    remark = await room.remark()
    return text_response(f"ready; {remark}\n" if remark else "ready\n")


async def metrics(room: ProcessRoom, request: Request) -> Response:
    """Return counters and gauges for Prometheus."""
    require(room.may, request, Action.AGENT_READ)
    await room.before_scrape()
    body, content_type = room.metrics.exposition()
    return Response(body=body, content_type=content_type)


async def openapi(room: ProcessRoom, _request: Request) -> Response:
    """Return this API as an OpenAPI document."""
    return Response(body=room.openapi())
