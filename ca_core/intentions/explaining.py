"""Why it was decided so: every intention that speaks of the destination, and what became of it."""

from dataclasses import dataclass
from enum import StrEnum

from ca_core.errors import RequestError
from ca_core.intentions.deciding import decide_request
from ca_core.intentions.decision import Decision, Default
from ca_core.intentions.effort import too_much
from ca_core.intentions.index import Index
from ca_core.intentions.matching import unmet
from ca_core.intentions.model import Intention, Name
from ca_core.intentions.requests import HttpRequest, NormalRequest, normalised
from ca_core.intentions.wording import decided_words, unmet_words

MOST_OTHERS = 50
"""Intentions shown that are about other sources."""


class Standing(StrEnum):
    """What became of an intention."""

    DECIDES = "decides"
    WOULD_DECIDE = "would decide"
    """In observe mode, and nothing goes before it."""
    NOT_REACHED = "not reached"
    NO_MATCH = "no match"


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one permission.

    Attributes:
        matches: None if it was not looked at.
        because: the first part that does not match, or why it was not looked at; '' if it matches.
    """

    matches: bool | None
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An intention, and what became of it.

    Attributes:
        because: one sentence.
        permissions: one for each permission, if it decides or would; else empty.
    """

    intention: Intention
    standing: Standing
    because: str
    permissions: tuple[Checked, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A decision with everything that led to it.

    Attributes:
        request: None where only a connection was asked about.
        path: of the request, as it is compared; '' without one.
        fault: why the request cannot be compared; '' if it can.
        candidates: as they are evaluated; those about other sources among them.
        left_out: how many about other sources are not shown.
    """

    source: Name
    destination: Name
    request: HttpRequest | None
    path: str
    fault: str
    decision: Decision
    default: Default
    candidates: tuple[Candidate, ...]
    left_out: int


def explain(
    index: Index, source: Name, destination: Name, request: HttpRequest | None = None
) -> Explanation:
    """Return what ``decide``, or with a request ``decide_request``, says, and why.

    It looks at all intentions of the destination: milliseconds where there are very many.
    """
    normal, fault = _normal(request)
    asked = _Asked(index, source, destination, normal, fault)
    speaking = index.to_destination(destination)
    others = [one for one in speaking if not one.source.covers(source)]
    hidden = {one.order for one in others[MOST_OTHERS:]}
    return Explanation(
        source=source,
        destination=destination,
        request=request,
        path=normal.path if normal else "",
        fault=fault,
        decision=_decision(index, source, destination, request),
        default=index.default,
        candidates=tuple(asked.candidate(one) for one in speaking if one.order not in hidden),
        left_out=len(hidden),
    )


class _Asked:
    """One question, and what is needed to say what became of an intention in it."""

    def __init__(
        self,
        index: Index,
        source: Name,
        destination: Name,
        request: NormalRequest | None,
        fault: str,
    ) -> None:
        self._source = source
        self._winner = index.winner(source, destination)
        self._observed = index.observed(source, destination)
        self._request = request
        self._fault = fault

    def candidate(self, intention: Intention) -> Candidate:
        """Return what became of an intention that speaks of the destination."""
        if not intention.source.covers(self._source):
            return Candidate(
                intention=intention,
                standing=Standing.NO_MATCH,
                because=f"its source is {intention.source}",
            )
        if intention == self._winner:
            return self._first(intention, Standing.DECIDES)
        if intention == self._observed:
            return self._first(intention, Standing.WOULD_DECIDE)
        return self._not_reached(intention)

    def _first(self, intention: Intention, standing: Standing) -> Candidate:
        fault = self._fault_with(intention)
        checked = self._checked(intention, fault)
        found = next((at for at, one in enumerate(checked) if one.matches), None)
        words = decided_words(intention, found, fault=fault, asked=self._request is not None)
        observed = "it is in observe mode and decides nothing; enforced: "
        return Candidate(
            intention=intention,
            standing=standing,
            because=words if standing is Standing.DECIDES else f"{observed}{words}",
            permissions=checked,
        )

    def _not_reached(self, intention: Intention) -> Candidate:
        first = self._winner
        if intention.observe and self._observed is not None:
            first = min(filter(None, (first, self._observed)), key=lambda one: one.order)
        because = f"{first.source} => {first.destination} goes before it" if first else ""
        observed = "it is in observe mode, and " if intention.observe else ""
        return Candidate(
            intention=intention, standing=Standing.NOT_REACHED, because=f"{observed}{because}"
        )

    def _fault_with(self, intention: Intention) -> str:
        """Return why this intention cannot look at the request, or ''."""
        return self._fault if self._request is None else too_much(intention, self._request)

    def _checked(self, intention: Intention, fault: str) -> tuple[Checked, ...]:
        """Return what became of each permission, in order."""
        if self._request is None or fault:
            because = fault or "no request is known"
            return tuple(Checked(None, because) for _ in intention.permissions)
        places = [unmet(permission, self._request) for permission in intention.permissions]
        first = places.index("") if "" in places else len(places)
        request = self._request
        return tuple(
            Checked(None, f"Permissions[{first}] goes before it")
            if at > first
            else Checked(not place, unmet_words(permission, place, request))
            for at, (permission, place) in enumerate(
                zip(intention.permissions, places, strict=True)
            )
        )


def _normal(request: HttpRequest | None) -> tuple[NormalRequest | None, str]:
    """Return the request as it is compared, and why it cannot be."""
    if request is None:
        return None, ""
    try:
        return normalised(request), ""
    except RequestError as error:
        return None, str(error)


def _decision(
    index: Index, source: Name, destination: Name, request: HttpRequest | None
) -> Decision:
    if request is None:
        return index.decide(source, destination)
    return decide_request(index, source, destination, request)
