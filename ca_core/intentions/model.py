"""An intention as a value, and the rule by which one goes before another.

Source of the precedence and of which requests a permission matches: Consul's published pages on
intentions; where this differs is listed in ``docs/consul.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from ca_core.identity.spiffe import DEFAULT_NAMESPACE

WILDCARD = "*"
"""Any name, or any namespace; never a part of a name."""

_HIGHEST = {2: 9, 1: 6, 0: 3}
"""The highest precedence of a destination, by how exact it is."""


class Name(NamedTuple):
    """A service, or a set of them: ``*`` as name is every service of the namespace.

    ``*`` as namespace is every namespace, and then the name is ``*`` too. Names compare by case.
    """

    namespace: str
    name: str

    @property
    def exactness(self) -> int:
        """Return 2 for one service, 1 for all of a namespace, 0 for all of all."""
        return (self.namespace != WILDCARD) + (self.name != WILDCARD)

    @property
    def is_service(self) -> bool:
        """Say whether it is one service, no wildcard."""
        return self.name != WILDCARD

    def covers(self, other: "Name") -> bool:
        """Say whether every service of ``other`` is one of these."""
        return self.namespace in (WILDCARD, other.namespace) and self.name in (WILDCARD, other.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


ANY = Name(WILDCARD, WILDCARD)
"""Every service of every namespace."""


def service_name(name: str, namespace: str = DEFAULT_NAMESPACE) -> Name:
    """Return the name of one service; nothing is checked."""
    return Name(namespace, name)


def covering(name: Name) -> tuple[Name, ...]:
    """Return every name that covers this one, itself first, then wider ones."""
    return tuple(dict.fromkeys((name, Name(name.namespace, WILDCARD), ANY)))


class Verdict(StrEnum):
    """What an intention or a permission says."""

    ALLOW = "allow"
    DENY = "deny"

    @property
    def allows(self) -> bool:
        """Say whether this is ``allow``."""
        return self is Verdict.ALLOW


class HeaderMatch(StrEnum):
    """How a header's value is compared."""

    PRESENT = "present"
    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    CONTAINS = "contains"
    REGEX = "regex"


class PathMatch(StrEnum):
    """How a request's path is compared."""

    ANY = "any"
    EXACT = "exact"
    PREFIX = "prefix"
    REGEX = "regex"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRule:
    """One condition on a header.

    Attributes:
        name: lower case.
        match: how ``value`` is compared; a regular expression must match the whole value (RE2).
        value: '' for ``PRESENT``.
        invert: true if it must *not* match.
        ignore_case: only with exact, prefix, suffix, contains.
    """

    name: str
    match: HeaderMatch = HeaderMatch.PRESENT
    value: str = ""
    invert: bool = False
    ignore_case: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRule:
    """Conditions on a request; all of them must hold.

    Attributes:
        path: with ``match`` other than ``ANY``; begins with ``/`` unless it is a regular
            expression, which must match the whole path (RE2).
        methods: upper case; empty for every method.
        headers: in the order written.
    """

    match: PathMatch = PathMatch.ANY
    path: str = ""
    methods: tuple[str, ...] = ()
    headers: tuple[HeaderRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What an intention says of requests that match; the first that matches decides."""

    action: Verdict
    http: HttpRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Intention:
    """Whether ``source`` may connect to ``destination``; one at most for each pair of names.

    Attributes:
        action: None with ``permissions``, never None without.
        permissions: in order; only where the destination is one service.
        observe: counted and logged, never enforced.
        description: at most 512 characters.
        meta: at most 64 pairs; keys of at most 128, values of at most 512 characters.
        id: a UUID, for old clients.
        created, updated: aware UTC; None where nobody noted it.
    """

    source: Name
    destination: Name
    action: Verdict | None
    permissions: tuple[Permission, ...] = ()
    observe: bool = False
    description: str = ""
    meta: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    id: str = ""
    created: datetime | None = None
    updated: datetime | None = None

    @property
    def precedence(self) -> int:
        """Return 9 to 1; of two intentions that match, the higher one decides."""
        return precedence(self.source, self.destination)

    @property
    def order(self) -> tuple[int, Name, Name]:
        """Return what sorts intentions as they are evaluated, and equals by name."""
        return (-self.precedence, self.source, self.destination)

    def matches(self, source: Name, destination: Name) -> bool:
        """Say whether it is about this pair."""
        return self.source.covers(source) and self.destination.covers(destination)

    def __str__(self) -> str:
        told = f"ID: {self.id}, " if self.id else ""
        says = f"Action: {self.action.upper()}" if self.action else _count(self.permissions)
        pair = f"{self.source} => {self.destination}"
        return f"{pair} ({told}Precedence: {self.precedence}, {says})"


def _count(permissions: tuple[Permission, ...]) -> str:
    return f"Permissions: {len(permissions)}"


def precedence(source: Name, destination: Name) -> int:
    """Return 9 (both exact) to 1 (both ``*/*``): the destination counts first, then the source."""
    return _HIGHEST[destination.exactness] - (2 - source.exactness)
