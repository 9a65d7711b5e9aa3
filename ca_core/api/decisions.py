"""Answers of authorize: made of a verdict, counted, logged, and kept while nothing changes."""

from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache

import msgspec

from ca_core.agent.authorizing import Question, Verdict
from ca_core.agent.decisionlog import DecisionLog, Logged
from ca_core.agent.intentions import IntentionCache
from ca_core.api.authorize_requests import Asked
from ca_core.api.http import Response
from ca_core.clock import SystemClock
from ca_core.intentions.decision import Decision
from ca_core.intentions.lists import Held
from ca_core.intentions.model import Name
from ca_core.intentions.naming import short
from ca_core.telemetry.decisions import DecisionTallies, Tally
from ca_core.wire.authorize import AuthorizeAnswer

MOST_KEPT = 4096
"""Answers kept; a host has a few hundred pairs of client and service."""

MOST_REASON = 400
"""Characters of a reason in a header; two names of 63 characters each fit in twice."""

MOST_BODY = 1024
"""Bytes of a body whose answer is kept: two names and a serial number take two hundred."""

Noted = Callable[[Name, Name, Decision], None]
"""``noted(source, destination, decision)``."""

_encode = msgspec.json.Encoder().encode


def _nobody(_source: Name, _destination: Name, _decision: Decision) -> None:
    """Nobody wants to know."""


class Kept(msgspec.Struct, gc=False):
    """An answer that may be given again; ``right`` is looked up before, each time."""

    response: Response
    right: str
    question: Question
    decision: Decision
    tally: Tally
    is_noted: bool


class Decisions:
    """Answers, and tells who wants to know. Used from one event loop.

    Args:
        tallies: counts every decision.
        log: writes those it takes.
        observed: told of those that an intention in observe mode would decide otherwise.
    """

    def __init__(
        self, tallies: DecisionTallies, log: DecisionLog, observed: Noted = _nobody
    ) -> None:
        self._tallies = tallies
        self._log = log
        self._observed = observed
        self._kept: dict[bytes, Kept] = {}
        self._of: Held | None = None

    def kept(self, intentions: IntentionCache, body: bytes) -> Kept | None:
        """Return the answer to equal bodies, if nothing has changed and a server answers."""
        if intentions.held is not self._of or not intentions.is_fresh:
            return None
        return self._kept.get(body)

    def again(self, intentions: IntentionCache, kept: Kept) -> Response:
        """Return an answer that was given before; this time counts too."""
        intentions.touch(kept.question.destination)
        kept.tally.count += 1
        if kept.is_noted:
            self._note(kept.question, kept.decision, timedelta())
        return kept.response

    def answer(self, asked: Asked, verdict: Verdict, body: bytes | None = None) -> Response:
        """Return the answer to a verdict; with ``body``, it may be kept for equal ones."""
        question, decision = asked.question, verdict.decision
        allowed = decision.allowed
        tally = self._tallies.of(short(question.destination), allowed=allowed, why=decision.why)
        tally.count += 1
        is_noted = decision.would is not None or self._log.takes(allowed=allowed)
        if is_noted:
            self._note(question, decision, verdict.age)
        response = _response(verdict)
        if body is not None and len(body) <= MOST_BODY and _may_be_kept(verdict):
            kept = Kept(response, asked.right, question, decision, tally, is_noted)
            self._keep(verdict.held, body, kept)
        return response

    def forget(self) -> None:
        """Let every kept answer go."""
        self._kept = {}

    def _keep(self, held: Held | None, body: bytes, kept: Kept) -> None:
        if held is not self._of or len(self._kept) >= MOST_KEPT:
            self._kept, self._of = {}, held
        self._kept[body] = kept

    def _note(self, question: Question, decision: Decision, age: timedelta) -> None:
        source, destination = question.source, question.destination
        if self._log.takes(allowed=decision.allowed):
            self._log.write(source, destination, decision, age)
        if decision.would is not None:
            self._observed(source, destination, decision)


def untold_decisions() -> Decisions:
    """Return one whose counts nobody shows, and which logs nothing."""
    log = DecisionLog(SystemClock(), lambda: 0.0, Logged.NONE)
    return Decisions(DecisionTallies(), log)


def _may_be_kept(verdict: Verdict) -> bool:
    """Say whether the same would be answered again while nothing changes."""
    return verdict.held is not None and verdict.hit and not verdict.age


def _response(verdict: Verdict) -> Response:
    decision, age = verdict.decision, None
    if verdict.hit:
        age = int(verdict.age.total_seconds()) if verdict.age else 0
    return _told(decision.allowed, decision.reason, age)


@lru_cache(maxsize=4096)
def _told(allowed: bool, reason: str, age: int | None) -> Response:  # noqa: FBT001 - the cache's key
    """Return the answer; ``age`` is None where a server was asked."""
    headers = {"x-cache": "MISS" if age is None else "HIT", "x-ca-core-reason": _one_line(reason)}
    if age is not None:
        headers["age"] = str(age)
    return Response(
        headers=headers, body=_encode(AuthorizeAnswer(authorized=allowed, reason=reason))
    )


def _one_line(text: str) -> str:
    """Return text that may stand in a header: names hold nothing that ends one, but it is long."""
    return text[:MOST_REASON]
