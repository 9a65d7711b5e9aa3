"""Plans around a CA that the built-in provider adopts."""

import shutil
from dataclasses import replace

from ca_core.identity.certificates import pem_chain
from ca_core.identity.keys import KeySpec
from ca_core.lifecycle.rows import OperationPhase
from ca_core.testing.clock import FakeClock
from tests.unit.authority.cluster import DOMAIN
from tests.unit.lifecycle.planroom import ED25519, HOURS, STANDING, living
from tests.unit.providers.authorities import key_text, own_root


def written(folder, pair):
    """Write a CA into files; return the configuration that names them."""
    folder.mkdir()
    (folder / "ca.pem").write_text(pem_chain([pair.certificate]))
    (folder / "ca.key").write_text(key_text(pair.key))
    (folder / "ca.key").chmod(0o600)
    return {
        "root_cert_file": str(folder / "ca.pem"),
        "private_key_file": str(folder / "ca.key"),
    }


async def test_another_ca_to_adopt_is_another_root_and_the_same_one_is_not(tmp_path):
    """The root that was made before stays known to the provider, and yet it is not meant."""
    clock = FakeClock()
    one, other_ca = (
        own_root(spec, trust_domain=DOMAIN, now=clock.now()) for spec in (KeySpec(), ED25519)
    )
    named = written(tmp_path / "one", one)
    async with living(config=named) as room:
        moved = replace(STANDING, config=written(tmp_path / "moved", one))
        assert (await room.plan(moved)).kind == "settings"
        swap = replace(STANDING, config=written(tmp_path / "two", other_ca))
        assert (await room.plan(swap)).kind == "swap"
        done = await room.applied(swap)
        assert (done.kind, done.phase) == ("swap", OperationPhase.ACTIVE), done
        assert room.anchors()[-1] != room.anchors()[0]


async def test_files_that_only_the_first_start_needed_are_not_missed(tmp_path):
    """An operator takes the key away once it was adopted, and changes lives later."""
    named = written(tmp_path / "one", own_root(trust_domain=DOMAIN, now=FakeClock().now()))
    async with living(config=named) as room:
        shutil.rmtree(tmp_path / "one")
        wanted = replace(STANDING, config=named, root_ttl=99000 * HOURS)
        found = await room.plan(wanted)
        assert (found.kind, found.blockers) == ("settings", ())
        assert (await room.applied(wanted)).phase is OperationPhase.ACTIVE
