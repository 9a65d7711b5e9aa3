"""Registered services over HTTP: rights before everything, waiting by hash, health as a status."""

import asyncio
import json
from datetime import timedelta
from random import Random
from types import SimpleNamespace

import pytest

from ca_core.acl.access import Action
from ca_core.acl.principal import Anonymous, Token
from ca_core.agent.services.services import Services
from ca_core.api import agent_health_handlers, check_handlers, service_handlers
from ca_core.api.http import Request
from ca_core.api.rooms import AgentRoom
from ca_core.errors import DeniedError, NotFoundError, RequestError
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import passed, settle

WRITE, READ, NODE_WRITE, NODE_READ = (
    *(Action.SERVICE_WRITE, Action.SERVICE_READ),
    *(Action.NODE_WRITE, Action.NODE_READ),
)
PORT = {"Port": 80}
PROXY = {
    "Name": "web-proxy",
    "Kind": "connect-proxy",
    "Port": 81,
    "Proxy": {"DestinationServiceName": "web"},
}


class House:
    """The room of an agent; ``rights`` are those of everybody, None for all."""

    def __init__(self):
        self.clock = FakeClock()
        self.services = Services("n1", self.clock)
        self.rights = None
        agent = SimpleNamespace(services=self.services, node="n1", datacenter="dc1")
        self.room = AgentRoom(agent=agent, may=self._may, clock=self.clock, random=Random(1))

    def _may(self, _caller, action, name):
        return self.rights is None or (action, name) in self.rights

    async def asks(self, handler, body=None, *, query="", who=Token("alice"), **params):  # noqa: B008 - a value
        """Return what a handler answers."""
        raw = b"" if body is None else json.dumps(body).encode()
        request = Request(
            method="PUT", path="/", query=query, headers={}, body=raw, principal=who, params=params
        )
        return await handler(self.room, request)

    async def register(self, name="web", **body):
        """Register a service."""
        return await self.asks(service_handlers.register, {"Name": name, **body})

    async def read(self, handler, **asked):
        """Return status and value of an answer."""
        answer = await self.asks(handler, **asked)
        return answer.status, json.loads(answer.body)


@pytest.fixture
def house():
    """Return one in which everybody may everything."""
    return House()


async def test_who_registered_is_remembered_by_the_public_id(house):
    """Never by the secret; a caller without a token by nothing."""
    await house.register("web")
    await house.asks(service_handlers.register, {"Name": "db"}, who=Anonymous(loopback=True))
    accessors = {key: each.accessor for key, each in house.services.state.services.items()}
    assert accessors == {"web": "alice", "db": ""}


@pytest.mark.parametrize(
    ("rights", "body"),
    [
        ({(WRITE, "db")}, {"Name": "web"}),
        ({(WRITE, "web")}, {"Name": "web", "ID": "there"}),
        ({(WRITE, "web-proxy")}, PROXY),
        ({(WRITE, "web")}, PROXY),
        ({(WRITE, "web")}, {"Name": "web", "Port": 80, "Connect": {"SidecarService": {}}}),
        ({(WRITE, "web")}, {"Name": "web", "Check": {"AliasService": "there"}}),
        ({(WRITE, "web")}, {"Name": "web", "Check": {"AliasNode": "n1"}}),
    ],
)
async def test_every_name_that_has_a_part_in_it_needs_its_right(house, rights, body):
    """Its own, what it replaces, a proxy's service, and what a check follows."""
    await house.register("secret", ID="there")
    before = house.services.state
    house.rights = rights
    with pytest.raises(DeniedError) as raised:
        await house.asks(service_handlers.register, body)
    assert "secret" not in str(raised.value)
    assert house.services.state is before


async def test_rights_on_all_names_suffice(house):
    """A service with its sidecar: two names, as a service identity has."""
    house.rights = {(WRITE, "web"), (WRITE, "web-sidecar-proxy")}
    await house.register("web", **PORT, Connect={"SidecarService": {}})
    assert set(house.services.state.services) == {"web", "web-sidecar-proxy"}


