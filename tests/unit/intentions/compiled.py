"""Intentions as rules without precedence, as a proxy would be given them: the other way to decide.

Nothing here walks in order: every rule says for itself who and what is not meant by it.
Source of the form: the behaviour of Consul's RBAC filters, as published tests pin it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ca_core.intentions.decision import Default
from ca_core.intentions.matching import unmet
from ca_core.intentions.model import HttpRule, Intention, Name, Permission, Verdict
from ca_core.intentions.requests import HttpRequest, normalised


@dataclass(frozen=True)
class Rule:
    """Whom it is about, without whom; ``http`` is what it is about, without what before it."""

    action: Verdict
    source: Name
    without: tuple[Name, ...] = ()
    http: tuple[HttpRule, tuple[HttpRule, ...]] | None = None


def compiled_rules(intentions: Sequence[Intention], default: Default) -> list[Rule]:
    """Return the rules of intentions with one destination; all say what the default does not."""
    ordered = sorted(intentions, key=lambda one: -one.precedence)
    firsts = {one.source: one for one in reversed(ordered)}
    kept = [one for one in ordered if firsts[one.source] is one]
    rules = []
    for at, intention in enumerate(kept):
        narrower = [one.source for one in kept[:at] if source_matches(one.source, intention.source)]
        if any(one.source == wide for one in kept[:at] for wide in _wider(intention.source)):
            continue  # never reached: a wider source toward a narrower destination goes before it
        rules += _rules(intention, _outermost(narrower), default)
    return rules


def rules_allow(
    rules: Sequence[Rule], default: Default, source: Name, destination: Name, request: HttpRequest
) -> bool:
    """Say whether the rules let a request pass: the default is what none of them speaks of."""
    del destination
    spoken = any(_speaks(rule, source, request) for rule in rules)
    return spoken is not default.allowed


def source_matches(tested: Name, against: Name) -> bool:
    """Say whether ``tested`` is inside ``against``, and not all of it."""
    return against.covers(tested) and against != tested


def _wider(source: Name) -> list[Name]:
    wide = (Name(source.namespace, "*"), Name("*", "*"))
    return [one for one in wide if source_matches(source, one)]


def _outermost(names: Sequence[Name]) -> tuple[Name, ...]:
    return tuple(one for one in names if not any(source_matches(one, another) for another in names))


def _rules(intention: Intention, without: tuple[Name, ...], default: Default) -> list[Rule]:
    if intention.action is not None:
        if intention.action.allows is default.allowed:
            return []
        return [Rule(intention.action, intention.source, without)]
    return [
        Rule(permission.action, intention.source, without, (permission.http, before))
        for permission, before in _told_apart(intention.permissions, default)
    ]


def _told_apart(
    permissions: Sequence[Permission], default: Default
) -> list[tuple[Permission, tuple[HttpRule, ...]]]:
    """Return those that say what the default does not, each with the others before it."""
    return [
        (one, tuple(p.http for p in permissions[:at] if p.action is not one.action))
        for at, one in enumerate(permissions)
        if one.action.allows is not default.allowed
    ]


def _speaks(rule: Rule, source: Name, request: HttpRequest) -> bool:
    if not rule.source.covers(source) or any(one.covers(source) for one in rule.without):
        return False
    if rule.http is None:
        return True
    normal = normalised(request)
    wanted, before = rule.http
    opposite = Verdict.DENY if rule.action.allows else Verdict.ALLOW
    return not unmet(Permission(action=rule.action, http=wanted), normal) and all(
        unmet(Permission(action=opposite, http=one), normal) for one in before
    )
