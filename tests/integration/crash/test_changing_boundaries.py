"""A real server killed by SIGKILL at every commit of a change of who signs."""

from functools import partial

import pytest

from tests.integration.crash.changing import BEGUN, GONE, KINDS, ChangingCluster
from tests.integration.crash.walking import killed_at_every

pytestmark = pytest.mark.timeout(180)

COMMIT = 3
"""Boundaries of one commit: before it, written, durable. Only the last changes what is found."""


@pytest.fixture
def made(zygote):
    """Return what makes a cluster of forked servers."""
    return partial(ChangingCluster, begin=zygote.life)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_change_is_finished_by_the_next_server_wherever_it_was_killed(kind, folder, made):
    """At every commit from the question to the last row of the old one."""
    phases = {"planned", "prepared"} | ({"distributed"} if kind != "renew" else set())
    came = await killed_at_every(kind, folder, made, COMMIT)
    if not phases <= set(came):  # the server's own commits moved the numbers on meanwhile
        (folder / "again").mkdir()
        came += await killed_at_every(kind, folder / "again", made, COMMIT)
    assert phases <= set(came)
    assert set(came) <= phases | {BEGUN, GONE}
    assert len(came) >= 8


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
async def test_a_change_is_finished_from_every_boundary(kind, folder, made):
    """The same between any two effects on the disk."""
    assert len(await killed_at_every(kind, folder, made, 1)) >= 30