ON_A_SERVICE = [
    (service_handlers.deregister, {}),
    (service_handlers.maintenance, {"query": "enable=true"}),
    (service_handlers.service, {}),
    (agent_health_handlers.by_id, {}),
]
ON_A_CHECK = [
    (check_handlers.deregister, {}),
    (check_handlers.passing, {}),
    (check_handlers.warn, {}),
    (check_handlers.fail, {}),
    (check_handlers.update, {"body": {"Status": "passing"}}),
]


@pytest.mark.parametrize(("handler", "asked"), ON_A_SERVICE)
async def test_a_refusal_is_the_same_whether_or_not_the_service_is_there(house, handler, asked):
    """Ids tell nothing to those without rights; the name behind one is not told either."""
    house.rights = set()
    with pytest.raises(DeniedError) as absent:
        await house.asks(handler, **asked, id="x")
    house.rights = None
    await house.register("secret", ID="x")
    house.rights = {(WRITE, "x"), (READ, "x")}  # the id is no name once the service is there
    with pytest.raises(DeniedError) as there:
        await house.asks(handler, **asked, id="x")
    assert str(there.value) == str(absent.value)
    house.rights = {(WRITE, "secret"), (READ, "secret")}
    assert (await house.asks(handler, **asked, id="x")).status < 500


@pytest.mark.parametrize(("handler", "asked"), ON_A_CHECK)
async def test_a_refusal_is_the_same_whether_or_not_the_check_is_there(house, handler, asked):
    """Of a service or of the node."""
    house.rights = set()
    with pytest.raises(DeniedError) as absent:
        await house.asks(handler, **asked, id="c")
    house.rights = None
    await house.register("secret", Check={"TTL": "1h", "CheckID": "c"})
    house.rights = {(NODE_WRITE, "n1")}
    with pytest.raises(DeniedError) as there:
        await house.asks(handler, **asked, id="c")
    assert str(there.value) == str(absent.value)
    house.rights = {(WRITE, "secret")}
    await house.asks(handler, **asked, id="c")


@pytest.mark.parametrize(("handler", "asked"), ON_A_SERVICE + ON_A_CHECK)
async def test_what_is_not_there_is_not_found_by_those_with_the_right(house, handler, asked):
    """A program learns that it must register again: by the name that it has a right on."""
    house.rights = {(WRITE, "web"), (READ, "web")}
    missing = "service:web" if (handler, asked) in ON_A_CHECK else "web"
    with pytest.raises(NotFoundError):
        await house.asks(handler, **asked, id=missing)


@pytest.mark.parametrize(("handler", "asked"), ON_A_CHECK)
async def test_a_refused_check_names_the_rights_that_one_of_them_would_take(house, handler, asked):
    """Both, whosever it is: of the node, of a service, of nobody."""
    await house.register("web", Check={"TTL": "1h", "CheckID": "c"})
    await house.asks(check_handlers.register, {"Name": "disk", "TTL": "1h"})
    house.rights = {(WRITE, "c"), (WRITE, "disk"), (WRITE, "nope"), (READ, "web")}
    for check_id in ("c", "disk", "nope"):
        with pytest.raises(DeniedError) as raised:
            await house.asks(handler, **asked, id=check_id)
        assert str(raised.value).endswith(
            f"lacks permission 'service:write' on the service of check \"{check_id}\","
            " or 'node:write' if it is the node's"
        )


@pytest.mark.parametrize(("handler", "asked"), ON_A_CHECK)
@pytest.mark.parametrize(
    "rights", [{(NODE_WRITE, "n1")}, {(WRITE, "web"), (WRITE, "db"), (WRITE, "nope")}]
)
async def test_an_id_of_no_check_is_told_to_whoever_may_write_all_it_could_be(
    house, rights, handler, asked
):
    """All services here, as a rule on every name gives, or the node."""
    for name in ("web", "db"):
        await house.register(name)
    house.rights = rights
    with pytest.raises(NotFoundError, match="Unknown check ID 'nope'"):
        await house.asks(handler, **asked, id="nope")
    for lacking in rights:
        house.rights = rights - {lacking}
        with pytest.raises(DeniedError):
            await house.asks(handler, **asked, id="nope")


