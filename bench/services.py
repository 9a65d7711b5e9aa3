"""What a service costs an agent in memory: its leaf with key and chain, kept ready to be answered.

Server and agent are processes of their own; every service asks for its leaf once, over the agent's
unix socket. What counts is how much the agent's resident memory has grown, all in all.
"""

import json
from collections.abc import Callable, Iterator

from bench.finding import Finding
from bench.pair import Pair, started_pair

SERVICES = 10_000
A_FEW = 100
"""Services of a run that is only to show that it runs."""
GOAL_KILOBYTES = 4.0
UNLIMITED = "[ca]\ncsr_max_per_second = 0\n"


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure once; with less than a second a variant, with a few services."""
    number = SERVICES if seconds >= 1 else A_FEW
    with started_pair(UNLIMITED) as pair:
        each = _cost(pair, number)
    yield Finding(
        benchmark="services",
        case=f"{number:,} services with their leaves: resident memory of each",
        value=each / 1024,
        unit="KB",
        at_most=GOAL_KILOBYTES,
    )


def _cost(pair: Pair, number: int) -> float:
    """Return bytes for each service, after a few that load what is loaded once."""
    with pair.agent.connected(timeout=60) as agent:
        agent.token = _token(pair)
        _ask(agent.asked, "first", A_FEW)
        pair.agent.quiet()
        before = pair.agent.resident
        _ask(agent.asked, "service", number)
        pair.agent.quiet()
    return (pair.agent.resident - before) / number


def _token(pair: Pair) -> str:
    """Return the secret of a token that may be every service."""
    with pair.server.connected() as server:
        body = {"Policies": [{"Name": "global-management"}]}
        secret: str = json.loads(server.asked("PUT", "/v1/acl/token", body))["SecretID"]
        return secret


def _ask(asked: Callable[[str, str], bytes], prefix: str, number: int) -> None:
    for place in range(number):
        asked("GET", f"/v1/agent/connect/ca/leaf/{prefix}-{place}")
