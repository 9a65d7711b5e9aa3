"""A simulated server that signs: the limiter's own rules before a provider that can be slow."""

from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heapify, heapreplace

from ca_core.allowances import Bucket
from ca_core.authority import leafrequests, limiter
from ca_core.authority.limiter import Admission, Turn
from ca_core.errors import ProviderError, RateLimitedError, UnavailableError
from ca_core.lifecycle.simulation.scenario import Scenario
from ca_core.lifecycle.simulation.tally import Tally
from ca_core.lifecycle.simulation.timeline import Timeline

Answered = Callable[[ProviderError | None], None]
"""Called with why it was not signed; None: it was."""


class SigningServer:
    """Admits and signs CSRs as a server does."""

    def __init__(self, scenario: Scenario, timeline: Timeline, tally: Tally) -> None:
        rate = scenario.settings.csr_max_per_second
        self._timeline = timeline
        self._tally = tally
        self._admission = Admission(rate=rate, burst=max(1.0, rate), at=timeline.monotonic())
        self._is_limited = rate > 0
        self._is_pumping = False
        self._provider = SimulatedProvider(scenario, timeline)

    @property
    def is_away(self) -> bool:
        """Say whether the provider answers nothing now."""
        return self._provider.is_away

    def sign(self, expires: datetime, answered: Answered) -> None:
        """Have a leaf signed that replaces one which ends at ``expires``."""
        self._tally.asked(self._timeline.now)
        told = self._told(answered)
        if not self._is_limited or self._admission.passes(self._timeline.monotonic()):
            self._provider.sign(told)
            return
        turn = Turn(expires, lambda: self._provider.sign(told))
        self._admission.queued(turn)
        self._timeline.after(limiter.MAX_WAIT, lambda: self._too_late(turn, told))
        if not self._is_pumping:
            self._hand_out_turns()

    def _told(self, answered: Answered) -> Answered:
        def told(error: ProviderError | None) -> None:
            self._tally.answered(self._timeline.now, error)
            answered(error)

        return told

    def _too_late(self, turn: Turn, told: Answered) -> None:
        if turn.is_over:
            return
        error = RateLimitedError("signing is busy", retry_after=self._admission.backlog())
        self._admission.gave_up(turn)
        told(error)

    def _hand_out_turns(self) -> None:
        pause = self._admission.grant(self._timeline.monotonic())
        self._is_pumping = pause is not None
        if pause is not None:
            self._timeline.after(timedelta(seconds=pause), self._hand_out_turns)


class SimulatedProvider:
    """Signs a few at once, each in its time; may have a quota and be away."""

    def __init__(self, scenario: Scenario, timeline: Timeline) -> None:
        self._timeline = timeline
        self._outages = scenario.outages
        self._time = scenario.signing_time
        self._quota = scenario.quota
        self._bucket = Bucket(max(1.0, scenario.quota), timeline.monotonic())
        self._free_at = [timeline.now] * scenario.concurrency
        heapify(self._free_at)

    @property
    def is_away(self) -> bool:
        """Say whether it answers nothing now."""
        return any(outage.covers(self._timeline.now) for outage in self._outages)

    def sign(self, told: Answered) -> None:
        """Sign, or say why not."""
        refusal = self._refusal()
        if refusal is not None:
            told(refusal)
            return
        now = self._timeline.now
        done = max(now, self._free_at[0]) + self._time
        if done - now > leafrequests.SIGN_LIMIT:
            late = UnavailableError("the provider takes too long")
            self._timeline.after(leafrequests.SIGN_LIMIT, lambda: told(late))
            return
        heapreplace(self._free_at, done)
        self._timeline.at(done, lambda: told(None))

    def _refusal(self) -> ProviderError | None:
        if self.is_away:
            return UnavailableError("the provider is away")
        if self._quota <= 0:
            return None
        most = max(1.0, self._quota)
        self._bucket = self._bucket.refilled(
            self._timeline.monotonic(), rate=self._quota, burst=most
        )
        if self._bucket.tokens < 1:
            left = timedelta(seconds=max(1.0, (1 - self._bucket.tokens) / self._quota))
            return RateLimitedError("the backend's quota is used up", retry_after=left)
        self._bucket = self._bucket.taken()
        return None
