"""SIGHUP at an agent: all of the file or nothing of it, and what takes a restart is said."""

import asyncio
import logging
import os
import signal
from datetime import timedelta
from functools import partial

import pytest
from msgspec.structs import replace

from ca_core.acl.access import Action, LocalRules
from ca_core.acl.principal import Peer
from ca_core.acl.replaceable import Replaceable
from ca_core.acl.resolving import TokenRules
from ca_core.acl.sight import sight_of
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.agent.grants import Grants
from ca_core.api.agentprocess import LOG_LEVEL, live_parts
from ca_core.api.agentreload import AgentReload, Live
from ca_core.api.hangup import hangups
from ca_core.api.notify import Notifier
from ca_core.api.tokensettings import agent_rules
from ca_core.clock import SystemClock
from ca_core.config.model import AgentConfig, Config, LogConfig
from ca_core.errors import ConfigError, DeniedError
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import DATACENTER, settle
from tests.unit.agent.tokenfakes import TokenUpstream

BEFORE = Config(agent=AgentConfig(node="n1", workloads={"web": (1000,)}))
ALICE = Peer(uid=1000, gid=1000, pid=1)


def agent_with(**changed):
    """Return the configuration with other keys of its agent."""
    return replace(BEFORE, agent=replace(BEFORE.agent, **changed))


class Part:
    """A live part that notes what was applied; ``broken`` refuses."""

    def __init__(self, key="log.level"):
        self.key = key
        self.applied = []
        self.broken = False

    def prepared(self, config):
        if self.broken:
            raise ConfigError("no good", where=self.key)
        return partial(self.applied.append, config)


def reloading(*parts):
    """Return a reload of these parts."""
    return AgentReload(BEFORE, [Live(part.key, part.prepared) for part in parts])


async def test_every_part_gets_what_stands_in_the_file_now():
    """Read anew each time."""
    one, two = Part("log.level"), Part("agent.workloads")
    reload = reloading(one, two)
    now = replace(BEFORE, log=LogConfig(level="debug"))
    reload.load = lambda: now
    await reload.applied()
    assert one.applied == two.applied == [now]
    assert reload.describe() == {"needs_restart": (), "last_error": ""}


@pytest.mark.parametrize("where", ["part", "file"])
async def test_if_anything_is_wrong_nothing_is_applied(where, caplog):
    """What held goes on to hold; the reason is in the log and in the agent's description."""
    one, two = Part("log.level"), Part("agent.workloads")
    reload = reloading(one, two)

    def load():
        if where == "file":
            raise ConfigError("no good", where="ca-core.toml")
        return BEFORE

    reload.load, two.broken = load, where == "part"
    await reload.applied()
    assert one.applied == two.applied == []
    assert "not applied: " in caplog.text
    assert "no good" in reload.describe()["last_error"]
    two.broken, reload.load = False, lambda: BEFORE
    await reload.applied()
    assert reload.describe()["last_error"] == ""


async def test_what_takes_a_restart_is_named(caplog):
    """Once for each reading, until the file says again what the agent started with."""
    reload = reloading(Part("agent.workloads"))
    reload.load = lambda: agent_with(listen=("127.0.0.1:1",), workloads={}, join_token_file=None)
    await reload.applied()
    assert reload.describe()["needs_restart"] == ("agent.listen",)
    assert "agent.listen has changed: that takes a restart" in caplog.text
    reload.load = lambda: BEFORE
    await reload.applied()
    assert reload.describe()["needs_restart"] == ()


async def test_a_join_token_that_was_used_means_nothing_any_more():
    """It is for the first start only."""
    reload = reloading()
    reload.load = lambda: agent_with(join_token_file="/token")
    await reload.applied()
    assert reload.describe()["needs_restart"] == ()


