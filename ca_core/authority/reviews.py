"""Asking the enabled plugins before a leaf is signed: any deny wins, and no failure passes unseen.

Third parties' code stands in front of every leaf, so:

1. Every plugin is asked, whatever the others say, do or raise.
2. One that is quick is asked on the event loop; any other on a thread (decision 0009).
3. Any deny wins; the first in the order of the configuration is told.
4. One that fails or is switched off counts as ``[plugins] on_error`` says, by default as a deny.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ca_core.authority.events import Events
from ca_core.authority.registry import HookPlugin
from ca_core.authority.reviewing import Answer, ReviewCounters, Reviewer
from ca_core.authority.reviewthreads import PATIENCE, ReviewThreads
from ca_core.clock import Clock, SystemClock
from ca_core.contract.events import EventType
from ca_core.contract.plugin import IssuanceReview
from ca_core.errors import DeniedError, PluginOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPolicy:
    """How reviews are held.

    Attributes:
        denies_on_error: what a plugin that fails, or was switched off, counts as.
        budget: time for one answer of one plugin.
        patience: seconds without any sign after which a plugin is given up.
    """

    denies_on_error: bool = True
    budget: timedelta = timedelta(milliseconds=100)
    patience: float = PATIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerState:
    """How one review plugin stands; ``why_off`` is empty while it is asked."""

    origin: PluginOrigin
    why_off: str


class Reviews:
    """The enabled plugins that implement ``ca_review_issuance``. Lives on one event loop."""

    def __init__(
        self,
        plugins: Sequence[HookPlugin] = (),
        *,
        clock: Clock | None = None,
        policy: ReviewPolicy | None = None,
        counters: ReviewCounters | None = None,
        events: Events | None = None,
    ) -> None:
        self._policy = policy or ReviewPolicy()
        self._counters = counters or ReviewCounters()
        self._events = events or Events()
        time, budget = clock or SystemClock(), self._policy.budget
        self._reviewers = tuple(
            Reviewer(
                plugin, time, budget, counters=self._counters, on_switched_off=self._switched_off
            )
            for plugin in plugins
            if plugin.reviews
        )
        self._threads = ReviewThreads(patience=self._policy.patience)

    def __bool__(self) -> bool:
        """Say whether anybody reviews."""
        return bool(self._reviewers)

    def states(self) -> tuple[ReviewerState, ...]:
        """Return how each plugin stands, in the order of the configuration."""
        return tuple(
            ReviewerState(origin=one.origin, why_off=one.why_off) for one in self._reviewers
        )

    def why_not_ready(self) -> str:
        """Return why every leaf is denied now, or ''."""
        off = next((one for one in self._reviewers if one.why_off), None)
        if off is None or not self._policy.denies_on_error:
            return ""
        return f"review plugin {off.name!r} is switched off ({off.why_off}): every leaf is denied"

    async def ask(self, review: IssuanceReview) -> None:
        """Return if nobody denies the leaf.

        Raises:
            DeniedError: names the plugin that denied, or failed, and the reason.
        """
        answers: dict[str, Answer] = {}
        for reviewer in self._reviewers:
            if reviewer.is_quick and not reviewer.why_off:
                answers[reviewer.name] = answer = reviewer.asked(review)
                reviewer.note(answer)
        rest = [one for one in self._reviewers if not one.why_off and one.name not in answers]
        if rest:
            answers |= await self._threads.answers(rest, review)
        for reviewer in self._reviewers:
            reason = self._reason(reviewer, answers.get(reviewer.name))
            if reason:
                raise self._denied(review, reviewer, reason)

    def close(self) -> None:
        """Let the threads end."""
        self._threads.close()

    def _reason(self, reviewer: Reviewer, answer: Answer | None) -> str:
        """Return why this plugin's answer, or the lack of one, stops the leaf; or ''."""
        if answer is not None and not answer.fault:
            return answer.denial or ""
        if not self._policy.denies_on_error:
            return ""
        return "it failed" if answer is not None else "it is switched off"

    def _denied(self, review: IssuanceReview, reviewer: Reviewer, reason: str) -> DeniedError:
        self._counters.on_denied(reviewer.name)
        self._events.tell(
            EventType.LEAF_DENIED,
            identity=str(review.identity),
            principal=review.principal,
            plugin=reviewer.name,
            reason=reason,
        )
        return DeniedError(
            f"review plugin {reviewer.name!r} denied this leaf: {reason}",
            hint="an operator enabled that plugin under [plugins]; `ca-core ca status` shows it",
        )

    def _switched_off(self, reviewer: Reviewer) -> None:
        self._events.tell(
            EventType.PLUGIN_SWITCHED_OFF, plugin=reviewer.name, reason=reviewer.why_off
        )
