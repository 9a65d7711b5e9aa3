"""From counts of would-be denials to intentions that would allow them; people decide."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ca_core.intentions.naming import parsed_name
from ca_core.wire.observations import ObservedBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A pair that would be denied.

    Attributes:
        source, destination: as people write them.
        seen: how often, at most; ``error`` how many of these may be none.
        rules: what would deny it.
        own: one of the rules is about exactly this pair, or looked at requests: to allow the pair
            would undo what somebody said about it.
    """

    source: str
    destination: str
    seen: int
    error: int
    last: datetime
    rules: tuple[str, ...]
    own: bool

    @property
    def why(self) -> str:
        """Return it in one sentence."""
        least = self.seen - self.error
        times = f"{self.seen}" if not self.error else f"{least} to {self.seen}"
        return f"seen {times} times, would be denied by {', '.join(self.rules)}"


def suggested(counts: Iterable[ObservedBody], at_least: int = 1) -> tuple[Suggestion, ...]:
    """Return one suggestion a pair that was surely seen ``at_least`` times; the frequent first."""
    by_pair: dict[tuple[str, str], list[ObservedBody]] = defaultdict(list)
    for one in counts:
        by_pair[one.source, one.destination].append(one)
    found = (_suggestion(pair, seen) for pair, seen in by_pair.items())
    kept = (one for one in found if one.seen - one.error >= at_least)
    return tuple(sorted(kept, key=lambda one: (-one.seen, one.source, one.destination)))


def _suggestion(pair: tuple[str, str], seen: list[ObservedBody]) -> Suggestion:
    source, destination = pair
    own = f"{parsed_name(source)} => {parsed_name(destination)}"
    rules = tuple(sorted({one.rule for one in seen}))
    return Suggestion(
        source=source,
        destination=destination,
        seen=sum(one.count for one in seen),
        error=sum(one.error for one in seen),
        last=max(one.last for one in seen),
        rules=rules,
        own=any(rule == own or rule.endswith("]") for rule in rules),
    )
