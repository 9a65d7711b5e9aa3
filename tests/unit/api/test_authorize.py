"""Authorize behaves as Consul's, by the names of its tests, but where it is listed as different."""

import asyncio

import pytest

from ca_core.acl.documents import parse_document
from ca_core.acl.principal import Token
from ca_core.acl.resolving import TokenRules
from ca_core.acl.rights import Chain, DefaultPolicy, Rights
from ca_core.agent.authorizing import AuthorizeRules
from ca_core.errors import DeniedError
from ca_core.intentions.decision import Default, Why
from tests.unit.api.authorizing import WEB, uri, world


def ran(scenario, **options):
    """Run a scenario in a world."""

    async def whole():
        async with world(**options) as here:
            await scenario(here)

    asyncio.run(whole())


@pytest.mark.parametrize("body", [b"[]", b"", b"{", b'"x"', b"1", b"null", b'{"Target": 1}'])
def test_TestAgentConnectAuthorize_badBody(body):  # noqa: N802 - Consul's name for it
    """What is no JSON object of the right shape gets 400, which says that decoding failed."""

    async def scenario(here):
        answer = await here.ask(body)
        assert (answer.status, "decode failed" in answer.text) == (400, True)

    ran(scenario)


@pytest.mark.parametrize("name", ["Namespace", "Partition", "Targets", "x"])
def test_TestAgentConnectAuthorize_unknownField(name):  # noqa: N802 - Consul's name for it
    """A key that is not known gets 400, which names it."""

    async def scenario(here):
        answer = await here.ask({"Target": "db", "ClientCertURI": WEB, name: ""})
        assert answer.status == 400
        assert "Request decode failed" in answer.text
        assert f"unknown field `{name}`" in answer.text

    ran(scenario)


def test_TestAgentConnectAuthorize_noTarget():  # noqa: N802 - Consul's name for it
    """Without a target it gets 400, whatever else is wrong."""

    async def scenario(here):
        for body in ({}, {"Target": ""}, {"Target": None}, {"ClientCertURI": "tubes"}):
            answer = await here.ask(body)
            assert (answer.status, "Target service must be specified" in answer.text) == (400, True)

    ran(scenario)


def test_TestAgentConnectAuthorize_idInvalidFormat():  # noqa: N802 - Consul's name for it
    """What is no SPIFFE ID gets 400."""

    async def scenario(here):
        answer = await here.ask({"Target": "web", "ClientCertURI": "tubes"})
        assert answer.status == 400
        assert "ClientCertURI not a valid Connect identifier" in answer.text

    ran(scenario)


@pytest.mark.parametrize(
    "identity",
    [
        "spiffe://1234.consul",
        "spiffe://1234.consul/agent/client/dc/dc1/id/n1",
        "spiffe://1234.consul/agent/server/dc/dc1",
        "spiffe://1234.consul/gateway/mesh/dc/dc1",
    ],
)
def test_TestAgentConnectAuthorize_idNotService(identity):  # noqa: N802 - Consul's name for it
    """A SPIFFE ID of something else than a service gets 400."""

    async def scenario(here):
        answer = await here.ask({"Target": "web", "ClientCertURI": identity})
        assert answer.status == 400
        assert "ClientCertURI not a valid Service identifier" in answer.text

    ran(scenario)


def test_TestAgentConnectAuthorize_allow():  # noqa: N802 - Consul's name for it
    """The first call is a miss, the next a hit; after a change it is a hit with the new answer."""

    async def scenario(here):
        await here.put("web", "db")
        first, second = await here.decide("web", "db"), await here.decide("web", "db")
        assert [first.allowed, second.allowed] == [True, True]
        assert first.reason == (
            "Matched L4 intention: default/web => default/db (Precedence: 9, Action: ALLOW)"
        )
        assert [first.headers["x-cache"], second.headers["x-cache"]] == ["MISS", "HIT"]
        assert second.headers["age"] == "0"
        await here.put("web", "db", "deny")
        third = await here.decide("web", "db")
        assert (third.allowed, third.headers["x-cache"]) == (False, "HIT")

    ran(scenario)


