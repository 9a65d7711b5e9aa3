"""The words of a conformance report: levels, outcomes, and what a check may need."""

from enum import IntEnum, StrEnum


class Level(IntEnum):
    """How much is asked of a provider; a level includes those below it."""

    L0 = 0
    """Loads and describes itself."""

    L1 = 1
    """Signs correctly."""

    L2 = 2
    """Survives time, restarts and rotation."""

    L3 = 3
    """Survives faults and hostility."""

    L4 = 4
    """Scale and soak; takes minutes."""


LEVEL_MEANINGS = {
    Level.L0: "loads and describes itself",
    Level.L1: "signs correctly",
    Level.L2: "survives time, restarts and rotation",
    Level.L3: "survives faults and hostility",
    Level.L4: "scale and soak",
}
"""One phrase for each level, for tables."""


class Outcome(StrEnum):
    """What became of one check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """It does not concern this provider (a capability is not declared); never counted as passed."""

    NOT_RUN = "not run"
    """It needs something that the author did not supply."""

    KNOWN_DEVIATION = "known deviation"
    """It failed, and its author had said so; if it passes after all, it counts as failed."""


class Need(StrEnum):
    """What a check needs beyond ``make_config``; each is an attribute of ``ProviderUnderTest``."""

    CLOCK = "clock"
    RESET = "reset"
    RESTART = "restart"
    COUNT_OBJECTS = "count_objects"
    BACKEND = "backend"
    OTHER_CONFIG = "other_config"