async def test_a_check_of_the_node_is_the_nodes(house):
    """To register, to report, and to remove."""
    disk = {"Name": "disk", "TTL": "1h"}
    house.rights = {(WRITE, "web")}
    with pytest.raises(DeniedError):
        await house.asks(check_handlers.register, disk)
    house.rights = {(NODE_WRITE, "n1")}
    await house.asks(check_handlers.register, disk)
    await house.asks(check_handlers.update, {"status": "warning", "output": "90 %"}, id="disk")
    check = house.services.state.checks["disk"]
    assert (check.status, check.output) == ("warning", "90 %")


async def test_lists_show_what_the_caller_may_see_and_say_that_there_is_more(house):
    """The header is for holders of tokens."""
    await house.register("web", Check={"TTL": "1h"})
    await house.register("db")
    await house.asks(check_handlers.register, {"Name": "disk", "TTL": "1h"})
    house.rights = {(READ, "web")}
    for handler, expected in (
        (service_handlers.services, {"web"}),
        (check_handlers.checks, {"service:web"}),
    ):
        answer = await house.asks(handler)
        assert set(json.loads(answer.body)) == expected
        assert answer.headers["x-consul-results-filtered-by-acls"] == "true"
        assert not (await house.asks(handler, who=Anonymous())).headers
    house.rights = {(READ, "web"), (READ, "db"), (NODE_READ, "n1")}
    answer = await house.asks(check_handlers.checks)
    assert set(json.loads(answer.body)) == {"service:web", "disk"}
    assert not answer.headers


@pytest.mark.parametrize("handler", [service_handlers.services, check_handlers.checks])
async def test_a_filter_is_refused(house, handler):
    """A whole list that looks filtered misleads."""
    with pytest.raises(RequestError):
        await house.asks(handler, query="filter=Service==web")


async def test_a_check_is_shown_with_its_place(house):
    """As Consul's clients read it."""
    await house.register("web", Tags=["a"], Check={"HTTP": "http://127.0.0.1/", "Interval": "90s"})
    _, found = await house.read(check_handlers.checks)
    shown = {k: v for k, v in found["service:web"].items() if not k.endswith("Index")}
    assert shown == {
        "Node": "n1",
        "CheckID": "service:web",
        "Name": "Service 'web' check",
        "Status": "critical",
        "Notes": "",
        "Output": "",
        "ServiceID": "web",
        "ServiceName": "web",
        "ServiceTags": ["a"],
        "Type": "http",
        "Interval": "1m30s",
        "Timeout": "10s",
    }


@pytest.mark.parametrize(
    ("statuses", "code", "word"),
    [
        (("passing", "passing"), 200, "passing"),
        (("passing", "warning"), 429, "warning"),
        (("warning", "critical"), 503, "critical"),
    ],
)
async def test_health_is_a_status_that_a_balancer_can_read(house, statuses, code, word):
    """Of all instances of a name, and of each by its id."""
    for number, status in enumerate(statuses):
        await house.register("web", ID=f"w{number}", Check={"TTL": "1h", "Status": status})
    by_name = await house.read(agent_health_handlers.by_name, name="web")
    assert by_name[0] == code
    assert [each["AggregatedStatus"] for each in by_name[1]] == list(statuses)
    text = await house.asks(agent_health_handlers.by_name, name="web", query="format=text")
    assert (text.status, text.body.decode()) == (code, word)
    own = await house.read(agent_health_handlers.by_id, id="w1")
    assert own[1]["AggregatedStatus"] == statuses[1]
    assert own[1]["Service"]["ID"] == "w1"


