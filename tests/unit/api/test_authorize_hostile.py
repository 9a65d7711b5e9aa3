"""What is hostile is refused with 400 or denied: never 500, never allowed."""

import asyncio
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ca_core.agent.authorizing import AuthorizeRules
from ca_core.api.authorize_requests import parsed
from ca_core.errors import RequestError
from ca_core.intentions.decision import Default
from tests.unit.agent.fakes import DATACENTER, TRUST_DOMAIN
from tests.unit.api.authorizing import WEB, uri, world

URIS = (
    WEB.replace("svc/web", "svc/w%65b"),
    WEB.replace("svc/web", "svc/x%2F..%2Fweb"),
    WEB.replace("svc/web", "svc/web%00"),
    WEB.replace(f"{TRUST_DOMAIN}/", f"{TRUST_DOMAIN}:443/"),
    WEB.replace("://", "://user@"),
    WEB.replace("://", "://user:secret@"),
    WEB.replace("spiffe", "SPIFFE"),
    WEB.replace("spiffe", "https"),
    WEB.replace(f"{TRUST_DOMAIN}", f"{TRUST_DOMAIN}".upper()),
    WEB.replace(f"{TRUST_DOMAIN}", f"{TRUST_DOMAIN}."),
    WEB.replace("/ns/", "/NS/"),
    WEB + "/",
    WEB + "?a=b",
    WEB + "#web",
    WEB + "\n",
    " " + WEB,
    WEB.replace("web", "*"),
    WEB.replace("default", "*"),
    WEB.replace("web", "we b"),
    WEB.replace("web", "wéb"),
    WEB.replace("web", "WEB"),
    WEB.replace("/ns/default", ""),
    WEB.replace("/ns/", "//ns/"),
    WEB.replace("/ns/", "/ap//ns/"),
    WEB.replace("/ns/", "/ap/default/ap/default/ns/"),
    WEB.replace("/ns/", "/ap/x%2Fdefault/ns/"),
    uri("web", domain="evil.consul"),
    uri("web", domain=f"{TRUST_DOMAIN}.evil.consul"),
    uri("web" * 1000),
    f"spiffe://{TRUST_DOMAIN}/ns/default/dc/{DATACENTER}/svc/../web",
    "spiffe://",
    "spiffe:///ns/default/dc/dc1/svc/web",
    "web",
    "db.example.com",
    "IP:127.0.0.1",
)

TARGETS = ("*", "default/db", "db ", " db", "db/", "peer:x/db", "d\x00b", "db\n", "x" * 2000, "DB")

_PLAIN = json.dumps({"Target": "db", "ClientCertURI": WEB})

BODIES = (
    b"null",
    b"[" * 100_000,
    b'{"Target":' * 100_000,
    b'{"Request":' * 50_000 + b"1" + b"}" * 50_000,
    b'{"Target":' + b"9" * 10_000 + b"}",
    b'{"Target":1e999999,"ClientCertURI":"x"}',
    b'{"Target":NaN}',
    b'{"Target":"db","ClientCertURI":null}',
    b'\xff\xfe{"Target":"db"}',
    b'{"Target":"\xff"}',
    b'{"Target":"\\ud800"}',
    _PLAIN.encode() + _PLAIN.encode(),
    _PLAIN.encode() + b"x",
    _PLAIN.encode("utf-16"),
    b"\xef\xbb\xbf" + _PLAIN.encode(),
    _PLAIN.replace("}", ',"ClientCert":"-----BEGIN CERTIFICATE-----"}').encode(),
    _PLAIN.replace("}", ',"ClientCert":"\\u0000"}').encode(),
    _PLAIN.replace("}", ',"ClientCert":[]}').encode(),
    _PLAIN.replace("}", ',"Request":[]}').encode(),
    _PLAIN.replace("}", ',"Request":{"Headers":{"a":"b"}}}').encode(),
    _PLAIN.replace("}", ',"Request":{"Method":null,"Path":{}}}').encode(),
    _PLAIN.replace("}", ',"ClientCertSerial":1}').encode(),
)


def ran(scenario, **options):
    """Run a scenario where web may connect to db, and whoever is anybody else may not."""

    async def whole():
        async with world(**options) as here:
            await here.put("web", "db")
            await scenario(here)

    asyncio.run(whole())


def harmless(answer):
    """Say whether an answer refuses or denies."""
    return answer.status == 400 or answer.allowed is False


def test_no_disguise_of_a_client_is_taken_for_it():
    """Whatever is not exactly the URI in the certificate of web gets 400 or is denied."""

    async def scenario(here):
        assert (await here.ask({"Target": "db", "ClientCertURI": WEB})).allowed is True
        for disguised in URIS:
            answer = await here.ask({"Target": "db", "ClientCertURI": disguised})
            assert harmless(answer), disguised

    ran(scenario)
    ran(scenario, rules=AuthorizeRules(check_datacenter=True))


def test_no_disguise_of_a_target_is_taken_for_it():
    """Names compare by case; what no service can be called gets 400."""

    async def scenario(here):
        for target in TARGETS:
            answer = await here.ask({"Target": target, "ClientCertURI": WEB})
            assert harmless(answer), target
        answer = await here.ask({"Target": "*", "ClientCertURI": WEB})
        assert answer.status == 400

    ran(scenario)


@pytest.mark.parametrize("at", range(len(BODIES)))
def test_no_body_is_answered_with_500(at):
    """Deep nesting, huge numbers, wrong encodings, half a certificate: all of it gets 400."""

    async def scenario(here):
        assert (await here.ask(BODIES[at])).status == 400

    ran(scenario, default=Default(allowed=True))


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_bytes_are_parsed_or_refused(body):
    """Nothing but a refusal ever comes out of bytes that are no request."""
    try:
        parsed(body)
    except RequestError:
        return
    raise AssertionError(body)


def edits():
    """Draw a URI that differs from that of web by a few characters."""
    at = st.integers(0, len(WEB))
    piece = st.text(st.characters(max_codepoint=0x2FF), max_size=3)
    cut = st.integers(0, 3)
    return st.builds(lambda at, cut, new: WEB[:at] + new + WEB[at + cut :], at, cut, piece)


@given(edits())
@example(WEB.replace("/ns/", "/ap/default/ns/x/"))
@settings(max_examples=150, deadline=None)
def test_whatever_is_parsed_as_web_is_web(text):
    """Two texts that stand for the same client are equal, but for the default partition."""
    try:
        client = parsed(json.dumps({"Target": "db", "ClientCertURI": text}).encode()).question
    except RequestError:
        return
    assert str(client.client) == text.replace("/ap/default/", "/")


keys = st.sampled_from(["Target", "target", "ClientCertURI", "clientcerturi", "Request", "x"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(keys, values, max_size=4))
@settings(max_examples=150, deadline=None)
def test_objects_are_parsed_or_refused(plain):
    """Any JSON object is a request with two names, or refused."""
    try:
        asked = parsed(json.dumps(plain).encode())
    except RequestError:
        return
    assert asked.question.destination.is_service
