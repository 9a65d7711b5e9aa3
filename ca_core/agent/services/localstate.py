"""Everything that is registered at this agent, as one immutable value."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ca_core.agent.services.definitions import Alias, CheckDefinition, Registration
from ca_core.agent.services.standing import LocalCheck

Ids = Mapping[str, frozenset[str]]
"""Id of an instance, '' for the node → ids of checks; no set is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalState:
    """What is registered, by id. Made by ``of`` and by ``ca_core.agent.services.state``.

    Attributes:
        owned: the checks of each instance.
        followers: the checks that follow each instance.
        version: another one means that something can be seen that was different.
        shape: another one means other definitions of checks.
    """

    services: Mapping[str, Registration] = field(default_factory=dict)
    checks: Mapping[str, LocalCheck] = field(default_factory=dict)
    owned: Ids = field(default_factory=dict)
    followers: Ids = field(default_factory=dict)
    version: int = 0
    shape: int = 0

    @classmethod
    def of(
        cls, services: Iterable[Registration], checks: Iterable[LocalCheck] = ()
    ) -> "LocalState":
        """Return the state that holds these as they stand."""
        found = {check.definition.id: check for check in checks}
        return cls(
            services={each.service.id: each for each in services},
            checks=found,
            owned=regrouped({}, {}, found, owner_of),
            followers=regrouped({}, {}, found, target_of),
            version=1,
            shape=1,
        )

    def checks_of(self, service_id: str) -> tuple[LocalCheck, ...]:
        """Return the checks of an instance, by id; those of the node for ''."""
        return tuple(self.checks[each] for each in sorted(self.owned.get(service_id, ())))

    def name_of(self, service_id: str) -> str:
        """Return the name of an instance; '' if there is none."""
        found = self.services.get(service_id)
        return found.service.service if found is not None else ""


def owner_of(definition: CheckDefinition) -> str:
    """Return whose check it is; '' for the node's."""
    return definition.service_id


def target_of(definition: CheckDefinition) -> str | None:
    """Return what a check follows, '' for the node; None if it follows nothing."""
    return definition.kind.service_id if isinstance(definition.kind, Alias) else None


def regrouped(
    groups: Ids,
    before: Mapping[str, LocalCheck],
    changes: Mapping[str, LocalCheck | None],
    key: Callable[[CheckDefinition], str | None],
) -> Ids:
    """Return the groups after changes of checks; the same object if none changes its group.

    Args:
        groups: as they were.
        before: the checks as they were.
        changes: id → the check as it is now, None if it goes.
        key: gives the group of a check, None for none.
    """
    found: dict[str, frozenset[str]] = {}
    for check_id, new in changes.items():
        old = before.get(check_id)
        left = None if old is None else key(old.definition)
        joined = None if new is None else key(new.definition)
        if left == joined:
            continue
        if left is not None:
            found[left] = found.get(left, groups.get(left, frozenset())) - {check_id}
        if joined is not None:
            found[joined] = found.get(joined, groups.get(joined, frozenset())) | {check_id}
    if not found:
        return groups
    return {each: ids for each, ids in {**groups, **found}.items() if ids}
