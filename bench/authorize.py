"""The authorizer: in this process, over HTTP against an empty handler, and how soon it follows.

In process and over HTTP, what counts is processor time of the process that answers. How soon an
agent decides by an intention is measured with a server and an agent as processes, over TLS.
"""

import json
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import uvloop

from bench.finding import Finding
from bench.following import delays
from bench.interleaved import take_turns
from bench.serving import EMPTY, Serving, rates, serving
from ca_core.acl.principal import Anonymous
from ca_core.api.authorize_handlers import authorize
from ca_core.api.http import Request, Response
from ca_core.intentions.model import Intention, Verdict, service_name
from ca_core.intentions.rows import changed_topics, written
from ca_core.state.protocol import Transaction

GOAL_MICROSECONDS = 3.0
GOAL_RATIO = 0.7
GOAL_MILLISECONDS = 100.0
PATH = "/v1/agent/connect/authorize"
PAIRS = 64
ROUNDS = 21


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure each, about ``seconds`` for each variant."""
    yield from uvloop.run(_in_process(seconds))
    for connections in (1, 32):
        yield from uvloop.run(_over_http(seconds, connections))
    yield from _following()


async def _in_process(seconds: float) -> list[Finding]:
    async with serving() as here:
        requests = await _prepared(here)
        again, anew = _answered(here, requests), _answered(here, requests, forgotten=True)
        turns = take_turns({"again": again, "anew": anew}, rounds=ROUNDS, seconds=seconds)
    cases = {
        "again": f"bytes to answer, {PAIRS} pairs that connect again",
        "anew": f"bytes to answer, {PAIRS} pairs that connect for the first time since a change",
    }
    return [
        Finding(
            benchmark="authorize",
            case=case,
            value=turns.microseconds(name) / PAIRS,
            unit="µs",
            at_most=GOAL_MICROSECONDS,
        )
        for name, case in cases.items()
    ]


async def _prepared(here: Serving) -> list[Request]:
    """Write an intention for each pair, and let the agent hold them; return the calls."""
    random = Random(1)
    for number in range(PAIRS):
        await here.server.store.commit_async(_intention(number, random))
    requests = [_request(here, number) for number in range(PAIRS)]
    for request in (*requests, *requests):
        answer = await authorize(here.room, request)
        assert b"Matched L4 intention" in answer.body
    return requests


def _intention(number: int, random: Random) -> Transaction:
    source, destination = service_name(f"web-{number}"), service_name("db")
    action = random.choice((Verdict.ALLOW, Verdict.DENY))
    one = Intention(source=source, destination=destination, action=action)
    return Transaction(changes=(written(one),), topics=changed_topics(source, destination))


def _request(here: Serving, number: int) -> Request:
    return Request(
        method="POST",
        path=PATH,
        query="",
        headers={},
        body=_body(here.domain, f"web-{number}").encode(),
        principal=Anonymous(loopback=True),
    )


def _body(domain: str, source: str) -> str:
    """Return what an SDK sends, in one word for the client."""
    uri = f"spiffe://{domain}/ns/default/dc/dc1/svc/{source}"
    body = {"Target": "db", "ClientCertURI": uri, "ClientCertSerial": "04:5c:1f:0a:11:22:33:44"}
    return json.dumps(body, separators=(",", ":"))


def _answered(
    here: Serving, requests: list[Request], *, forgotten: bool = False
) -> Callable[[], object]:
    """Return what answers every request; ``forgotten``: as if it was the first of its kind."""
    decisions = here.room.decisions

    def all_of_them() -> None:
        for request in requests:
            if forgotten:
                decisions.forget()
            _driven(authorize(here.room, request))

    return all_of_them


def _driven(answering: Coroutine[Any, Any, Response]) -> Response:
    """Return what a coroutine returns that waits for nothing."""
    try:
        answering.send(None)
    except StopIteration as ended:
        answer: Response = ended.value
        return answer
    raise RuntimeError("it waited")


async def _over_http(seconds: float, connections: int) -> list[Finding]:
    async with serving() as here:
        await _prepared(here)
        body = _body(here.domain, "web-1")
        requests = {"authorize": f"{PATH} {body}", "empty": f"{EMPTY} {body}"}
        ways: dict[str, int | Path] = {"TCP": here.port, "unix": here.socket}
        return [
            _compared(way, connections, await rates(at, requests, seconds, connections=connections))
            for way, at in ways.items()
        ]


def _compared(way: str, connections: int, found: dict[str, list[float]]) -> Finding:
    ours, empty = found["authorize"], found["empty"]
    return Finding(
        benchmark="authorize",
        case=f"POST authorize, {way}, {connections} at once",
        value=median(ours),
        unit="/s",
        ratio=median(one / best for one, best in zip(ours, empty, strict=True)),
        at_least=GOAL_RATIO,
        compared=f"an empty handler {median(empty):,.0f} /s",
    )


def _following() -> Iterator[Finding]:
    found = sorted(delays())
    yield Finding(
        benchmark="authorize",
        case="from writing an intention to an agent deciding by it, p50",
        value=median(found) * 1000,
        unit="ms",
        at_most=GOAL_MILLISECONDS,
    )
    yield Finding(
        benchmark="authorize",
        case=f"the same, longest of {len(found)}",
        value=found[-1] * 1000,
        unit="ms",
        at_most=GOAL_MILLISECONDS,
    )