def test_TestAgentConnectAuthorize_deny():  # noqa: N802 - Consul's name for it
    """A denial is an answer with status 200."""

    async def scenario(here):
        await here.put("web", "db", "deny")
        answer = await here.decide("web", "db")
        assert (answer.status, answer.allowed) == (200, False)
        assert answer.reason.startswith("Matched L4 intention: ")

    ran(scenario, default=Default(allowed=True))


def test_TestAgentConnectAuthorize_allowTrustDomain():  # noqa: N802 - Consul's name for it
    """A client of another trust domain is denied by default; a setting lets its name decide."""
    foreign = {"Target": "db", "ClientCertURI": uri("web", domain="other.consul")}

    async def denied(here):
        await here.put("web", "db")
        answer = await here.ask(foreign)
        assert answer.allowed is False
        assert answer.reason == "Identity from an external trust domain"

    async def allowed(here):
        await here.put("web", "db")
        assert (await here.ask(foreign)).allowed is True

    ran(denied, default=Default(allowed=True))
    ran(allowed, rules=AuthorizeRules(foreign_trust_domains=True))


def test_TestAgentConnectAuthorize_denyWildcard():  # noqa: N802 - Consul's name for it
    """What is said of one source goes before what is said of all."""

    async def scenario(here):
        await here.put("*", "db", "deny")
        await here.put("web", "db")
        assert (await here.decide("web", "db")).allowed is True
        denied = await here.decide("api", "db")
        assert denied.allowed is False
        assert denied.reason == (
            "Matched L4 intention: default/* => default/db (Precedence: 8, Action: DENY)"
        )

    ran(scenario, default=Default(allowed=True))


def test_TestAgentConnectAuthorize_serviceWrite():  # noqa: N802 - Consul's name for it
    """A token that may only read the service gets 403 with its accessor; anonymous callers too."""
    reading = Chain(Rights(parse_document('service "db" { policy = "read" }')))
    chains = {"reader": reading, "00000000-0000-0000-0000-000000000002": Chain(Rights())}

    async def scenario(here):
        body = {"Target": "db", "ClientCertURI": WEB}
        answer = await here.ask(body, principal=Token("reader"))
        assert answer.status == 403
        assert answer.text.startswith(
            "Permission denied: token with AccessorID 'reader' lacks permission"
            " 'service:write' on \"db\""
        )
        answer = await here.ask(body)
        assert answer.status == 403
        assert "anonymous token lacks permission 'service:write' on \"db\"" in answer.text
        assert not here.upstream.asked

    ran(scenario, may=TokenRules(chains.get, lambda _who, _action, _name: False))


def test_TestAgentConnectAuthorize_unknownToken():  # noqa: N802 - Consul's name for it
    """A token that is nobody's gets 403, after what is wrong with the request."""
    refusal = DeniedError("Could not resolve token to authorizer: ACL not found")

    async def scenario(here):
        answer = await here.ask({"Target": "db", "ClientCertURI": WEB}, refusal=refusal)
        assert (answer.status, "ACL not found" in answer.text) == (403, True)
        assert (await here.ask({"Target": "db"}, refusal=refusal)).status == 400
        assert (await here.ask(b"[]", refusal=refusal)).status == 400

    ran(scenario)


@pytest.mark.parametrize(
    ("policy", "said", "allowed", "reason"),
    [
        (DefaultPolicy.MANAGE, "", True, "Default behavior configured by ACLs"),
        (DefaultPolicy.MANAGE, "allow", True, "Default intention policy"),
        (DefaultPolicy.MANAGE, "deny", False, "Default intention policy"),
        (DefaultPolicy.DENY, "", False, "Default behavior configured by ACLs"),
        (DefaultPolicy.ALLOW, "", True, "Default behavior configured by ACLs"),
        (DefaultPolicy.DENY, "allow", True, "Default intention policy"),
        (DefaultPolicy.ALLOW, "deny", False, "Default intention policy"),
    ],
)
def test_TestAgentConnectAuthorize_DefaultIntentionPolicy(policy, said, allowed, reason):  # noqa: N802 - Consul's name for it
    """Without intentions the default decides, and says which; a right to everything does not."""
    default = Default(said == "allow", Why.DEFAULT) if said else Default(policy is not _DENY)

    async def scenario(here):
        answer = await here.decide("web", "db")
        assert (answer.allowed, answer.reason) == (allowed, reason)

    ran(scenario, default=default)


_DENY = DefaultPolicy.DENY

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
