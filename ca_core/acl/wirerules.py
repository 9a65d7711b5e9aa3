"""Rules as they travel and as they are stored: one small array each.

``["service", "web", 2, false]`` is write on ``web``; ``true`` at the end makes it a prefix, and
``false`` may be left out. The levels are 0 deny, 1 read, 2 write.
"""

from collections.abc import Iterable

import msgspec

from ca_core.acl.rules import Level, Resource, Rule, Rules


class WireRule(msgspec.Struct, frozen=True, array_like=True):
    """One rule, as ``ca_core.acl.rules.Rule``."""

    resource: Resource
    name: str
    level: Level
    prefix: bool = False


def wired(rules: Iterable[Rule]) -> tuple[WireRule, ...]:
    """Return the rules as they travel, in the same order."""
    return tuple(WireRule(rule.resource, rule.name, rule.level, rule.prefix) for rule in rules)


def unwired(rules: Iterable[WireRule]) -> Rules:
    """Return the rules that ``wired`` made these of."""
    return tuple(Rule(rule.resource, rule.name, rule.level, rule.prefix) for rule in rules)
