"""The kit on the chaos provider: mild mischief is waited out, lies are found."""

import pytest

from ca_core.contract import KeySpec, KeyType
from ca_core.testing import FakeClock
from ca_core.testing.conformance import Level, Outcome, ProviderUnderTest, run_conformance

QUICK_KEYS = (KeySpec(), KeySpec(KeyType.ED25519))


def failed(level, **config):
    """Return the report of a run on chaos around the built-in provider, and what failed."""
    subject = ProviderUnderTest(
        provider="chaos",
        make_config=lambda _address: {"inner": "builtin", **config},
        clock=FakeClock(),
        keys=QUICK_KEYS,
    )
    report = run_conformance(subject, level=level)
    return report, {result.check.id: result.detail for result in report.of(Outcome.FAILED)}


def test_mild_mischief_fails_no_check():
    """Slow, rate limited, shorter lived, repeated: all of it is legal, so every check passes."""
    report, found = failed(Level.L2, profile="mild", seed=1)
    assert not found
    assert report.reached is Level.L2


@pytest.mark.parametrize(
    ("knob", "check"), [("crooked_chain", "authority.path"), ("swapped_answer", "leaf.key")]
)
def test_lies_fail_the_check_that_names_them(knob, check):
    """What the guard would hide from the kit, the kit sees: it judges without the guard."""
    report, found = failed(Level.L1, profile="calm", **{knob: 0.7})
    assert check in found
    assert report.reached is not Level.L1
