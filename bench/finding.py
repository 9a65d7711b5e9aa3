"""One line of a benchmark's result, and the verdict on its goal."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was measured, and how it stands against its goal.

    Attributes:
        benchmark: the module's name.
        case: what was measured.
        value: the figure, in ``unit``.
        unit: for example ``/s`` or ``ms``.
        compared: what it is compared with, and that figure, as a person reads it; or empty.
        ratio: the figure against its limit in the same run, or None.
        at_least, at_most: the goal for ``ratio`` if there is one, else for ``value``.
    """

    benchmark: str
    case: str
    value: float
    unit: str
    compared: str = ""
    ratio: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def judged(self) -> float:
        """Return the figure that the goal speaks of."""
        return self.value if self.ratio is None else self.ratio

    @property
    def met(self) -> bool | None:
        """Say whether the goal is met; None without one."""
        if self.at_least is not None:
            return self.judged >= self.at_least
        if self.at_most is not None:
            return self.judged <= self.at_most
        return None

    @property
    def goal(self) -> str:
        """Return the goal as a person reads it."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        if self.at_most is not None:
            return f"≤ {self.at_most:g} {self.unit}"
        return ""