@pytest.mark.parametrize(
    "changed",
    [
        {"datacenter": "dc2"},
        {"log": LogConfig(format="json")},
        {"agent": replace(BEFORE.agent, persist=True)},
    ],
)
async def test_other_sections_of_an_agent_are_looked_at_too(changed):
    """The datacenter, the log's format, what is kept."""
    reload = reloading()
    reload.load = lambda: replace(BEFORE, **changed)
    await reload.applied()
    assert len(reload.describe()["needs_restart"]) == 1


class Office:
    """A whole agent that follows its configuration."""

    def __init__(self):
        self.clock = FakeClock()
        self.upstream = TokenUpstream(self.clock)
        self.rules = Replaceable(agent_rules(BEFORE))
        self.grants = Grants(self.upstream, self.clock, lambda: 0.5)
        may = TokenRules(self.grants, self.rules)
        settings = AgentSettings(datacenter=DATACENTER, node="n1")
        self.agent = Agent(
            self.upstream, self.clock, settings, may=may, draw=lambda: 0.5, grants=self.grants
        )
        live = live_parts(self.agent, self.grants, self.rules, agent_rules)
        self.reload = AgentReload(BEFORE, live)

    async def takes(self, config):
        """Let it read this."""
        self.reload.load = lambda: config
        await self.reload.applied()
        assert self.reload.describe() == {"needs_restart": (), "last_error": ""}


@pytest.fixture
async def office():
    """Return a running agent."""
    found = Office()
    await found.agent.start()
    await settle()
    yield found
    await found.agent.close()


async def test_a_workload_that_is_listed_no_more_loses_its_leaf_at_once(office):
    """The blocked reader too; another service gets one without a restart."""
    first = await office.agent.leaves.get(ALICE, "web")
    blocked = asyncio.create_task(office.agent.leaves.get(ALICE, "web", min_index=first.index))
    await settle()
    with pytest.raises(DeniedError):
        await office.agent.leaves.get(ALICE, "db")
    await office.takes(agent_with(workloads={"db": (1000,)}))
    with pytest.raises(DeniedError):
        await blocked
    with pytest.raises(DeniedError):
        await office.agent.leaves.get(ALICE, "web")
    assert await office.agent.leaves.get(ALICE, "db")


async def test_what_was_encoded_for_a_workload_is_not_for_one_that_is_listed_no_more(office):
    """Answers are kept for whoever may the same; other rules are other rights."""
    may = TokenRules(office.grants, office.rules)
    before = sight_of(may, ALICE)
    assert sight_of(may, ALICE) == before
    await office.takes(agent_with(workloads={}))
    assert sight_of(may, ALICE) != before


async def test_whoever_waits_for_a_service_is_asked_for_the_right_again(office):
    """A right may have gone with the reload."""
    waiting = asyncio.create_task(office.agent.services.changed.changed(60.0, office.clock))
    await settle()
    await office.takes(agent_with(workloads={}))
    await settle()
    assert waiting.done()


async def test_another_default_token_is_exchanged_and_the_former_counts_no_more(office, tmp_path):
    """The file is read anew even if its name is the same."""
    office.upstream.rules["ab"] = 'service "web" { policy = "write" }'
    office.upstream.rules["cd"] = 'service "db" { policy = "write" }'
    path = tmp_path / "token"
    for accessor in ("ab", "cd"):
        path.write_text(f"secret of {accessor}\n")
        await office.takes(agent_with(token_file=path))
        assert office.grants.default == f"secret of {accessor}"
        await settle(100)
        office.clock.advance(timedelta(seconds=1))
        await settle(100)
    assert office.upstream.exchanged == ["secret of ab", "secret of cd"]
    await office.takes(BEFORE)
    assert office.grants.default == ""


async def test_how_old_intentions_may_be_changes_at_once(office):
    """What is known is not asked for again for that."""
    await office.takes(agent_with(max_staleness=timedelta(minutes=5)))
    assert office.agent.intentions._longest == 300
    await office.takes(BEFORE)
    assert office.agent.intentions._longest == 0


