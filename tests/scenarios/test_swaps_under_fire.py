"""Who signs is changed again and again under fire, and no handshake fails."""

import itertools

import pytest

from ca_core.authority.rows import bundle
from ca_core.authority.settings import CASettings
from ca_core.identity.keys import KeySpec, KeyType
from ca_core.lifecycle.rows import OperationPhase
from tests.scenarios.swaps import GATED, UNGATED, under_fire, until
from tests.vaults.subjects import Mounts

pytestmark = pytest.mark.timeout(240)
"""Seconds, many times what it takes alone: every handshake is given its time."""

SWAPS = 20
RATE_WANTED = 100
RATE_OF_A_BUSY_MACHINE = 20
"""Handshakes a second that are shown even while other tests share two cores."""

SMALL = {"pairs": 10, "rate": 40.0, "files": 0, "lags": (0.0, 0.0)}
"""Every pair has one side that follows ``FAST``, and one that follows ``SLOW``."""
FAST, SLOW = "node-0", "node-1"
UNKNOWN_ROOT = "unable to get local issuer certificate"
"""What OpenSSL says of a chain that leads to a root it does not hold."""
PROOF = 60
"""Handshakes between those who know a root and those who do not."""

KEYS = (
    KeySpec(KeyType.RSA, 2048),
    KeySpec(KeyType.EC, 384),
    KeySpec(KeyType.ED25519, 256),
    KeySpec(KeyType.EC, 256),
    KeySpec(KeyType.RSA, 3072),
)


def builtin(key, **config):
    """Return the built-in provider's settings."""
    return CASettings(provider="builtin", key=key, config=config, csr_max_per_second=0)


def openbao(mounts, key):
    """Return the settings of a provider whose keys are in OpenBao, always in the same mounts."""
    return CASettings(provider="vault", key=key, config=mounts.config(), csr_max_per_second=0)


def path_of_swaps(vault):
    """Return settings without end: to OpenBao and back, each time with another kind of key."""
    mounts = Mounts(vault)
    for number, key in enumerate(itertools.cycle(KEYS)):
        yield builtin(key) if number % 2 else openbao(mounts, key)


async def swapped(fire, settings):
    """Make all the swaps; every one must be done by evidence, not by a deadline."""
    for wanted in settings:
        row = await fire.swap(wanted, GATED)
        assert row.left_behind == ()
    said = f"{fire.tally}, {len(bundle(fire.cluster.view))} roots"
    print(said)  # noqa: T201 - what `make soak` is asked for


async def test_no_handshake_fails_while_the_ca_moves_to_openbao_and_back(tmp_path, vault_server):
    """There, back with another kind of key, on to a third: every handshake of 50 pairs holds."""
    async with under_fire(tmp_path) as fire:
        await swapped(fire, itertools.islice(path_of_swaps(vault_server), 3))
        assert (fire.tally.failures, fire.tally.refusals) == ([], [])
        assert fire.tally.rate >= RATE_OF_A_BUSY_MACHINE, fire.tally


@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_no_handshake_fails_in_twenty_swaps(tmp_path, vault_server):
    """All twenty, while every authority before still drains."""
    async with under_fire(tmp_path, files=2) as fire:
        await swapped(fire, itertools.islice(path_of_swaps(vault_server), SWAPS))
        assert (fire.tally.failures, fire.tally.refusals) == ([], [])
        assert fire.tally.rate >= RATE_WANTED, fire.tally


async def test_acknowledgements_alone_keep_every_handshake(tmp_path):
    """Nothing is cross-signed and nothing is given time: knowing who holds the root suffices."""
    async with under_fire(tmp_path, **SMALL, disable_cross_signing=True) as fire:
        async with fire.swap_behind(SLOW, builtin(KEYS[0]), GATED) as operation:
            await until(lambda: SLOW in operation().error and FAST not in operation().error)
            await fire.more(PROOF)
            assert operation().phase is OperationPhase.DISTRIBUTED
        assert operation().phase is OperationPhase.ACTIVE
        assert not operation().crossed
        assert (fire.tally.failures, fire.tally.refusals) == ([], [])


async def test_a_cross_certificate_alone_keeps_every_handshake(tmp_path):
    """Nobody is asked, but the old root vouches for the new one."""
    async with under_fire(tmp_path, **SMALL) as fire:
        async with fire.swap_behind(SLOW, builtin(KEYS[0]), UNGATED) as operation:
            await until(lambda: operation().left_behind)
            await until(lambda: len({side.signed_under for side in fire.sides}) == 2)
            await fire.more(PROOF)
        assert operation().crossed
        assert (fire.tally.failures, fire.tally.refusals) == ([], [])


async def test_without_the_gate_and_without_a_cross_certificate_handshakes_fail(tmp_path):
    """What proves that this harness can fail: an agent's programs meet a root unknown to them."""
    async with under_fire(tmp_path, **SMALL, disable_cross_signing=True) as fire:
        async with fire.swap_behind(SLOW, builtin(KEYS[0]), UNGATED) as operation:
            # a server that refuses its client says so to itself: the client may see an end only
            await until(lambda: any(UNKNOWN_ROOT in said for said in fire.tally.failures))
        assert operation().left_behind
        assert not operation().crossed
