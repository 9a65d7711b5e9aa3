"""Over what time leaves are re-issued: what is admitted, or what the provider can do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.lifecycle.reissuing import slower

RATES = st.floats(min_value=0, max_value=1e6)


@pytest.mark.parametrize(
    ("admitted", "measured", "rate"),
    [(50, 2000, 50), (50, 20, 20), (0, 20, 20), (50, 0, 50), (0, 0, 0)],
)
def test_the_slower_of_both_decides_and_what_is_not_known_does_not(admitted, measured, rate):
    """Without admission control the provider's own pace is what a herd would meet."""
    assert slower(admitted, measured) == rate


@given(one=RATES, two=RATES)
def test_the_order_of_both_means_nothing(one, two):
    """Nobody is asked first."""
    assert slower(one, two) == slower(two, one)
