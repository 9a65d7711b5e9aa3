"""The metrics that the operator's guide names are those that a server shows."""

import re

from ca_core.acl.access import AllowAll
from ca_core.agent.agent import Agent
from ca_core.agent.agentsettings import AgentSettings
from ca_core.api.agentprocess import agent_room
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.authority.registry import Registry
from ca_core.config.model import Config
from ca_core.telemetry.metrics import Metrics
from ca_core.testing.clock import FakeClock
from docs.pages import ROOT
from tests.unit.agent.fakes import FakeUpstream


async def shown():
    """Return the names of everything a server measures, with the suffixes of its samples."""
    around = Surroundings(
        clock=FakeClock(), may=AllowAll(), registry=Registry(), random=None, environment={}
    )
    server = Server(Config(), memory_state(), around)
    names = set(server.metrics.registry._names_to_collectors)
    server.start()
    await server.ready()
    await server.close()
    return names


async def test_every_metric_of_the_operators_guide_exists():
    """An alert on a name that nobody writes never fires."""
    page = (ROOT / "docs" / "operations.md").read_text()
    named = set(re.findall(r"\bca_core_\w+[a-z]\b", page))
    assert len(named) >= 8
    assert named - await shown() == set()


async def test_every_metric_of_the_agents_page_exists():
    """An agent shows what it remembers; its own leaf is shown as a server's is."""
    clock, metrics = FakeClock(), Metrics()
    settings = AgentSettings(datacenter="dc1", node="n1")
    agent = Agent(FakeUpstream(clock), clock, settings, may=AllowAll())
    agent_room(agent, AllowAll(), Config(), metrics)
    names = set(metrics.registry._names_to_collectors) | await shown()
    page = (ROOT / "docs" / "agent.md").read_text()
    named = set(re.findall(r"\bca_core_\w+[a-z]\b", page))
    assert len(named) >= 8
    assert named - names == set()


def test_the_rules_name_the_credential_before_it_dies():
    """One rule on failures alone, and one that pages when little is left as well."""
    page = (ROOT / "docs" / "operations.md").read_text()
    rules = re.findall(r"expr: (.*)", page)
    assert "ca_core_provider_credential_failures > 0" in rules
    assert any("runway_hours < 24 and" in rule for rule in rules)
