"""What a run found, as data; other modules write it down."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ca_core.testing.conformance.check import Check
from ca_core.testing.conformance.words import Level, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one check.

    Attributes:
        check: the rule.
        outcome: one of five.
        detail: one sentence: what was seen, what is undeclared, what is needed; empty if passed.
        seconds: how long it took.
        error: what the check raised, for a debugger; None unless it failed.
    """

    check: Check
    outcome: Outcome
    detail: str = ""
    seconds: float = 0.0
    error: BaseException | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole run.

    Attributes:
        provider: name of the provider.
        distribution: the package that brings it, or empty if it is not installed.
        version: that package's version, or empty.
        entry_point: ``module`` or ``module:attribute``, or empty.
        contract: the contract version the provider was written against.
        core: version of ca-core, whose checks these are.
        level: the level that was asked for.
        started: aware UTC.
        seconds: how long the run took.
        declared: capabilities, as a primary and (where it opens) as a secondary.
        results: one for each check, in the order in which they ran.
        left_out: how many checks of the level were not chosen; such a run says nothing of a level.
    """

    provider: str
    distribution: str = ""
    version: str = ""
    entry_point: str = ""
    contract: int
    core: str
    level: Level
    started: datetime
    seconds: float
    declared: tuple[str, ...] = ()
    results: tuple[Result, ...] = ()
    left_out: int = 0

    def of(self, outcome: Outcome) -> tuple[Result, ...]:
        """Return the results with that outcome."""
        return tuple(result for result in self.results if result.outcome is outcome)

    def counts(self) -> Mapping[Outcome, int]:
        """Return how many checks had each outcome, all five named."""
        found = Counter(result.outcome for result in self.results)
        return {outcome: found[outcome] for outcome in Outcome}

    @property
    def conforms(self) -> bool:
        """Say whether nothing failed, and anything passed at all."""
        return reached(self.results, self.level) is self.level

    @property
    def reached(self) -> Level | None:
        """Return the highest level up to which nothing failed, or None if not even L0 holds."""
        return reached(self.results, self.level)


def reached(results: Iterable[Result], asked: Level) -> Level | None:
    """Return the highest level, at most ``asked``, up to which nothing failed and something passed.

    A known deviation is a failure that is admitted: it does not fail the run, and it does not give
    the level either.
    """
    found = list(results)
    best = None
    for level in Level:
        here = {result.outcome for result in found if result.check.level is level}
        if level > asked or here & {Outcome.FAILED, Outcome.KNOWN_DEVIATION}:
            break
        if Outcome.PASSED in here:
            best = level
    return best
