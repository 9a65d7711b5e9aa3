"""The target of authorize: a body as it arrives, through the authorizer, to allowed or denied."""

import json
import re
from datetime import timedelta
from types import SimpleNamespace

from cryptography import x509

from ca_core.agent.authorizing import Authorizer, AuthorizeRules
from ca_core.agent.shownchain import ShownChains
from ca_core.api.authorize_requests import parsed
from ca_core.errors import RequestError
from ca_core.identity.spiffe import TrustDomain
from ca_core.intentions.index import Index
from ca_core.intentions.lists import Held
from ca_core.intentions.model import (
    ANY,
    HttpRule,
    Intention,
    PathMatch,
    Permission,
    Verdict,
    service_name,
)
from ca_core.testing.clock import FakeClock
from tests.fuzz.mesh import NOW, ROOT, TRUST_DOMAIN

WEB, DB, API = service_name("web"), service_name("db"), service_name("api")
GET = HttpRule(match=PathMatch.PREFIX, path="/v1/", methods=("GET",))
INDEX = Index.of(
    [
        Intention(source=WEB, destination=DB, action=Verdict.ALLOW),
        Intention(
            source=WEB,
            destination=API,
            action=None,
            permissions=(Permission(action=Verdict.ALLOW, http=GET),),
        ),
        Intention(source=ANY, destination=ANY, action=Verdict.DENY),
    ]
)

_CLIENT = re.compile(
    rf"spiffe://{re.escape(TRUST_DOMAIN)}(?:/ap/default)?/ns/default/dc/[A-Za-z0-9._-]+/svc/web"
)


class _Known:
    """Intentions of an agent that has them all and never asks."""

    is_stale = False
    age = timedelta()

    def known(self, _destination):
        """Return what decides."""
        return Held(index=INDEX)


class _NothingRevoked:
    """What is revoked, known already: nothing."""

    async def refreshed(self):
        """Wait for nothing."""


ROOTS = SimpleNamespace(anchors=(ROOT,))
"""What `ShownChains` needs of the roots that an agent knows."""

AUTHORIZER = Authorizer(
    _Known(),
    ShownChains(lambda: ROOTS, FakeClock(NOW)),
    _NothingRevoked(),
    lambda: TrustDomain(TRUST_DOMAIN),
    "dc1",
    AuthorizeRules(),
)


def authorize_body(data: bytes) -> None:
    """Only web may connect: named once, in every reading of the body, and proven where it shows."""
    try:
        asked = parsed(data)
        asked.refuse_other_partition()
        decision = _run(AUTHORIZER.decide(asked.question)).decision
    except RequestError:
        return
    assert "\n" not in decision.reason
    if decision.allowed:
        _require_meant(_read(data))


def _require_meant(body: dict[str, object]) -> None:
    """Hold that another reader of the body sees a caller that may."""
    assert _CLIENT.fullmatch(body["clientcerturi"]), body
    assert body["target"] in ("db", "api"), body
    if body["target"] == "api":
        request = _folded(body["request"])
        assert request.get("method", "GET").upper() == "GET"
        assert "/v1/" in request["path"]
    if body.get("clientcert"):
        leaf, *_ = x509.load_pem_x509_certificates(body["clientcert"].encode())
        leaf.verify_directly_issued_by(ROOT)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uri = body["clientcerturi"].replace("/ap/default/", "/")
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == [uri]


def _read(data: bytes) -> dict[str, object]:
    """Return the body as a reader sees it that takes keys in any case, each once."""
    return _folded(json.loads(data, object_pairs_hook=_once))


def _once(pairs):
    assert len({key.casefold() for key, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


def _folded(table):
    return {key.casefold(): value for key, value in table.items() if value is not None}


def _run(coroutine):
    """Return what a coroutine returns that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waited")
