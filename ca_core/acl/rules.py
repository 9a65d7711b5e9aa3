"""Rules: which right somebody has on which names. Pure; Consul's words and Consul's precedence."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """How much; a higher one contains the lower ones. ``DENY`` is a rule, not its absence."""

    DENY = 0
    READ = 1
    WRITE = 2


class Resource(StrEnum):
    """What a rule is about, in the words of error messages."""

    SERVICE = "service"
    INTENTION = "intention"
    """Written within a service rule, as ``intentions``; the name is the destination."""
    NODE = "node"
    AGENT = "agent"
    OPERATOR = "operator"
    """Has no names; rules and questions use ''."""
    ACL = "acl"
    """Has no names; rules and questions use ''."""


NAMELESS = frozenset({Resource.OPERATOR, Resource.ACL})


@dataclass(frozen=True, slots=True)
class Rule:
    """One right on one name, or on every name that begins so.

    Attributes:
        name: case-sensitive; '' with ``prefix`` is every name. ``*`` is no wildcard here.
        prefix: a longer prefix goes before a shorter one, an exact name before every prefix.
    """

    resource: Resource
    name: str
    level: Level
    prefix: bool = False


Rules = tuple[Rule, ...]
"""Rules of one or several policies; order has no meaning, and two may speak of the same name."""