async def test_a_check_of_the_node_counts_for_those_too_who_may_not_see_it(house):
    """A balancer must not send to a node that is ill."""
    await house.register("web")
    await house.asks(check_handlers.register, {"Name": "disk", "TTL": "1h"})
    house.rights = {(READ, "web")}
    status, found = await house.read(agent_health_handlers.by_id, id="web")
    assert (status, found["Checks"]) == (503, [])
    house.rights.add((NODE_READ, "n1"))
    _, found = await house.read(agent_health_handlers.by_id, id="web")
    assert [each["CheckID"] for each in found["Checks"]] == ["disk"]


async def test_maintenance_says_its_reason_and_goes_before_every_other_status(house):
    """503, for balancers; ``maintenance`` for people."""
    await house.register("web", Check={"TTL": "1h"})
    query = "enable=True&reason=new%20disk"
    await house.asks(service_handlers.maintenance, query=query, id="web")
    status, found = await house.read(agent_health_handlers.by_id, id="web")
    assert (status, found["AggregatedStatus"]) == (503, "maintenance")
    assert "new disk" in {each["Output"] for each in found["Checks"]}
    await house.asks(service_handlers.maintenance, query="enable=false", id="web")
    assert (await house.read(agent_health_handlers.by_id, id="web"))[1]["AggregatedStatus"] == (
        "critical"
    )
    await house.asks(service_handlers.node_maintenance, query="enable=true")
    assert (await house.read(agent_health_handlers.by_name, name="web"))[0] == 503
    with pytest.raises(RequestError):
        await house.asks(service_handlers.maintenance, id="web")


async def parked(house, **asked):
    """Return a question about ``web`` that waits for another hash, and that hash."""
    _, shown = await house.read(service_handlers.service, id="web")
    query = f"hash={shown['ContentHash']}&" + asked.get("query", "wait=10m")
    task = asyncio.create_task(house.asks(service_handlers.service, id="web", query=query))
    await settle()
    assert not task.done()
    return task, shown["ContentHash"]


async def test_a_hash_waits_for_another_one(house):
    """It stands in body and header; changes of others wake nobody."""
    await house.register("web", **PORT)
    task, before = await parked(house)
    await house.register("db")
    await house.asks(check_handlers.register, {"Name": "c", "TTL": "1h", "ServiceID": "web"})
    await settle()
    assert not task.done()
    await house.register("web", Port=81)
    answer = await asyncio.wait_for(task, 30)
    shown = json.loads(answer.body)
    assert shown["Port"] == 81
    assert answer.headers["x-consul-contenthash"] == shown["ContentHash"] != before


async def test_a_hash_waits_no_longer_than_it_was_told_to(house):
    """5 minutes if it was told nothing, 10 at most, and up to a sixteenth more."""
    await house.register("web")
    for query, least, most in (
        ("wait=10s", 10, 11),
        ("wait=0s", 300, 319),
        ("a=b", 300, 319),
        ("wait=3h", 600, 638),
    ):
        task, before = await parked(house, query=query)
        await passed(house.clock, timedelta(seconds=least - 1))
        assert not task.done()
        await passed(house.clock, timedelta(seconds=most - least + 1))
        assert json.loads((await asyncio.wait_for(task, 30)).body)["ContentHash"] == before


async def test_a_hash_that_waits_for_a_service_that_goes_is_told_so(house):
    """404, at once."""
    await house.register("web")
    task, _ = await parked(house)
    await house.services.deregister("web")
    with pytest.raises(NotFoundError) as raised:
        await asyncio.wait_for(task, 30)
    assert "unknown service ID: web" in str(raised.value)


async def test_a_right_that_goes_ends_the_question_that_waits(house):
    """403 once anybody's rights change, without what was waited for."""
    await house.register("web")
    task, _ = await parked(house)
    house.rights = set()
    house.services.changed.wake()  # as the agent does when rights change
    with pytest.raises(DeniedError):
        await asyncio.wait_for(task, 30)


async def test_other_places_are_refused(house):
    """There is one datacenter, one namespace, one partition."""
    for handler, params in (
        (service_handlers.services, {}),
        (service_handlers.service, {"id": "web"}),
        (agent_health_handlers.by_name, {"name": "web"}),
    ):
        with pytest.raises(RequestError):
            await house.asks(handler, query="dc=dc2", **params)
