"""The rule of precedence read off its table, slowly: what the index is held against.

Nothing here is shared with the index, nor is any method of the model's values used. Source of the
table: Consul's published page on intentions, "Precedence and match order".
"""

from dataclasses import dataclass

from ca_core.intentions.decision import Decision, Default, Why
from ca_core.intentions.model import Intention, Name

SERVICE, SPACE, EVERY = "a service", "all of a namespace", "all of all"

PRECEDENCE = {  # destination, source
    (SERVICE, SERVICE): 9,
    (SERVICE, SPACE): 8,
    (SERVICE, EVERY): 7,
    (SPACE, SERVICE): 6,
    (SPACE, SPACE): 5,
    (SPACE, EVERY): 4,
    (EVERY, SERVICE): 3,
    (EVERY, SPACE): 2,
    (EVERY, EVERY): 1,
}


@dataclass(frozen=True)
class Reference:
    """A list of intentions, walked from its beginning for every question."""

    intentions: tuple[Intention, ...]
    default: Default

    def decide(self, source: Name, destination: Name) -> Decision:
        """Say whether ``source`` may connect to ``destination``, and what would have been said."""
        enforced = highest([one for one in self.matching(source, destination) if not one.observe])
        first = highest(self.matching(source, destination))
        would = said_by(first) if first is not None and first.observe else None
        if enforced is None:
            return Decision(self.default.allowed, self.default.why, would=would)
        said = said_by(enforced)
        return Decision(said.allowed, said.why, said.intention, would=would)

    def matching(self, source: Name, destination: Name) -> list[Intention]:
        """Return what matches, in the order given."""
        return [
            one
            for one in self.intentions
            if includes(one.source, source) and includes(one.destination, destination)
        ]


def kind(name: Name) -> str:
    """Return which of the three kinds of name it is."""
    if name.name != "*":
        return SERVICE
    return SPACE if name.namespace != "*" else EVERY


def includes(wide: Name, narrow: Name) -> bool:
    """Say whether all that ``narrow`` means is meant by ``wide``."""
    if kind(wide) == EVERY:
        return True
    if kind(wide) == SPACE:
        return wide.namespace == narrow.namespace
    return wide == narrow


def highest(intentions: list[Intention]) -> Intention | None:
    """Return the one of highest precedence; no two that match one pair have the same."""
    best = None
    for one in intentions:
        if best is None or level(one) > level(best):
            best = one
    return best


def level(intention: Intention) -> int:
    """Return the precedence that the table gives."""
    return PRECEDENCE[kind(intention.destination), kind(intention.source)]


def said_by(intention: Intention) -> Decision:
    """Return what an intention says where no request is known."""
    if intention.permissions:
        return Decision(allowed=False, why=Why.L7, intention=intention)
    assert intention.action is not None
    return Decision(intention.action == "allow", Why.INTENTION, intention)
