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
        for body in ({"ClientCertURI": "tubes"}, {}, {"ClientCertURI": "spiffe://x.consul/svc"}):
            answer = await here.ask({"Target": "web"} | body)
            assert answer.status == 400
            said = "ClientCertURI not a valid Connect identifier: SPIFFE ID "
            assert answer.text.startswith(said)

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
        assert answer.text == "ClientCertURI not a valid Service identifier"

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


def test_a_right_that_is_taken_away_counts_at_once():
    """Also where the same was answered before: the right is looked at each time."""
    rights = {"now": True}

    async def scenario(here):
        await here.put("web", "db")
        for _ in range(3):
            assert (await here.decide("web", "db")).allowed is True
        rights["now"] = False
        assert (await here.decide("web", "db")).status == 403
        rights["now"] = True
        assert (await here.decide("web", "db")).headers["x-cache"] == "HIT"

    ran(scenario, may=lambda _who, _action, _name: rights["now"])


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
