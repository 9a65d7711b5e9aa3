"""The fault matrix: every failure of the table, met by every method on a real server."""

from contextlib import contextmanager

import pytest

from ca_core.testing.faultproxy import FaultProxy
from docs.vaultfailures import ON_THE_SERVER, ON_THE_WAY
from tests.stopwatch import stopwatch
from tests.vaults.methods import METHODS, READS, ShiftedClock, World
from tests.vaults.outages import FAULTS, OUTAGES, Site
from tests.vaults.policies import lines_of, token_with
from tests.vaults.subjects import Mounts, arena_of, subject

PATIENCE = 1.0
"""Seconds that a call is given; none may take longer by more than a second."""

HEALTH_LIMIT = 10.0
"""Seconds that deep ``health`` gives itself."""

SAMPLE = frozenset({"sealed", "token-revoked", "intermediate-mount-deleted", "lost"})
HALF_SAMPLE = frozenset({("lost", "prepare_signer"), ("403", "install_intermediate")})
"""What also runs in everyday tests: a dozen seconds in all."""

SOAK = (pytest.mark.soak, pytest.mark.timeout(120))

MAKERS = ("ensure_authority", "prepare_signer", "intermediate_csr", "install_intermediate")
REMOVERS = ("retire_signer", "retire")


def each(failures):
    """Return failures as parameters: those of the sample are everyday tests, the rest soak."""
    return [
        pytest.param(failure, id=failure.id, marks=() if failure.id in SAMPLE else SOAK)
        for failure in failures
    ]


def halves():
    """Return every fault on the way with every method of several requests, likewise."""
    return [
        pytest.param(failure, name, id=f"{failure.id}-{name}", marks=() if sampled else SOAK)
        for failure in ON_THE_WAY
        for name in (*MAKERS, *REMOVERS)
        for sampled in ((failure.id, name) in HALF_SAMPLE,)
    ]


@pytest.fixture
def site(vault, tmp_path):
    """Return two mounts with the policy for mounts of the operator's, and a clock."""
    mounts = Mounts(vault, made=True)
    token_with(mounts, lines_of("given"))
    return Site(vault=vault, mounts=mounts, clock=ShiftedClock(), file=tmp_path / "token")


@pytest.fixture
def proxy(vault):
    """Return a fault proxy in front of the server."""
    with FaultProxy(vault.address) as proxy:
        yield proxy


@contextmanager
def worlds(site, login, address=None):
    """Give a function that makes a world on the site's mounts."""
    tried = subject(site.mounts, manage_mounts=False, **login)
    config = site.mounts.config(address, manage_mounts=False, **login)
    with arena_of(tried) as arena:
        arena.tempo.clock = site.clock
        yield lambda: World(arena, site.clock, config)


def check(failure, name, found):
    """Assert that a method came to what the table says, in time."""
    limit = (HEALTH_LIMIT if name == "health" else PATIENCE) + 1
    assert found.got == failure.of(name), f"{name}: {found.error}"
    assert found.seconds < limit, name


def test_every_failure_of_the_tables_is_caused():
    """No row is there that nobody has seen."""
    assert {failure.id for failure in ON_THE_SERVER} == set(OUTAGES)
    assert {failure.id for failure in ON_THE_WAY} == set(FAULTS)


@pytest.mark.parametrize("failure", each(ON_THE_SERVER))
def test_every_method_tells_an_outage_in_time_and_works_after_it(site, failure):
    """Each comes to the same each time, works soon after, and leaves what was there before."""
    outage = OUTAGES[failure.id]
    with worlds(site, outage.login(site)) as new_world:
        world = new_world()
        calls = {name: world.call(name) for name in METHODS}
        with outage.during(site):
            for name, call in (*calls.items(), *calls.items()):
                check(failure, name, call.made(PATIENCE))
            assert world.mesh.provider.trust_chain()
        with stopwatch() as watch:
            again = new_world() if outage.loses else world
            for name, call in calls.items():
                found = (again.call(name) if outage.loses else call).done(PATIENCE, watch)
                assert found.is_good, f"{name}: {found.error}"
        if outage.loses:
            again.end()
        for call in calls.values():
            call.undo()
        world.end()
    assert not any(site.mounts.count().values())


