"""Answers of authorize: made of a verdict, counted, logged, and kept while nothing changes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from ca_core.agent.authorizing import Question, Verdict
from ca_core.agent.decisionlog import DecisionLog, Logged
from ca_core.agent.intentions import IntentionCache
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

Key = tuple[str, str]
"""What two calls have in common that are decided alike: the client's URI, and the target."""

Noted = Callable[[Name, Name, Decision], None]
"""``noted(source, destination, decision)``."""

_encode = msgspec.json.Encoder().encode


def _nobody(_source: Name, _destination: Name, _decision: Decision) -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class _Kept:
    """An answer that may be given again, and what is to be done each time."""

    response: Response
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
        self._kept: dict[Key, _Kept] = {}
        self._of: Held | None = None

    def again(self, intentions: IntentionCache, key: Key) -> Response | None:
        """Return the answer that was given before, if nothing has changed and a server answers."""
        if intentions.held is not self._of or not intentions.is_fresh:
            return None
        kept = self._kept.get(key)
        if kept is None:
            return None
        intentions.touch(kept.question.destination)
        kept.tally.count += 1
        if kept.is_noted:
            self._note(kept.question, kept.decision, timedelta())
        return kept.response

    def answer(self, question: Question, verdict: Verdict, key: Key | None) -> Response:
        """Return the answer to a verdict; it is kept under ``key``, if there is one."""
        decision = verdict.decision
        destination = short(question.destination)
        tally = self._tallies.of(destination, allowed=decision.allowed, why=decision.why)
        tally.count += 1
        would = decision.would is not None
        is_noted = would or self._log.takes(allowed=decision.allowed)
        if is_noted:
            self._note(question, decision, verdict.age)
        if key is None or verdict.held is None or not verdict.hit or verdict.age:
            return _response(verdict)
        response = _response(verdict)
        self._keep(verdict.held, key, _Kept(response, question, decision, tally, is_noted))
        return response

    def _keep(self, held: Held, key: Key, kept: _Kept) -> None:
        if held is not self._of or len(self._kept) >= MOST_KEPT:
            self._kept, self._of = {}, held
        self._kept[key] = kept

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


def _response(verdict: Verdict) -> Response:
    decision = verdict.decision
    reason = decision.reason
    headers = {"x-cache": "HIT" if verdict.hit else "MISS", "x-ca-core-reason": _one_line(reason)}
    if verdict.hit:
        headers["age"] = str(int(verdict.age.total_seconds()))
    answer = AuthorizeAnswer(authorized=decision.allowed, reason=reason)
    return Response(headers=headers, body=_encode(answer))


def _one_line(text: str) -> str:
    """Return text that may stand in a header: names hold nothing that ends one, but it is long."""
    return text[:MOST_REASON]
