"""Decisions where the request is known: permissions are looked at, the first that matches decides.

Source: Consul's published pages on intentions with permissions.
"""

import msgspec

from ca_core.errors import RequestError
from ca_core.intentions.decision import Decision, Default, Why
from ca_core.intentions.effort import too_much
from ca_core.intentions.index import Index
from ca_core.intentions.matching import unmet
from ca_core.intentions.model import Intention, Name
from ca_core.intentions.requests import HttpRequest, NormalRequest, normalised


def decide_request(index: Index, source: Name, destination: Name, request: HttpRequest) -> Decision:
    """Say whether ``source`` may send this request to ``destination``.

    1. The intention of highest precedence that matches the names is found, as by ``decide``.
    2. One with an action decides; the request has no effect.
    3. Of one with permissions the first that matches the request decides.
    4. If none does, the default decides: never an intention of lower precedence.

    A request that can be read in several ways is denied wherever permissions would look at it; so
    is one that is too long for their regular expressions.
    """
    decided = _said(index.winner(source, destination), index.default, request)
    seen = index.observed(source, destination)
    if seen is None:
        return decided
    return msgspec.structs.replace(decided, would=_said(seen, index.default, request))


def said_of_request(
    intention: Intention | None, default: Default, request: NormalRequest
) -> Decision:
    """Return what is decided where ``intention`` wins; None where none matches."""
    if intention is None:
        return Decision(default.allowed, default.why)
    if intention.action is not None:
        return Decision(intention.action.allows, Why.INTENTION, intention)
    for at, permission in enumerate(intention.permissions):
        if not unmet(permission, request):
            return Decision(permission.action.allows, Why.PERMISSION, intention, at)
    return Decision(default.allowed, default.why)


def _said(intention: Intention | None, default: Default, request: HttpRequest) -> Decision:
    try:
        return said_of_request(intention, default, _looked_at(intention, request))
    except RequestError:
        return Decision(allowed=False, why=Why.REQUEST, intention=intention)


def _looked_at(intention: Intention | None, request: HttpRequest) -> NormalRequest:
    """Return the request as permissions see it; where there are none, nobody looks."""
    if intention is None or not intention.permissions:
        return NormalRequest("", "")
    normal = normalised(request)
    fault = too_much(intention, normal)
    if fault:
        raise RequestError(fault)
    return normal
