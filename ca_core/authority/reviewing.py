"""One review plugin: what its answer means, how long it may take, when it is switched off."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

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
"""Quick answers in a row before that; eight times more each time it stalls the loop."""

STALL = 0.1
"""Seconds: one answer this slow on the event loop sends a plugin back to a thread."""

HESITATIONS = 3
"""So many answers in a row between quick and stalling do the same; fewer may be a busy machine."""

MOST_REASON = 200
"""Characters of a reason that callers, logs and events see."""

_log = logging.getLogger("ca_core.plugins")


class Answer(NamedTuple):
    """What a plugin said: a denial or none, or how it failed, and the seconds it took.

    A tuple, since five are made for every leaf: a frozen dataclass takes four times as long.
    """

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
        self._call = _review_call(plugin)
        self._monotonic = clock.monotonic
        self._budget = budget.total_seconds()
        self._counters = counters
        self._on_switched_off = on_switched_off
        self._strikes = 0
        self._quick_answers = 0
        self._quick_from = QUICK_RUN
        self._hesitations = 0
        self._last_fault = ""

    @property
    def is_quick(self) -> bool:
        """Say whether it has proven that it may be asked on the event loop."""
        return self._quick_answers >= self._quick_from

    def asked(self, review: IssuanceReview) -> Answer:
        """Return what the plugin says; whatever it raises is a fault, ``sys.exit()`` included.

        So is ``KeyboardInterrupt``: a server is told to stop by the loop's signal handlers.
        """
        denial, fault = None, ""
        began = self._monotonic()
        try:
            said = self._call(review)
            if said is not None:
                denial, fault = _judged(said)  # looks at the plugin's own objects
        except BaseException as error:  # noqa: BLE001 - a third party's code, in front of every leaf
            fault = f"raised {fault_of(error)}"
        return Answer(denial, fault, self._monotonic() - began)

    def note(self, answer: Answer) -> None:
        """Draw the consequences of an answer: counts, logs, strikes, where it is asked next."""
        if answer.seconds <= QUICK:
            self._quick_answers += 1
            self._hesitations = 0
        else:
            self._hesitated(answer.seconds)
        if answer.fault:
            self._failed(answer.fault)
        if answer.seconds > self._budget:
            self._late(answer.seconds)
        else:
            self._strikes = 0

    def _hesitated(self, seconds: float) -> None:
        """Ask it on a thread from now on, unless it is quick and this may be the machine."""
        self._hesitations += 1
        if not self.is_quick:
            self._quick_answers = 0
        elif seconds > STALL or self._hesitations >= HESITATIONS:
            self._quick_answers = 0
            self._quick_from *= QUICK_RUN

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


def _review_call(plugin: HookPlugin) -> Callable[[IssuanceReview], object]:
    """Return what asks the plugin: its own function if it has just one, else pluggy.

    The answer is a verdict, ``_Several``, or None. Pluggy's way to one function takes 1 µs, five
    times the function itself, and five plugins stand in front of every leaf.
    """
    hook = plugin.manager.hook.ca_review_issuance
    first, *others = hook.get_hookimpls()
    if others or first.wrapper or first.hookwrapper or plugin.is_traced:
        return lambda review: _without_silence(hook(review=review))
    function: Callable[..., object] = first.function
    return function if first.argnames else lambda _review: function()


class _Several(tuple[object, ...]):
    """What several functions of one plugin answered; a list that one returned is no answer."""

    __slots__ = ()


def _without_silence(answers: object) -> object:
    """Return what a plugin's functions answered together; None if every one was silent."""
    if not isinstance(answers, list):
        return answers  # a wrapper of the plugin's made it something else
    return _Several(answers) if answers else None


def _judged(said: object) -> tuple[str | None, str]:
    """Return the first reason to deny among one plugin's verdicts, and what is wrong with them."""
    verdicts: tuple[Any, ...] = said if isinstance(said, _Several) else (said,)
    for verdict in verdicts:
        if not _is_verdict(verdict):
            return None, f"returned {type(verdict).__name__}, not Verdict or None"
    denied = next((verdict for verdict in verdicts if not verdict.allow), None)
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
