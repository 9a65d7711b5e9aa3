"""Ten thousand blocking queries that wait on one agent, and as many connections that stall.

Server, agent and the crowd are processes of their own. What a query costs is how much the agent's
resident memory grew while all of them waited. They wait for roots until a rotation changes these.
"""

import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from bench.finding import Finding
from bench.pair import AGENT_ROOTS, SERVER_ROOTS, Pair, Program, Socket, started_pair
from bench.processes import PATIENCE

QUERIES = 10_000
A_FEW = 200
"""Queries of a run that is only to show that it runs."""
GOAL_KILOBYTES = 15.0
GOAL_MILLISECONDS = 1000.0
HALF_A_HEAD = f"GET {AGENT_ROOTS} HTTP/1.1\r\nHost: local"
HALF_A_BODY = (
    "POST /v1/agent/connect/authorize HTTP/1.1\r\nHost: localhost\r\n"
    'Content-Type: application/json\r\nContent-Length: 4096\r\n\r\n{"Target": "d'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """How it went.

    Attributes:
        per_query: bytes of resident memory for each query that waits.
        came, wrong: how many were answered after the change, and how many not as they should.
        seconds: from the change, as the server's own blocking query told it, to the last answer.
        others: seconds that each of other requests took meanwhile.
        left_behind: bytes that the agent holds more than at first, once all have gone.
    """

    per_query: float
    came: int
    wrong: int
    seconds: float
    others: tuple[float, ...]
    left_behind: int

    def __str__(self) -> str:
        return (
            f"{self.came} queries, {self.per_query / 1024:.1f} KB each, all answered "
            f"{self.seconds * 1000:.0f} ms after the change, others in {max(self.others):.3f} s"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalled:
    """How connections ended that never finished what they began.

    Attributes:
        came, wrong: how many were ended, and how many otherwise than by being dropped.
        seconds: from the opening of the last to the end of the last.
        others: seconds that each of other requests took meanwhile.
    """

    came: int
    wrong: int
    seconds: float
    others: tuple[float, ...]


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure once; with less than a second a variant, with a few queries."""
    number = QUERIES if seconds >= 1 else A_FEW
    needed = number + 1000  # of the agent, and of the crowd
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < needed:
        print(f"parked: {number} QUERIES NEED {needed} OPEN FILES (ulimit -Hn)", file=sys.stderr)
        number = A_FEW
    with started_pair() as pair, crowd(pair.port) as told:
        waited = parked(pair, told, number)
    yield Finding(
        benchmark="parked",
        case=f"{waited.came:,} queries that wait: resident memory of each",
        value=waited.per_query / 1024,
        unit="KB",
        at_most=GOAL_KILOBYTES,
    )
    yield Finding(
        benchmark="parked",
        case="from a change to the last of their answers",
        value=waited.seconds * 1000,
        unit="ms",
        compared=f"other requests meanwhile: longest {max(waited.others) * 1000:.0f} ms, "
        f"p99 {_p99(waited.others) * 1000:.1f} ms",
        at_most=GOAL_MILLISECONDS,
    )


def _p99(found: tuple[float, ...]) -> float:
    return quantiles(found, n=100, method="inclusive")[98]


def parked(pair: Pair, told: "Told", number: int) -> Parked:
    """Let so many queries wait for the roots, change these, and see all of them answered."""
    with pair.agent.connected() as connection:
        _, index = connection.answered("GET", AGENT_ROOTS)
    pair.agent.quiet()
    before = pair.agent.resident
    told(f"park {number} {AGENT_ROOTS}?index={index}&wait=10m")
    pair.agent.quiet()
    waiting = pair.agent.resident
    with asking(pair.agent) as others:
        changed_at = changed(pair.server)
        answers = told("answers")
    told("part")
    pair.agent.quiet()
    return Parked(
        per_query=(waiting - before) / number,
        came=answers["came"],
        wrong=answers["wrong"],
        seconds=answers["last"] - changed_at,
        others=tuple(others),
        left_behind=pair.agent.resident - before,
    )


def stalled(pair: Pair, told: "Told", number: int, sent: str) -> Stalled:
    """Open so many connections that begin a request and never finish it; see all of them ended."""
    with asking(pair.agent) as others:
        told(f"stall {number} {json.dumps(sent)}")
        began = time.monotonic()
        dropped = told("dropped")
    return Stalled(
        came=dropped["came"],
        wrong=dropped["wrong"],
        seconds=dropped["last"] - began,
        others=tuple(others),
    )


def changed(server: Program) -> float:
    """Rotate, and return when a query of the server itself was told of other roots."""
    found: list[float] = []
    with server.connected(timeout=400) as asking, server.connected(timeout=60) as changing:
        _, index = asking.answered("GET", SERVER_ROOTS)

        def wait() -> None:
            asking.asked("GET", f"{SERVER_ROOTS}?index={index}&wait=5m")
            found.append(time.monotonic())

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.1)  # it waits at the server by then
        _rotate(changing)
        thread.join()
    return found[0]


def _rotate(server: Socket) -> None:
    """Begin a rotation, once the one before is over."""
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            server.asked("PUT", "/v1/connect/ca/rotate", {"Settle": "0s"})
        except RuntimeError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)
        else:
            return


@contextmanager
def asking(program: Program) -> Iterator[list[float]]:
    """Ask for the roots again and again in the block; yields how long each answer took."""
    took: list[float] = []
    over = threading.Event()

    def ask() -> None:
        with program.connected(timeout=60) as connection:
            while not over.wait(0.005):
                began = time.perf_counter()
                connection.asked("GET", AGENT_ROOTS)
                took.append(time.perf_counter() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield took
    finally:
        over.set()
        thread.join()


class Told:
    """Orders to a crowd, and how each went."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, order: str) -> dict[str, Any]:
        """Give one order and wait until it is carried out.

        Raises:
            RuntimeError: the crowd has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the crowd ended over {order[:40]!r}")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def crowd(address: object) -> Iterator[Told]:
    """Run a crowd before a program's address while the block lasts."""
    command = [sys.executable, "-m", "bench.crowd", str(address)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Told(process)
        finally:
            process.kill()
