"""One review plugin: what its answer means, how long it may take, when it is switched off."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ca_core.authority.loading import fault_of
from ca_core.authority.registry import HookPlugin
from ca_core.clock import Clock
from ca_core.contract.plugin import IssuanceReview, Verdict
from ca_core.telemetry.logs import redacted

STRIKES = 3
"""Answers over the budget, in a row, after which a plugin is switched off."""

QUICK = 0.002
"""Seconds: a plugin that answers within them may be asked on the event loop (see decision 0009)."""

QUICK_RUN = 8
"""Quick answers in a row before that; eight times more after every slow one there."""

MOST_REASON = 200
"""Characters of a reason that callers, logs and events see."""

_log = logging.getLogger("ca_core.plugins")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a plugin said: a denial or none, or how it failed, and the seconds it took."""

    denial: str | None
    fault: str
    seconds: float


def _ignored(_plugin: str) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCounters:
    """Called with a plugin's name, on the event loop."""

    on_denied: Callable[[str], None] = _ignored
    on_failed: Callable[[str], None] = _ignored
    on_late: Callable[[str], None] = _ignored


class Reviewer:
    """One enabled plugin. ``asked`` runs on any thread; everything else on the event loop."""

    def __init__(
        self,
        plugin: HookPlugin,
        clock: Clock,
        budget: timedelta,
        *,
        counters: ReviewCounters,
        on_switched_off: Callable[["Reviewer"], None],
    ) -> None:
        self.origin = plugin.origin
        self.name = plugin.name
        self.why_off = ""
        self._hook = plugin.manager.hook.ca_review_issuance
        self._monotonic = clock.monotonic
        self._budget = budget.total_seconds()
        self._counters = counters
        self._on_switched_off = on_switched_off
        self._strikes = 0
        self._quick_answers = 0
        self._quick_from = QUICK_RUN
        self._last_fault = ""

    @property
    def is_quick(self) -> bool:
        """Say whether it has proven that it may be asked on the event loop."""
        return self._quick_answers >= self._quick_from

    def asked(self, review: IssuanceReview) -> Answer:
        """Return what the plugin says; whatever it raises is a fault, ``sys.exit()`` included.

        Raises:
            KeyboardInterrupt: on the main thread, where somebody may have pressed Ctrl-C.
        """
        began = self._monotonic()
        try:
            denial, fault = _judged(self._hook(review=review))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a third party's code, in front of every leaf
            denial, fault = None, f"raised {fault_of(error)}"
        return Answer(denial, fault, self._monotonic() - began)

    def note(self, answer: Answer) -> None:
        """Draw the consequences of an answer: counts, logs, strikes, where it is asked next."""
        if answer.seconds <= QUICK:
            self._quick_answers += 1
        else:
            self._slowed_down()
        if answer.fault:
            self._failed(answer.fault)
        if answer.seconds > self._budget:
            self._late(answer.seconds)
        else:
            self._strikes = 0

    def _slowed_down(self) -> None:
        if self.is_quick:
            self._quick_from *= QUICK_RUN
        self._quick_answers = 0

    def _failed(self, fault: str) -> None:
        self._counters.on_failed(self.name)
        if fault != self._last_fault:
            self._last_fault = fault
            _log.error("%s: ca_review_issuance() %s", self.origin, fault)

    def _late(self, seconds: float) -> None:
        self._counters.on_late(self.name)
        self._strikes += 1
        if self._strikes < STRIKES or self.why_off:
            return
        self.why_off = (
            f"over its budget of {self._budget * 1000:g} ms {STRIKES} times in a row, "
            f"last with {seconds * 1000:.0f} ms"
        )
        self._on_switched_off(self)
        _log.error("%s is switched off until the next start: %s", self.origin, self.why_off)


def _judged(answers: object) -> tuple[str | None, str]:
    """Return the first reason to deny among one plugin's verdicts, and what is wrong with them."""
    if not isinstance(answers, list):  # a wrapper may return anything
        return None, f"returned {type(answers).__name__}, not Verdict or None"
    for answer in answers:
        if not _is_verdict(answer):
            return None, f"returned {type(answer).__name__}, not Verdict or None"
    denied = next((verdict for verdict in answers if not verdict.allow), None)
    return (None if denied is None else shown(denied.reason)), ""


def _is_verdict(answer: object) -> bool:
    """Say whether it is a verdict through and through: a text is no way to say no."""
    return (
        isinstance(answer, Verdict)
        and isinstance(answer.allow, bool)
        and isinstance(answer.reason, str)
    )


def shown(reason: str) -> str:
    """Return a third party's text as callers may see it: one line, bounded, without secrets."""
    text = redacted(reason[: 4 * MOST_REASON])
    plain = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(plain.split())[:MOST_REASON] or "no reason given"
