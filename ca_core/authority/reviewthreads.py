"""Threads for review plugins that are not quick, or not known to be; none is waited for for ever.

A plugin that gives no sign for ``patience`` seconds is given up: it counts as failed, the plugins
after it are asked on another thread, and its own thread is left to it. Only the event loop's thread
touches the bookkeeping.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Sequence

from ca_core.authority.reviewing import Answer, Reviewer
from ca_core.contract.plugin import IssuanceReview

MOST_THREADS = 8
"""Reviews at a time, those given up aside; others wait their turn."""

PATIENCE = 2.0
"""Seconds without a sign of life, twice the longest budget."""

LOOKS = 4
"""Times a job is looked at within ``PATIENCE``."""


_OFF = Answer(None, "was switched off while others waited for it", 0.0)


class _Job:
    """Some plugins asked about one leaf, in order; ``ended`` has the answers, or those there are.

    A thread writes ``answers`` and ``started``, the loop everything else.
    """

    __slots__ = (
        *("answers", "ended", "given_up", "loop", "looks", "review", "reviewers", "said"),
        *("started", "timer"),
    )

    def __init__(self, reviewers: Sequence[Reviewer], review: IssuanceReview) -> None:
        self.reviewers = reviewers
        self.review = review
        self.loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[tuple[Answer, ...]] = self.loop.create_future()
        self.timer: asyncio.TimerHandle | None = None
        self.answers: list[Answer] = []
        self.said = 0
        self.looks = 0
        self.started = False
        self.given_up = False

    def ask_all(self) -> bool:
        """Ask every plugin; return whether this thread is still wanted afterwards."""
        self.started = True
        for reviewer in self.reviewers:
            self.answers.append(_OFF if reviewer.why_off else reviewer.asked(self.review))
            if self.given_up:
                return False
        return True


class ReviewThreads:
    """Asks plugins off the event loop; made and used on one loop."""

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads = 0
        self._busy = 0

    async def answers(
        self, reviewers: Sequence[Reviewer], review: IssuanceReview
    ) -> dict[str, Answer]:
        """Return what each plugin says, by name; one that hangs has failed.

        Each answer is noted with its reviewer, also if the caller gives up meanwhile.
        """
        found: list[Answer] = []
        while len(found) < len(reviewers):
            job = _Job(reviewers[len(found) :], review)
            self._start(job)
            found += await job.ended
        return {one.name: answer for one, answer in zip(reviewers, found, strict=True)}

    def close(self) -> None:
        """Let idle threads end; those of plugins that hang end with the process."""
        for _ in range(self._threads):
            self._jobs.put(None)
        self._threads = 0

    def _start(self, job: _Job) -> None:
        self._busy += 1
        self._jobs.put(job)
        self._look_later(job)
        self._man()

    def _man(self) -> None:
        """Start a thread if a job has none and there may be one more."""
        if self._threads < min(self._busy, MOST_THREADS):
            self._threads += 1
            threading.Thread(target=self._work, name="ca-review", daemon=True).start()

    def _look_later(self, job: _Job) -> None:
        job.timer = job.loop.call_later(self._patience / LOOKS, self._look_after, job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            wanted = job.ask_all()
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                job.loop.call_soon_threadsafe(self._end, job)
            if not wanted:
                return

    def _look_after(self, job: _Job) -> None:
        """Give a job up if its plugin gave no sign in several looks."""
        said = len(job.answers)
        job.looks = job.looks + 1 if job.started and said == job.said else 0
        job.said = said
        if job.looks < LOOKS or said == len(job.reviewers):
            self._look_later(job)
            return
        job.given_up = True
        self._threads -= 1
        hung = Answer(None, "gave no answer", self._patience)
        self._settle(job, (*job.answers[:said], hung))
        self._man()  # for a job that waits behind those that hang

    def _end(self, job: _Job) -> None:
        if not job.given_up:
            self._settle(job, tuple(job.answers))

    def _settle(self, job: _Job, answers: tuple[Answer, ...]) -> None:
        self._busy -= 1
        if job.timer is not None:
            job.timer.cancel()
        for reviewer, answer in zip(job.reviewers, answers, strict=False):
            reviewer.note(answer)
        if not job.ended.done():
            job.ended.set_result(answers)
