"""The limits that the agent's page tells are those that hold."""

from pathlib import Path

import pytest

from ca_core.agent import exchanges, leafvariants, question
from ca_core.agent.cache import rests, views
from ca_core.agent.heldtokens import MAX_TOKENS
from ca_core.agent.services import registering
from ca_core.agent.services.checkbodies import SHORTEST_INTERVAL as SHORTEST
from ca_core.agent.services.checks import frugal, running
from ca_core.api import newnames, protocol
from ca_core.catalog import bounds, viewing

PAGE = Path(__file__).parents[2] / "docs" / "agent.md"
MIB, KIB, MB, KB = 1024 * 1024, 1024, 1_000_000, 1_000

TOLD = {
    f"but for {protocol.RESERVED_FILES}, with which",
    f"{MAX_TOKENS:,} are held; {exchanges.MOST_EXCHANGES} that are new",
    f"{leafvariants.AT_ONCE:.0f} at once, then one every {1 / leafvariants.PER_SECOND:.0f} s",
    f"{viewing.LONGEST_NAME} characters; {views.MOST_UPSTREAMS:,} services",
    f"and {views.MOST_LISTS:,} lists and nodes",
    f"{question.AT_ONCE:.0f} at once, then {question.PER_SECOND:.0f} in a second",
    f"more than {rests.LARGE // KB} KB",
    f"{rests.LONGEST:.0f} s at most, however often",
    f"{bounds.MOST_SERVICES:,} instances, {bounds.MOST_STATE // MIB} MiB all together",
    f"{bounds.MOST_BYTES // KIB} KiB and {bounds.MOST_CHECKS} checks each",
    f"told to servers {registering.AT_ONCE:.0f} times at once, then once in a second",
    f"{newnames.AT_ONCE:,.0f} at once, then one every {1 / newnames.PER_SECOND:.0f} s",
    f"{running.MOST_AT_ONCE} run at once, {running.MOST_OF_ONE} of them",
    f"of an HTTP answer {frugal.MOST_READ // KIB} KiB",
}
IN_A_SECOND = (rests.BYTES_PER_SECOND / MB, registering.PER_SECOND, 1 / SHORTEST.total_seconds())
"""What is told as one in a second."""


@pytest.mark.parametrize("words", sorted(TOLD))
def test_a_limit_is_told_as_it_is(words):
    """Whoever changes one changes the page."""
    assert words in PAGE.read_text()


def test_what_is_told_as_one_in_a_second_is_that():
    """A megabyte of a view, a telling of services, a run of a check."""
    assert set(IN_A_SECOND) == {1.0}
