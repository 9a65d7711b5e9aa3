"""A cluster that is restored from a backup knows what it cannot know."""

import contextlib
import shutil
import subprocess

import pytest

from ca_core.state.kek import key_file
from tests.integration.crash.autopsy import root_of, standing
from tests.integration.crash.cluster import Cluster
from tests.integration.crash.customer import operators, published_root
from tests.integration.crash.lives import CA_CORE, console_life, surroundings


def ca_core(*words):
    """Run a command to its end."""
    subprocess.run(
        [CA_CORE, *words], check=True, capture_output=True, env=surroundings(), timeout=30
    )


@pytest.mark.timeout(120)
async def test_a_restored_record_does_not_claim_to_hold_every_leaf(folder):
    """Leaves issued after the backup are not in it, so it is incomplete; the root is the same."""
    original, restored = Cluster(folder / "a", console_life), Cluster(folder / "b", console_life)
    async with contextlib.aclosing(original), contextlib.aclosing(restored):
        life = await original.life()
        await original.recovered(life)
        ca_core("backup", folder / "saved", "--http-addr", f"unix:{life.operators}")
        await original.recovered(life)
        before = await original.stopped(life)
        assert before.authority.complete
        ca_core("restore", folder / "saved", "--data-dir", restored.data_dir)
        shutil.copy(key_file(original.data_dir), key_file(restored.data_dir))
        survivor = await restored.life()
        await survivor.ready()
        found = standing(restored.data_dir)
        assert not found.authority.complete
        assert root_of(found) == root_of(before)
        async with operators(survivor) as client:
            assert (await published_root(client)) == before.authority.anchor_certificate
