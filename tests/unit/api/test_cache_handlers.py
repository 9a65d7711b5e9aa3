"""``/v1/agent/cache`` and the metrics of it: figures and names, no value and no secret."""

import json

import pytest
from prometheus_client import CollectorRegistry

from ca_core.acl.access import Action
from ca_core.acl.principal import Peer, Token
from ca_core.api.cache_handlers import remembered
from ca_core.api.problems import problem_response
from ca_core.telemetry.caches import CacheCollector
from ca_core.telemetry.metrics import Metrics
from tests.unit.api.asking import asking
from tests.unit.api.authorizing import world

SECRET = "PRIVATE KEY"


class Rights:
    """Everybody may everything, but these."""

    def __init__(self, *refused):
        self.refused = refused

    def __call__(self, _caller, action, _name):
        return action not in self.refused


async def used(here):
    """Let an agent remember something of every kind that the fake server has."""
    await here.agent.roots.get()
    await here.agent.leaves.get(Peer(uid=7, gid=7, pid=1), "web")
    await here.agent.leaves.get(Token("11111111-aaaa"), "web")
    await here.put("web", "db")
    await here.decide("web", "db")


async def shown(here, query=""):
    """Return the answer, decoded, or its status if it is an error."""
    try:
        answer = await remembered(here.place, asking(query))
    except Exception as error:  # noqa: BLE001 - one that is none of ours fails right here
        return problem_response(error, "").status
    assert SECRET not in answer.body.decode()
    return json.loads(answer.body)


async def test_every_kind_is_there_with_its_figures():
    """Also those of which nothing is remembered yet."""
    async with world() as here:
        await used(here)
        found = await shown(here)
        kinds = {each["Kind"]: each for each in found["Kinds"]}
        assert list(kinds) == ["roots", "leaf", "intentions", "upstreams", "catalog"]
        assert [kinds[name]["Entries"] for name in kinds] == [1, 2, 1, 0, 0]
        assert found["Bytes"] == sum(each["Bytes"] for each in found["Kinds"]) > 0
        assert found["BudgetBytes"] == 64 * 1024 * 1024
        assert kinds["leaf"]["Misses"] == 2


async def test_entries_come_the_largest_first_with_their_owners():
    """A token by its accessor, a user by his number; as many as are asked for."""
    async with world() as here:
        await used(here)
        entries = (await shown(here))["Entries"]
        sizes = [entry["Bytes"] for entry in entries]
        assert sizes == sorted(sizes, reverse=True)
        owners = [entry["Partitions"] for entry in entries if entry["Kind"] == "leaf"]
        assert sorted(owners) == [["token:11111111-aaaa"], ["uid:7"]]
        assert len((await shown(here, "limit=2"))["Entries"]) == 2
        assert (await shown(here, "limit=0"))["Entries"] == []


async def test_one_kind_can_be_asked_for_or_several():
    """Figures and entries of those alone."""
    async with world() as here:
        await used(here)
        found = await shown(here, "kind=leaf&kind=roots")
        assert {each["Kind"] for each in found["Kinds"]} == {"leaf", "roots"}
        assert {each["Kind"] for each in found["Entries"]} == {"leaf", "roots"}


@pytest.mark.parametrize(
    "query", ["kind=secrets", "limit=x", "limit=-1", "limit=10001", "limit=\u0663"]
)
async def test_what_cannot_be_meant_is_refused(query):
    """400, never 500."""
    async with world() as here:
        assert await shown(here, query) == 400


async def test_who_may_not_read_the_agent_sees_nothing():
    """Rights come first."""
    async with world(may=Rights(Action.AGENT_READ)) as here:
        assert await shown(here) == 403


async def test_who_is_no_operator_sees_figures_alone_and_is_told_so():
    """Names of services and tokens of others are not everybody's."""
    async with world(may=Rights(Action.OPERATOR_READ)) as here:
        await used(here)
        answer = await remembered(here.place, asking())
        found = json.loads(answer.body)
        assert found["Entries"] == []
        assert len(found["Kinds"]) == 5
        assert answer.headers["x-consul-results-filtered-by-acls"] == "true"
        assert "web" not in answer.body.decode()


async def test_metrics_tell_each_kind_and_no_name():
    """Entries, bytes, waiters, age, hits, misses, evictions and failures; labels are bounded."""
    async with world() as here:
        await used(here)
        here.agent.inventory.resize(1)
        metrics = Metrics()
        metrics.show_caches(here.agent.inventory.figures)
        text = metrics.exposition()[0].decode()
        for line in (
            'ca_core_cache_entries{kind="leaf"} 0.0',
            'ca_core_cache_waiters{kind="roots"} 0.0',
            'ca_core_cache_refresh_age_seconds{kind="roots"} 0.0',
            'ca_core_cache_misses_total{kind="leaf"} 2.0',
            'ca_core_cache_evictions_total{kind="leaf",reason="budget"} 2.0',
        ):
            assert line in text
        for name in ("web", "db", "uid", "token", "11111111"):
            assert name not in "".join(
                line for line in text.splitlines() if line.startswith("ca_core_cache")
            )


def test_metrics_are_named_before_there_are_any_figures():
    """The registry can tell whether a name is taken."""
    registry = CollectorRegistry()
    registry.register(CacheCollector(tuple))
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(CacheCollector(tuple))
