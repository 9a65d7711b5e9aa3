"""How fast a provider signs."""

import pytest

from ca_core.authority.signingpace import QUICK, SigningPace


class Watch:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def signing(watch, seconds):
    """Return a signature that takes so long."""

    def sign():
        watch.now += seconds
        return "leaf"

    return sign


def test_nothing_is_known_before_the_first_signature():
    """0 is "not known", and nothing is divided by it."""
    assert SigningPace(Watch()).rate(8) == 0


def test_the_first_signature_is_the_first_estimate():
    """Eight at once of 20 ms each are 400 a second."""
    watch = Watch()
    pace = SigningPace(watch)
    assert pace.timed(signing(watch, 0.02)) == "leaf"
    assert pace.rate(8) == pytest.approx(400)
    assert pace.rate(1) == pytest.approx(50)


def test_a_provider_that_becomes_slow_is_known_after_a_few_dozen():
    """Old measurements fade; one outlier changes little."""
    watch = Watch()
    pace = SigningPace(watch)
    for _ in range(100):
        pace.timed(signing(watch, 0.01))
    pace.timed(signing(watch, 0.1))
    assert 50 < pace.rate(1) < 100
    for _ in range(40):
        pace.timed(signing(watch, 0.1))
    assert pace.rate(1) == pytest.approx(10, rel=0.05)


def test_a_signature_that_was_not_made_is_not_measured():
    """A refusal in no time is no proof of speed."""
    watch = Watch()
    pace = SigningPace(watch)

    def refused():
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        pace.timed(refused)
    assert pace.rate(1) == 0


def test_a_provider_is_quick_once_it_was_and_as_long_as_it_is():
    """Nothing is believed before the first signature; slow ones count soon, a single one not."""
    watch = Watch()
    pace = SigningPace(watch)
    assert not pace.is_quick
    pace.timed(signing(watch, QUICK / 2))
    assert pace.is_quick
    pace.timed(signing(watch, 3 * QUICK))
    assert pace.is_quick
    for _ in range(10):
        pace.timed(signing(watch, 3 * QUICK))
    assert not pace.is_quick
