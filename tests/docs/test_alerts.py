"""The metrics that the operator's guide names are those that a server shows."""

import re

from ca_core.acl.access import AllowAll
from ca_core.api.server import Server, Surroundings, memory_state
from ca_core.authority.registry import Registry
from ca_core.config.model import Config
from ca_core.testing.clock import FakeClock
from docs.pages import ROOT


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


def test_the_rules_name_the_credential_before_it_dies():
    """One rule on failures alone, and one that pages when little is left as well."""
    page = (ROOT / "docs" / "operations.md").read_text()
    rules = re.findall(r"expr: (.*)", page)
    assert "ca_core_provider_credential_failures > 0" in rules
    assert any("runway_hours < 24 and" in rule for rule in rules)
