"""A server dies every few seconds; whoever reads at the agent does not notice."""

import pytest

from bench.pair import started_pair
from tests.soak.killing import SERVICE, Kills, Readers
from tests.stopwatch import stopwatch

EVERY = 10.0
LONGEST = 2.0
"""Seconds an answer from memory may take on a machine that runs other tests too."""
CONVERGED_WITHIN = 5.0


@pytest.mark.timeout(0)
@pytest.mark.parametrize(
    "kills", [pytest.param(3, id="30s"), pytest.param(30, id="5m", marks=pytest.mark.soak)]
)
def test_reads_go_on_while_the_server_is_killed_every_ten_seconds(kills, record_property):
    """No wrong answer, no gap; what is changed after its return is in force within seconds."""
    with started_pair() as pair, stopwatch() as watch:
        with pair.agent.connected() as agent:
            agent.asked("PUT", "/v1/agent/service/register", SERVICE)
        readers = Readers(pair, watch)
        killing = Kills(pair, readers)
        readers.settle()
        with readers.running():
            for _ in range(kills):
                killing.live(EVERY)
        killing.end()
    tally = readers.tally
    record_property("measured", f"{tally.answers}, converged in {max(killing.converged):.2f} s")
    assert tally.wrong == []
    assert min(tally.answers.values()) > 20 * kills
    assert max(tally.longest.values()) <= LONGEST
    assert max(killing.converged) <= CONVERGED_WITHIN
