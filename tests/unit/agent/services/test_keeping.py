"""What is registered survives a restart, whole, and nothing else does."""

import asyncio
import stat
from datetime import timedelta

import pytest

from ca_core.agent.services.definitions import CheckDefinition, Http, Registration, Ttl
from ca_core.agent.services.keeping import FILE, KeptInFile
from ca_core.agent.services.services import Services
from ca_core.errors import UnavailableError
from ca_core.testing.clock import FakeClock
from ca_core.wire.catalog import CheckStatus, Service

TTL = CheckDefinition(id="ttl", name="t", service_id="web", kind=Ttl(ttl=timedelta(minutes=1)))
HTTP = CheckDefinition(
    id="http",
    name="h",
    service_id="web",
    kind=Http(url="http://h/", interval=timedelta(seconds=10), timeout=timedelta(seconds=1)),
)
WEB = Registration(service=Service(id="web", service="web"), checks=(TTL, HTTP), accessor="a")


async def registered(folder, clock):
    """Return an agent's services after one was registered and both its checks pass."""
    services = Services("n1", clock, KeptInFile(folder))
    await services.register([WEB])
    services.report("ttl", CheckStatus.PASSING, "fine")
    services.found("http", CheckStatus.PASSING, "200")
    await services.close()
    return services


async def test_services_and_results_are_those_of_before(tmp_path):
    """An agent that is updated takes nobody out of traffic."""
    clock = FakeClock()
    before = await registered(tmp_path, clock)
    clock.advance(timedelta(seconds=59))
    after = Services("n1", clock, KeptInFile(tmp_path))
    assert after.state.services == before.state.services
    results = {key: (c.status, c.output) for key, c in after.state.checks.items()}
    assert results == {"ttl": ("passing", "fine"), "http": ("passing", "200")}


async def test_a_ttl_check_that_expired_meanwhile_is_critical(tmp_path):
    """Its program did not report; whoever runs a check looks again soon enough."""
    clock = FakeClock()
    await registered(tmp_path, clock)
    clock.advance(timedelta(seconds=61))
    after = Services("n1", clock, KeptInFile(tmp_path)).state.checks
    assert (after["ttl"].status, after["http"].status) == ("critical", "passing")
    assert "away" in after["ttl"].output


async def test_the_rest_of_a_ttl_is_what_was_left(tmp_path):
    """A restart gives no program more time."""
    clock = FakeClock()
    await registered(tmp_path, clock)
    clock.advance(timedelta(seconds=20))
    after = Services("n1", clock, KeptInFile(tmp_path)).state.checks["ttl"]
    assert after.deadline - clock.monotonic() == 40.0


async def test_the_file_is_for_the_agent_alone(tmp_path):
    """Headers of checks are in it."""
    await registered(tmp_path, FakeClock())
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("raw", [b"", b"{", b'{"format": 9, "services": [], "checks": []}', b"[]"])
async def test_a_file_that_cannot_be_read_is_put_aside_and_said(tmp_path, caplog, raw):
    """The agent starts; what it held can be looked at."""
    (tmp_path / FILE).write_bytes(raw)
    services = Services("n1", FakeClock(), KeptInFile(tmp_path))
    assert not services.state.services
    [aside] = tmp_path.iterdir()
    assert aside.read_bytes() == raw
    assert aside.name in caplog.text


async def test_what_cannot_be_kept_is_registered_all_the_same_and_said(tmp_path, caplog):
    """A full disk stops no service; whoever registers hears of it, and may try again."""
    folder = tmp_path / "agent"
    services = Services("n1", FakeClock(), KeptInFile(folder))
    folder.write_text("in the way")
    with pytest.raises(UnavailableError):
        await services.register([WEB])
    assert "web" in services.state.services
    assert "not kept" in caplog.text
    folder.unlink()
    await services.register([WEB])
    assert (folder / FILE).exists()


async def test_registrations_at_the_same_time_share_writings(tmp_path, monkeypatch):
    """A host that starts a hundred services waits for few writings; all are kept."""
    keeping, written = KeptInFile(tmp_path), []
    write = keeping._write
    monkeypatch.setattr(keeping, "_write", lambda state: (written.append(state), write(state)))
    services = Services("n1", FakeClock(), keeping)
    ids = [f"web-{n}" for n in range(100)]
    await asyncio.gather(
        *(services.register([Registration(service=Service(id=i, service="web"))]) for i in ids)
    )
    assert len(written) <= 2
    assert set(Services("n1", FakeClock(), KeptInFile(tmp_path)).state.services) == set(ids)


async def test_nothing_is_written_where_nothing_changed(tmp_path):
    """The same again costs no disk."""
    services = await registered(tmp_path, FakeClock())
    before = (tmp_path / FILE).stat().st_ino
    await services.register([WEB])
    await services.close()
    assert (tmp_path / FILE).stat().st_ino == before
