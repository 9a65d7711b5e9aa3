"""The stopwatch of tests leaves out what the machine took, and nothing else."""

import pytest

from tests.stopwatch import TICK, Stopwatch


@pytest.mark.parametrize(
    ("ticks", "seconds"),
    [
        pytest.param([0.1, 0.2, 0.3, 0.4, 0.5], 0.5, id="what waits is counted whole"),
        pytest.param([0.1, 10.1], 0.1 + TICK, id="a machine that stood still"),
        pytest.param([9.0, 9.1, 20.0, 20.1], 4 * TICK + 0.16, id="twice"),
    ],
)
def test_pauses_count_as_a_tick_each(monkeypatch, ticks, seconds):
    """Whatever their length; the rest is counted as it is."""
    monkeypatch.setattr(Stopwatch, "_run", lambda _self: None)
    times = iter([0.0, *ticks])
    watch = Stopwatch(lambda: next(times))
    found = [watch.seconds for _ in ticks]
    assert found[-1] == pytest.approx(seconds)
    watch.stop()