async def test_the_memory_an_agent_may_take_changes_at_once(office):
    """A smaller budget is kept when it is read."""
    await office.takes(agent_with(cache_bytes=2 * 1024 * 1024))
    assert office.agent.inventory.budget == 2 * 1024 * 1024
    await office.takes(BEFORE)
    assert office.agent.inventory.budget == 64 * 1024 * 1024


async def test_services_of_the_file_come_and_go(office):
    """Those that programs registered stay."""
    table = {"Name": "web", "Port": 8080}
    config = replace(agent_with(), services=(table,))
    await office.takes(config)
    assert set(office.agent.services.state.services) == {"web"}
    await office.takes(BEFORE)
    assert set(office.agent.services.state.services) == set()


async def test_a_wrong_service_is_named_with_its_table_and_its_key(office):
    """And the nearest key that is known; what was registered stays."""
    await office.takes(replace(BEFORE, services=({"Name": "web"},)))
    wrong = replace(BEFORE, services=({"Name": "web"}, {"Name": "db", "Knid": "x"}))
    office.reload.load = lambda: wrong
    await office.reload.applied()
    fault = office.reload.describe()["last_error"]
    assert fault == "services[1].Knid: unknown key; did you mean 'Kind'?"
    assert set(office.agent.services.state.services) == {"web"}


def test_rules_are_those_that_hold_now():
    """Whoever holds the object asks the newest ones."""
    rules = Replaceable(LocalRules(owner_uid=1, workloads={"web": frozenset({1000})}))
    assert rules(ALICE, Action.SERVICE_WRITE, "web")
    rules.replace(LocalRules(owner_uid=1))
    assert not rules(ALICE, Action.SERVICE_WRITE, "web")


class Heard(Notifier):
    """Notes what would be told."""

    def __init__(self):
        super().__init__("", timedelta(), SystemClock())
        self.said = []

    def reloading(self):
        self.said.append("reloading")

    def ready(self, status=""):
        self.said.append("ready")


async def test_a_hangup_applies_every_part_and_systemd_hears_it():
    """Twice told, twice applied; afterwards the signal is what it was."""
    one, two, heard = reloading(first := Part()), reloading(second := Part()), Heard()
    before = signal.getsignal(signal.SIGHUP)
    async with hangups([one, two], lambda: BEFORE, heard):
        for times in (1, 2):
            os.kill(os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(30):
                while len(heard.said) < 2 * times:
                    await asyncio.sleep(0.001)
    assert len(first.applied) == len(second.applied) == 2
    assert heard.said == ["reloading", "ready"] * 2
    assert signal.getsignal(signal.SIGHUP) == before


async def test_a_bug_in_one_part_is_logged_and_the_next_hangup_is_heard(caplog):
    """Nor does it keep the other parts from following, or systemd from hearing the end."""
    broken, whole, heard = reloading(), reloading(part := Part()), Heard()

    async def bug():
        raise ZeroDivisionError

    broken.applied = bug
    async with hangups([broken, whole], lambda: BEFORE, heard):
        for times in (1, 2):
            os.kill(os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(30):
                while len(heard.said) < 2 * times:
                    await asyncio.sleep(0.001)
    assert len(part.applied) == 2
    assert caplog.text.count("a bug kept the configuration") == 2


async def test_without_anything_to_read_the_signal_stays_what_it_was():
    """Tests, and programs that embed a server, are not told by signals."""
    before = signal.getsignal(signal.SIGHUP)
    async with hangups([], None, Heard()):
        assert signal.getsignal(signal.SIGHUP) == before


def test_the_level_of_logs_is_that_of_the_file():
    """By the part that only a process of its own has."""
    before = logging.getLogger().level
    try:
        LOG_LEVEL.prepared(replace(BEFORE, log=LogConfig(level="error")))()
        assert logging.getLogger().level == logging.ERROR
    finally:
        logging.getLogger().setLevel(before)
