"""Services of a host: what is refused, who is woken, what the configuration owns."""

import asyncio
from datetime import timedelta

import pytest

from ca_core.agent.services.definitions import CheckDefinition, Fixed, Registration, Ttl
from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.services import Services
from ca_core.errors import ConflictError, NotFoundError, RequestError
from ca_core.testing.clock import FakeClock
from ca_core.wire.catalog import CheckStatus, Service
from tests.unit.agent.fakes import passed, settle

TTL = Ttl(ttl=timedelta(seconds=10))


def instance(name, *checks, **more):
    """Return an instance with TTL checks of these ids."""
    definitions = (
        CheckDefinition(id=each, name=each, service_id=name, kind=TTL) for each in checks
    )
    return Registration(service=Service(id=name, service=name), checks=tuple(definitions), **more)


@pytest.fixture
def services():
    """Return those of a host without any."""
    return Services("n1", FakeClock())


async def test_a_check_cannot_take_the_place_of_another_services(services):
    """Else whoever may write one service could make another one look well."""
    await services.register([instance("web", "c")])
    with pytest.raises(ConflictError):
        await services.register([instance("evil", "c")])
    with pytest.raises(ConflictError):
        await services.add_check(CheckDefinition(id="c", name="c", kind=TTL))
    assert set(services.state.services) == {"web"}
    assert services.state.checks["c"].definition.service_id == "web"


async def test_what_servers_would_not_take_is_refused_here(services):
    """One instance that is too large would keep out all of the host's."""
    await services.register([instance("web", *(f"c{n}" for n in range(64)))])
    with pytest.raises(RequestError):
        await services.add_check(CheckDefinition(id="d", name="d", service_id="web", kind=TTL))
    big = {f"k{n}": "v" * 512 for n in range(64)}
    tags = tuple(f"{n}" + "t" * 250 for n in range(64))
    config = {"x": ["y" * 1000] * 100}
    service = Service(id="big", service="big", meta=big, tags=tags, tagged_addresses=config)
    with pytest.raises(RequestError):
        await services.register([Registration(service=service)])
    assert set(services.state.services) == {"web"}


@pytest.mark.parametrize(
    "act",
    [
        lambda s: s.deregister("gone"),
        lambda s: s.remove_check("gone"),
        lambda s: s.maintain("gone", reason="r"),
        lambda s: s.add_check(CheckDefinition(id="c", name="c", service_id="gone", kind=TTL)),
    ],
)
async def test_what_is_not_there_is_not_found(services, act):
    """Nothing is made by the way."""
    with pytest.raises(NotFoundError):
        await act(services)
    assert services.state.version == 0


def test_only_programs_of_ttl_checks_report(services):
    """What the agent runs, it believes itself."""
    with pytest.raises(NotFoundError):
        services.report("gone", CheckStatus.PASSING, "")
    asyncio.run(services.add_check(CheckDefinition(id="c", name="c", kind=Fixed())))
    with pytest.raises(RequestError):
        services.report("c", CheckStatus.PASSING, "")


async def test_maintenance_is_a_critical_check_with_its_reason_until_it_ends(services):
    """Traffic goes elsewhere; everything else stays as it is."""
    await services.register([instance("web")])
    await services.maintain("web", reason="disk")
    check = services.state.checks["_service_maintenance:web"]
    assert (check.status, check.output) == ("critical", "disk")
    await services.maintain("web", reason="two disks")
    assert services.state.checks["_service_maintenance:web"].output == "two disks"
    await services.maintain("web", reason=None)
    assert not services.state.checks
    await services.maintain("", reason="node")
    assert services.state.checks["_node_maintenance"].definition.service_id == ""


async def test_listeners_and_waiters_hear_of_changes_and_of_nothing_else(services):
    """The same again wakes nobody."""
    heard = []
    services.subscribe(lambda: heard.append(services.state.version))
    waiting = asyncio.create_task(services.changed.changed(60.0, services._clock))
    await settle()
    await services.register([instance("web", "c")])
    await settle()
    assert waiting.done()
    await services.register([instance("web", "c")])
    services.report("c", CheckStatus.CRITICAL, "")
    assert len(heard) == 1


async def test_results_of_checks_wake_nobody_who_waits_for_instances(services):
    """A program that reports all the time does not keep ten thousand readers busy."""
    await services.register([instance("web", "c")])
    waiting = asyncio.create_task(services.changed.changed(60.0, services._clock))
    await settle()
    for number in range(5):
        services.report("c", CheckStatus.PASSING, str(number))
    await settle()
    assert not waiting.done()
    await services.deregister("web")
    await settle()
    assert waiting.done()


async def test_the_configuration_takes_away_only_what_it_named(services):
    """Programs' own registrations outlive a reload."""
    await services.register([instance("own")])
    a, b = instance("a", "ca", configured=True), instance("b", configured=True)
    services.replace_configured([a, b])
    services.report("ca", CheckStatus.PASSING, "fine")
    services.replace_configured([a])
    assert set(services.state.services) == {"own", "a"}
    assert services.state.checks["ca"].status is CheckStatus.PASSING


async def test_a_configured_service_that_cannot_be_is_left_out_and_said(services, caplog):
    """The others are registered."""
    await services.register([instance("own", "c")])
    a, b = instance("a", "c", configured=True), instance("b", configured=True)
    services.replace_configured([a, b])
    assert set(services.state.services) == {"own", "b"}
    assert "service a" in caplog.text


class Counted:
    """Keeps nothing, and counts how often it is asked to."""

    def __init__(self):
        self.kept = 0

    def restored(self, now, at):
        """Return nothing."""
        return LocalState()

    async def keep(self, state):
        """Count."""
        self.kept += 1


async def test_results_are_kept_together_some_seconds_later():
    """A disk is no place for every heartbeat."""
    clock, keeping = FakeClock(), Counted()
    services = Services("n1", clock, keeping)
    await services.register([instance("web", "c")])
    task = asyncio.create_task(services.run())
    await settle()
    for status in (CheckStatus.PASSING, CheckStatus.CRITICAL, CheckStatus.PASSING):
        services.report("c", status, "")
    assert keeping.kept == 1
    await passed(clock, timedelta(seconds=20), step=timedelta(seconds=1))
    assert keeping.kept == 2
    task.cancel()
