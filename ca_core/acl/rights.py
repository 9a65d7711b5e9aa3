"""Rules compiled into answers: immutable, and quick whatever their number.

Source of precedence and of the two questions about every name: Consul's published pages on ACL
rules and on the permissions that intentions need.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ca_core.acl.access import Action
from ca_core.acl.rules import NAMELESS, Level, Resource, Rule, Rules

ALL_NAMES: Final = "*"
"""In a question about intentions: the destination that is every service."""

_ABOUT_DESTINATIONS = frozenset({Action.INTENTION_READ, Action.INTENTION_WRITE})

_STRICTNESS = {Level.READ: 0, Level.WRITE: 1, Level.DENY: 2}
"""Of several rules on one segment the strictest word stands: deny, else write, else read."""


@dataclass(frozen=True, slots=True)
class Segments:
    """What rules say of one resource, by name.

    Attributes:
        exact: name → level.
        prefixes: prefix → level.
        lengths: lengths of the prefixes, longest first, each once.
        lowest, highest: of all levels here; None where there are none.
    """

    exact: Mapping[str, Level]
    prefixes: Mapping[str, Level]
    lengths: tuple[int, ...]
    lowest: Level | None
    highest: Level | None

    def level_of(self, name: str) -> Level | None:
        """Return the level of the exact name, else of the longest prefix, else None."""
        level = self.exact.get(name)
        if level is not None:
            return level
        for length in self.lengths:  # a name shorter than this is sliced to itself: its own prefix
            level = self.prefixes.get(name[:length])
            if level is not None:
                return level
        return None

    def any_allows(self, level: Level) -> bool | None:
        """Say whether one name at least is allowed; None if no rule speaks of every name."""
        if self.highest is not None and self.highest >= level:
            return True
        return None if "" not in self.prefixes else False

    def all_allows(self, level: Level) -> bool | None:
        """Say whether every name is allowed: no rule refuses, and one speaks of every name."""
        if self.lowest is not None and self.lowest < level:
            return False
        return None if "" not in self.prefixes else True


_NOTHING = Segments({}, {}, (), None, None)


class Rights:
    """What rules of any number of policies allow together; constructed means compiled.

    The order of the rules has no meaning. Of several rules on one resource, name and kind (exact
    or prefix), deny goes before write, and write before read. Immutable and thread-safe.

    Args:
        rules: of all policies and identities of a token.
    """

    __slots__ = ("_answers", "_segments")

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        by_resource: dict[Resource, list[Rule]] = {}
        for rule in merged(rules):
            by_resource.setdefault(rule.resource, []).append(rule)
        self._segments = {kind: _segments(found) for kind, found in by_resource.items()}
        self._answers = {
            action: (self._segments[action.resource], action.level)
            for action in Action
            if action.resource in self._segments
        }

    def level_of(self, resource: Resource, name: str) -> Level | None:
        """Return what is said of ``name``: exactly, else by the longest prefix, else None.

        The name of a resource without names (``operator``, ``acl``) is ignored.
        """
        return self._segments.get(resource, _NOTHING).level_of(name)

    def allows(self, action: Action, name: str) -> bool | None:
        """Say whether ``action`` on ``name`` is allowed; None if no rule decides.

        ``*`` in a question about intentions is every destination: to read, a right on any service
        is enough; to write, it must be on all of them.
        """
        answers = self._answers.get(action)
        if answers is None:
            return None
        segments, level = answers
        if name == ALL_NAMES and action in _ABOUT_DESTINATIONS:
            every = level is Level.WRITE
            return segments.all_allows(level) if every else segments.any_allows(level)
        found = segments.level_of(name)
        return None if found is None else found >= level

    def any_allows(self, action: Action) -> bool | None:
        """Say whether ``action`` is allowed on one name at least; None if undecided."""
        return self._segments.get(action.resource, _NOTHING).any_allows(action.level)

    def all_allows(self, action: Action) -> bool | None:
        """Say whether ``action`` is allowed on every name; None if undecided."""
        return self._segments.get(action.resource, _NOTHING).all_allows(action.level)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rights) and self._segments == other._segments

    __hash__ = None  # type: ignore[assignment]  # dictionaries inside; nobody needs it as a key


def merged(rules: Iterable[Rule]) -> Rules:
    """Return the rules with one for each resource, name and kind, the strictest, sorted.

    Deny goes before write, and write before read. Two sets of rules that merge to the same say
    the same.
    """
    levels: dict[tuple[Resource, str, bool], Level] = {}
    for rule in rules:
        nameless = rule.resource in NAMELESS
        key = (rule.resource, "", False) if nameless else (rule.resource, rule.name, rule.prefix)
        levels[key] = _stricter(levels.get(key, rule.level), rule.level)
    return tuple(
        Rule(kind, name, levels[kind, name, prefix], prefix)
        for kind, name, prefix in sorted(levels)
    )


def _stricter(one: Level, other: Level) -> Level:
    return max(one, other, key=_STRICTNESS.__getitem__)


def _segments(rules: list[Rule]) -> Segments:
    """Return merged rules of one resource as look-ups; where there are no names, any will do."""
    levels = [rule.level for rule in rules]
    prefixes = {rule.name: rule.level for rule in rules if rule.prefix or rule.resource in NAMELESS}
    exact = {
        rule.name: rule.level for rule in rules if not (rule.prefix or rule.resource in NAMELESS)
    }
    lengths = tuple(sorted({len(name) for name in prefixes}, reverse=True))
    return Segments(
        MappingProxyType(exact), MappingProxyType(prefixes), lengths, min(levels), max(levels)
    )


class DefaultPolicy(StrEnum):
    """What holds where no rule decides."""

    ALLOW = "allow"
    """Everything but ``acl``: whoever has no token makes none."""
    DENY = "deny"
    MANAGE = "manage"
    """Everything; no setting gives it, ``dev`` does."""

    def allows(self, action: Action) -> bool:
        """Say whether ``action`` is allowed on any name."""
        if self is DefaultPolicy.ALLOW:
            return action.resource is not Resource.ACL
        return self is DefaultPolicy.MANAGE


@dataclass(frozen=True, slots=True)
class Chain:
    """A token's rights, and what holds where they do not decide."""

    rights: Rights
    default: DefaultPolicy = DefaultPolicy.DENY

    def allows(self, action: Action, name: str) -> bool:
        """Say whether ``action`` on ``name`` is allowed."""
        decided = self.rights.allows(action, name)
        return self.default.allows(action) if decided is None else decided


def management_rules() -> Rules:
    """Return the rules of ``global-management``: write on everything."""
    return rules_for_everything(Level.WRITE)


def rules_for_everything(level: Level) -> Rules:
    """Return one rule for each resource, on every name."""
    return tuple(Rule(kind, "", level, prefix=kind not in NAMELESS) for kind in Resource)
