"""What a check is, and the catalogue that holds them all."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ca_core.contract import Capability, Role
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.words import Level, Need

Body = Callable[[Arena], None]

_ID = re.compile(r"[a-z]+(-[a-z0-9]+)*\.[a-z0-9]+(-[a-z0-9]+)*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule of the contract, and how it is tried.

    Attributes:
        id: ``area.rule``, for example ``leaf.one-uri``; stable for ever.
        level: the lowest level that asks for it.
        rule: one sentence, what must hold.
        why: what happened where it did not hold.
        sources: where that can be read: incident ids (``S01``), issue numbers of public projects,
            RFC sections, standards.
        fix: what an author does about a failure.
        body: tries it; raises to fail.
        capabilities: all must be declared, else the check is skipped.
        role: in which kind of datacenter the provider is opened to see what it declares.
        needs: what the author must have supplied, else the check is not run.
    """

    id: str
    level: Level
    rule: str
    why: str
    sources: tuple[str, ...]
    fix: str
    body: Body = field(repr=False)
    capabilities: frozenset[Capability] = frozenset()
    role: Role = Role.PRIMARY
    needs: frozenset[Need] = frozenset()

    def __post_init__(self) -> None:
        if not _ID.match(self.id):
            raise ValueError(f"{self.id!r} is not area.rule in lower case")
        for name in ("rule", "why", "sources", "fix"):
            if not getattr(self, name):
                raise ValueError(f"{self.id}: {name} is missing")


class Catalogue:
    """Checks by id, in the order in which they were added."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def check(  # noqa: PLR0913 - every part of a check is named once, where it is written
        self,
        check_id: str,
        level: Level,
        *,
        why: str,
        sources: Sequence[str],
        fix: str,
        capabilities: Iterable[Capability] = (),
        role: Role = Role.PRIMARY,
        needs: Iterable[Need] = (),
    ) -> Callable[[Body], Body]:
        """Add the decorated function as a check; the first line of its docstring is the rule.

        Raises:
            ValueError: the id is taken or malformed, or a part is missing.
        """

        def add(body: Body) -> Body:
            self.add(
                Check(
                    id=check_id,
                    level=level,
                    rule=(inspect.getdoc(body) or "").partition("\n")[0],
                    why=why,
                    sources=tuple(sources),
                    fix=fix,
                    body=body,
                    capabilities=frozenset(capabilities),
                    role=role,
                    needs=frozenset(needs),
                )
            )
            return body

        return add

    def add(self, check: Check) -> None:
        """Add a check.

        Raises:
            ValueError: its id is taken.
        """
        if check.id in self._checks:
            raise ValueError(f"check {check.id!r} is there already")
        self._checks[check.id] = check

    def include(self, other: "Catalogue") -> None:
        """Add every check of another catalogue."""
        for check in other:
            self.add(check)

    def up_to(self, level: Level) -> tuple[Check, ...]:
        """Return the checks that ``level`` asks for, lowest level first."""
        wanted = (check for check in self if check.level <= level)
        return tuple(sorted(wanted, key=lambda check: check.level))

    def get(self, check_id: str) -> Check | None:
        """Return the check of that id, or None."""
        return self._checks.get(check_id)

    def __iter__(self) -> Iterator[Check]:
        return iter(tuple(self._checks.values()))

    def __len__(self) -> int:
        return len(self._checks)
