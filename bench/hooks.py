"""What five review plugins add to a guarded signature, for the default key.

Both ways start from the same CSR in PEM and end with a leaf in PEM. The plugins look at what a
policy looks at (who, which names, how long) and have no opinion.
"""

import asyncio
import itertools
from collections.abc import Iterator
from datetime import timedelta

import uvloop

from bench.finding import Finding
from bench.interleaved import Turns, take_turns
from bench.primitives import csr_pem
from bench.sign import LEAF_TTL, WEB, guarded_leaf_pem, guarded_provider
from ca_core.authority.bystanders import Bystanders
from ca_core.authority.registry import Registry
from ca_core.authority.reviewing import QUICK
from ca_core.authority.reviews import ReviewPolicy, Reviews
from ca_core.clock import Clock, SystemClock
from ca_core.contract import IssuanceReview, KeySpec, Verdict, hookimpl
from ca_core.identity.csr import check_csr, load_csr
from ca_core.testing.lending import provider_context

PLUGINS = 5
ROUNDS = 101
GOAL_PERCENT = 10
CSRS = 64
BATCH = 5
"""Leaves between two turns of the runner, whose own cost is then nothing."""


class Policy:
    """A review plugin that looks and lets pass."""

    @hookimpl
    def ca_review_issuance(self, review: IssuanceReview) -> Verdict | None:
        """Deny what nobody asks for here."""
        name = str(review.identity).rpartition("/")[2]
        if name.startswith("forbidden-") or len(review.dns_names) > CSRS:
            return Verdict(allow=False, reason="not here")
        return None


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure signing without plugins, with five quick ones, and with five asked on a thread."""
    turns = _measured(seconds)
    yield Finding(
        benchmark="hooks",
        case=f"guarded, {PLUGINS} review plugins",
        value=_percent_added(turns, "reviewed"),
        unit="% added",
        compared=f"{turns.microseconds('plain') / BATCH:.0f} µs without; asked on a thread: "
        f"{_percent_added(turns, 'hopped'):.0f} % added",
        at_most=GOAL_PERCENT,
    )


def _percent_added(turns: Turns, variant: str) -> float:
    """Return what a variant adds; where noise hides it, next to nothing."""
    return max((1 / turns.ratio(variant, "plain") - 1) * 100, 0.01)


def _measured(seconds: float) -> Turns:
    context = provider_context(clock=SystemClock())
    provider = guarded_provider(context, KeySpec())
    csrs = itertools.cycle([csr_pem(WEB) for _ in range(CSRS)])
    quick, hopped = _attended(SystemClock()), _attended(SlowClock())
    nobody, checked = Bystanders(), check_csr(load_csr(next(csrs)))

    async def signed(bystanders: Bystanders) -> None:
        for _ in range(BATCH):
            end = context.clock.now() + LEAF_TTL
            await bystanders.review(checked, principal="node b", authority="a", not_after=end)
            guarded_leaf_pem(provider, next(csrs), context)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        variants = {
            "plain": lambda: runner.run(signed(nobody)),
            "reviewed": lambda: runner.run(signed(quick)),
            "hopped": lambda: runner.run(signed(hopped)),
        }
        return take_turns(variants, rounds=ROUNDS, seconds=seconds)


def _attended(clock: Clock) -> Bystanders:
    names = [f"policy-{number}" for number in range(PLUGINS)]
    registry = Registry(entry_points=(), extra_hooks={name: Policy() for name in names})
    plugins = [registry.hook_plugin(name) for name in names]
    policy = ReviewPolicy(budget=timedelta(seconds=1))
    return Bystanders(reviews=Reviews(plugins, clock=clock, policy=policy))


class SlowClock(SystemClock):
    """A clock on which every plugin takes longer than a quick one may."""

    def __init__(self) -> None:
        self._late = 0.0

    def monotonic(self) -> float:
        """Return a time that jumps with every look at it."""
        self._late += 2 * QUICK
        return super().monotonic() + self._late