@pytest.mark.parametrize("failure", each(ON_THE_WAY))
def test_every_method_tells_a_fault_in_time_and_works_after_it(site, proxy, failure):
    """Reads meet it in everything they ask, other methods in everything they write."""
    with worlds(site, site.given(ttl="1h"), proxy.address) as new_world:
        world = new_world()
        calls = {name: world.call(name) for name in METHODS}
        for name, call in calls.items():
            proxy.plan(FAULTS[failure.id], writes_only=name not in READS)
            check(failure, name, call.made(PATIENCE))
            proxy.heal()
        with stopwatch() as watch:
            for name, call in calls.items():
                found = call.done(PATIENCE, watch)
                assert found.is_good, f"{name}: {found.error}"
        for call in calls.values():
            call.undo()
        world.end()
    assert not any(site.mounts.count().values())


@pytest.mark.parametrize(("failure", "name"), halves())
@pytest.mark.parametrize("repeated", [True, False], ids=["repeated", "given-up"])
def test_a_fault_at_any_request_leaves_nothing_half_made(site, proxy, failure, name, repeated):
    """Whichever request of a method meets it: repeated or given up, retirement removes it all."""
    with worlds(site, site.given(ttl="1h"), proxy.address) as new_world:
        world, number, met = new_world(), 0, True
        while met:
            number, before = number + 1, site.mounts.count()
            call, spoilt = world.call(name), proxy.spoilt
            proxy.plan(FAULTS[failure.id], first=number, count=1)
            found = call.made(PATIENCE)
            met = proxy.spoilt > spoilt
            assert found.seconds < PATIENCE + 1
            proxy.heal()
            with stopwatch() as watch:
                if repeated or name in REMOVERS:
                    assert call.done(PATIENCE, watch).is_good
            with stopwatch() as watch:
                call.undone(watch)
            assert site.mounts.count() == before, f"request {number} of {name}: {found.got}"
        assert number > 1
        world.end()


def test_a_withdrawn_policy_costs_no_login_for_every_call(site):
    """The server says the same of it as of a revoked token, which one login would mend."""
    with worlds(site, site.role(token_ttl="1h")) as new_world:
        call, issued = new_world().call("sign_leaf"), "auth/token/accessors"
        with OUTAGES["policy-withdrawn"].during(site):
            before = len(site.vault.call("LIST", issued)["data"]["keys"])
            for _ in range(20):
                assert call.made(PATIENCE).got == "PermissionDeniedError"
            after = len(site.vault.call("LIST", issued)["data"]["keys"])
        assert after - before <= 4
        assert call.made(PATIENCE).is_good


def test_a_clock_behind_gives_what_is_not_valid_yet(site):
    """The provider signs; whoever checks by the same clock sees a NotBefore in the future."""
    with worlds(site, site.given(ttl="1h")) as new_world:
        world = new_world()
        with OUTAGES["clock-behind"].during(site):
            leaf = world.mesh.leaf()
            assert leaf.not_valid_before_utc > site.clock.now()


def test_a_clock_ahead_gives_what_ends_in_time_and_began_early(site):
    """NotAfter is as asked; NotBefore is by the server's clock."""
    with worlds(site, site.given(ttl="1h")) as new_world:
        world = new_world()
        with OUTAGES["clock-ahead"].during(site):
            request = world.mesh.ask.leaf(world.mesh.signer)
            leaf = world.mesh.leaf(request)
            assert leaf.not_valid_after_utc == request.not_after
            assert leaf.not_valid_before_utc < request.not_before
