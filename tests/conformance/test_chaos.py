"""The kit on the chaos provider: mild mischief is waited out, lies are found."""

import pytest

from ca_core.contract import KeySpec, KeyType
from ca_core.testing import FakeClock
from ca_core.testing.conformance import CHECKS, Level, Outcome, ProviderUnderTest, run_conformance

QUICK_KEYS = (KeySpec(), KeySpec(KeyType.ED25519))


def failed(checks, **config):
    """Return what failed of these checks on chaos around the built-in provider."""
    subject = ProviderUnderTest(
        provider="chaos",
        make_config=lambda _address: {"inner": "builtin", **config},
        clock=FakeClock(),
        keys=QUICK_KEYS,
    )
    report = run_conformance(subject, checks=checks)
    assert len(report.results) == len(checks) > 0
    return {result.check.id: result.detail for result in report.of(Outcome.FAILED)}


@pytest.mark.parametrize("level", [Level.L0, Level.L1, Level.L2])
def test_mild_mischief_fails_no_check(level):
    """Slow, rate limited, shorter lived, repeated: all of it is legal, so every check passes."""
    checks = [check for check in CHECKS if check.level is level]
    assert failed(checks, profile="mild", seed=1) == {}


@pytest.mark.parametrize(
    ("knob", "check"), [("crooked_chain", "authority.path"), ("swapped_answer", "leaf.key")]
)
def test_lies_fail_the_check_that_names_them(knob, check):
    """What the guard would hide from the kit, the kit sees: it judges without the guard."""
    named = [known for known in CHECKS if known.id == check]
    assert failed(named, profile="calm") == {}
    assert check in failed(named, profile="calm", **{knob: 1})
