"""Regular expressions of permissions: honest ones cost nothing, others stop nobody's agent."""

import time

import pytest

from ca_core.errors import RequestError
from ca_core.intentions.deciding import decide_request
from ca_core.intentions.decision import Default, Why
from ca_core.intentions.explaining import explain
from ca_core.intentions.index import Index
from ca_core.intentions.model import (
    HeaderMatch,
    HeaderRule,
    HttpRule,
    Intention,
    PathMatch,
    Permission,
    Verdict,
    service_name,
)
from ca_core.intentions.permissions import MOST_EXPRESSIONS, parsed_permissions
from ca_core.intentions.requests import HttpRequest
from ca_core.wire.intentions import HeaderBody, HttpBody, PermissionBody

WEB, DB = map(service_name, ("web", "db"))


def index_of(text, times=1):
    """Return the index of an intention that looks at a header and the path by an expression."""
    header = HeaderRule(name="x", match=HeaderMatch.REGEX, value=text)
    rule = HttpRule(match=PathMatch.REGEX, path=text, headers=(header,))
    allow = Permission(action=Verdict.ALLOW, http=rule)
    made = Intention(source=WEB, destination=DB, action=None, permissions=(allow,) * times)
    return Index.of([made])


def test_no_expression_stops_an_agent():
    """A request that they would have too much work with is denied, whatever they say of it."""
    index = index_of("/.*[^x].{900}c", times=256)
    request = HttpRequest(path=f"/{'a' * 16_000}", headers=(("x", "/" + "a" * 60_000),))
    began = time.perf_counter()
    found = decide_request(index.with_default(Default(allowed=True)), WEB, DB, request)
    assert (found.allowed, found.why) == (False, Why.REQUEST)
    assert time.perf_counter() - began < 1  # looked at, it takes many minutes
    explained = explain(index, WEB, DB, request)
    assert explained.decision == decide_request(index, WEB, DB, request)
    assert "too long for the regular expressions" in explained.candidates[0].because


@pytest.mark.parametrize(
    ("text", "why"),
    [("/v[0-9]+/(?:users|groups)/[0-9]{1,200}", Why.PERMISSION), ("/v2/.*", Why.ACL_DEFAULT)],
)
def test_honest_requests_are_looked_at(text, why):
    """A long path, a long cookie, and twenty expressions of a usual length are no work."""
    path = "/v1/users/" + "0123456789" * 20
    request = HttpRequest(path=path, headers=(("x", path), ("cookie", "a" * 16_000)))
    assert decide_request(index_of(text, times=20), WEB, DB, request).why is why


def test_expressions_are_bounded_in_number():
    """All of an intention fit into memory together: none is compiled for each request anew."""
    header = HeaderBody(name="x", regex="a")
    body = PermissionBody(action="allow", http=HttpBody(path_regex="/", header=(header,) * 255))
    fits = -(-MOST_EXPRESSIONS // 256)
    assert len(parsed_permissions((body,) * fits)) == fits
    with pytest.raises(RequestError, match="regular expressions") as found:
        parsed_permissions((body,) * (fits + 1))
    assert found.value.field == "Permissions"
