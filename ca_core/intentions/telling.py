"""Explanations, and the requests they are about, in the words of the wire."""

from ca_core.intentions.decision import Decision
from ca_core.intentions.explaining import Candidate, Explanation
from ca_core.intentions.naming import short
from ca_core.intentions.permissions import shown_permission
from ca_core.intentions.requests import HttpRequest
from ca_core.intentions.showing import shown_intention
from ca_core.intentions.wording import permission_words
from ca_core.wire.explanations import (
    CandidateAnswer,
    CheckedAnswer,
    DecisionAnswer,
    DefaultAnswer,
    ExplanationAnswer,
    HttpRequestBody,
)


def request_of(body: HttpRequestBody) -> HttpRequest:
    """Return the request that a body describes; nothing is checked."""
    lines = (
        (name, line)
        for name, value in body.headers.items()
        for line in ([value] if isinstance(value, str) else value)
    )
    return HttpRequest(method=body.method, path=body.path, headers=tuple(lines))


def told(explanation: Explanation) -> ExplanationAnswer:
    """Return an explanation as it is sent; the values of the request's headers are not in it."""
    decision, default = explanation.decision, explanation.default
    return ExplanationAnswer(
        source=short(explanation.source),
        destination=short(explanation.destination),
        path=explanation.path,
        fault=explanation.fault,
        decision=_decision(decision),
        would=_decision(decision.would) if decision.would else None,
        default=DefaultAnswer(allowed=default.allowed, why=default.why),
        candidates=tuple(map(_candidate, explanation.candidates)),
        left_out=explanation.left_out,
    )


def _decision(decision: Decision) -> DecisionAnswer:
    return DecisionAnswer(
        allowed=decision.allowed,
        why=decision.why,
        reason=decision.reason,
        permission=decision.permission,
    )


def _candidate(candidate: Candidate) -> CandidateAnswer:
    checked = zip(candidate.intention.permissions, candidate.permissions, strict=False)
    return CandidateAnswer(
        intention=shown_intention(candidate.intention),
        standing=candidate.standing,
        because=candidate.because,
        permissions=tuple(
            CheckedAnswer(
                permission=shown_permission(permission),
                words=permission_words(permission),
                matches=one.matches,
                because=one.because,
            )
            for permission, one in checked
        ),
    )
