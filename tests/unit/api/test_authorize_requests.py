"""Authorize beyond names: permissions, places, and how a body may be written."""

import asyncio

import pytest

from ca_core.agent.authorizing import AuthorizeRules
from ca_core.intentions.decision import Default
from tests.unit.api.authorizing import WEB, uri, world


def ran(scenario, **options):
    """Run a scenario in a world."""

    async def whole():
        async with world(**options) as here:
            await scenario(here)

    asyncio.run(whole())


L7 = {"Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/"}}]}


async def l7(here, source="web", destination="db", *permissions):
    """Write an intention with permissions; without any, all that there is is allowed."""
    body = {"Permissions": list(permissions)} if permissions else L7
    await here.room.put(source, destination, **body)


def test_an_intention_with_permissions_denies_where_no_request_is_known():
    """Even if every permission allows; and the reason says so."""

    async def scenario(here):
        await l7(here)
        answer = await here.decide("web", "db")
        assert answer.allowed is False
        assert answer.reason == (
            "Matched L7 intention: default/web => default/db (Precedence: 9, Permissions: 1)"
        )

    ran(scenario, default=Default(allowed=True))


def test_a_request_lets_permissions_decide():
    """Method, path and headers are looked at; what cannot be read in one way is denied."""
    get = {"Action": "allow", "HTTP": {"PathPrefix": "/v1/", "Methods": ["GET"]}}

    async def scenario(here):
        await l7(here, "web", "db", get)

        async def decided(**request):
            return (await here.decide("web", "db", Request=request)).allowed

        assert await decided(Method="GET", Path="/v1/x") is True
        assert await decided(Method="PUT", Path="/v1/x") is False
        assert await decided(Method="GET", Path="/v1/%2e%2e/admin") is False
        assert await decided(Method="GET", Path="/v1/x", Headers={"x": ["1"]}) is True
        answer = await here.ask(
            {"Target": "db", "ClientCertURI": WEB, "Request": {"Method": "GET", "Nope": 1}}
        )
        assert answer.status == 400

    ran(scenario)


def test_S25_a_single_l7_denial_never_allows():  # noqa: N802 - the incident's number
    """CVE-2021-36213: a permission that denies, alone, denies with either default."""
    deny = {"Action": "deny", "HTTP": {"PathPrefix": "/"}}

    async def scenario(here):
        await l7(here, "web", "db", deny)
        assert (await here.decide("web", "db")).allowed is False
        asked = await here.decide("web", "db", Request={"Method": "GET", "Path": "/x"})
        assert asked.allowed is False

    for allowed in (True, False):
        ran(scenario, default=Default(allowed=allowed))


def test_a_client_of_another_datacenter_is_denied_if_that_is_checked():
    """It is not by default, as in Consul."""
    body = {"Target": "db", "ClientCertURI": uri("web", datacenter="dc9")}

    async def scenario(here):
        await here.put("web", "db")
        answer = await here.ask(body)
        checked = here.rules.check_datacenter
        assert answer.allowed is not checked
        if checked:
            assert answer.reason == "Identity from another datacenter"

    ran(scenario)
    ran(scenario, rules=AuthorizeRules(check_datacenter=True))


def test_other_namespaces_and_partitions_are_refused_as_in_consul():
    """A namespace that is asked for gets 400; a client's partition too; its namespace matches."""

    async def scenario(here):
        body = {"Target": "db", "ClientCertURI": WEB}
        for query in ("ns=other", "partition=other", "dc=dc9"):
            assert (await here.ask(body, query=query)).status == 400
        for query in ("ns=default", "partition=default", "ns=", ""):
            assert (await here.ask(body, query=query)).allowed is False
        foreign = WEB.replace("/ns/", "/ap/Other/ns/")
        answer = await here.ask({"Target": "db", "ClientCertURI": foreign})
        assert (answer.status, 'Mismatched partitions: "other"' in answer.text) == (400, True)
        ours = WEB.replace("/ns/", "/ap/default/ns/")
        assert (await here.ask({"Target": "db", "ClientCertURI": ours})).allowed is False
        await here.put("web", "db")
        there = await here.ask({"Target": "db", "ClientCertURI": uri("web", namespace="ns2")})
        assert (there.allowed, there.reason) == (False, "Default behavior configured by ACLs")
        assert (await here.ask({"Target": "db", "ClientCertURI": ours})).allowed is True

    ran(scenario)


def test_keys_may_be_in_any_case_but_not_there_twice():
    """Go's decoder takes them so; two readers of one body must not see two requests."""

    async def scenario(here):
        await here.put("web", "db")
        assert (await here.ask({"target": "db", "clientcertURI": WEB})).allowed is True
        twice = [
            b'{"Target":"db","Target":"x","ClientCertURI":"%s"}',
            b'{"Target":"x","target":"db","ClientCertURI":"%s"}',
            b'{"\\u0054arget":"x","Target":"db","ClientCertURI":"%s"}',
            b'{"Request":{"Path":"/x"},"Request":null,"Target":"db","ClientCertURI":"%s"}',
        ]
        for body in twice:
            assert (await here.ask(body % WEB.encode())).status == 400

    ran(scenario)


@pytest.mark.parametrize(
    ("source", "destination", "action", "allowed", "matched"),
    [
        ("db", "target", "allow", False, False),
        ("web", "target", "allow", True, True),
        ("web", "target", "deny", False, True),
        ("web", "target", "", False, True),
        ("*", "target", "deny", False, True),
        ("*", "target", "allow", True, True),
        ("web", "db", "allow", False, False),
        ("web", "*", "deny", False, True),
        ("web", "*", "allow", True, True),
        ("*", "*", "allow", True, True),
        ("other/web", "target", "allow", False, False),
        ("other/*", "target", "allow", False, False),
        ("*/*", "target", "allow", True, True),
        ("web", "other/target", "allow", False, False),
    ],
)
def test_authz_one_intention_matches_or_does_not(source, destination, action, allowed, matched):
    """The table of connect/authz_test: web connects to target, and there is this intention.

    The one without an action has permissions. Peers are refused where intentions are written.
    """

    async def scenario(here):
        if action:
            await here.put(source, destination, action)
        else:
            await l7(here, source, destination)
        answer = await here.decide("web", "target")
        assert (answer.allowed, answer.reason.startswith("Matched")) == (allowed, matched)

    ran(scenario)
