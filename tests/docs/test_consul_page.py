"""``docs/consul.md`` says what is so: nothing is both served and absent, differences hold."""

import re

import pytest

from ca_core.api.deviations import ABSENCES, DEVIATIONS
from ca_core.api.framework import NOT_FOUND
from ca_core.api.routes import ROUTES
from ca_core.errors import RequestError
from ca_core.identity.spiffe import parse_spiffe_id
from docs.pages import ROOT

WEB = "spiffe://11111111-2222-3333-4444-555555555555.consul/ns/default/dc/dc1/svc/web"


def absent_endpoints():
    """Return (method or None, path prefix) of everything listed as absent."""
    listed = (code for one in ABSENCES for code in re.findall(r"`([^`]*/v1/[^`]*)`", one.paths))
    for code in listed:
        method, _, path = code.rpartition(" ")
        yield method or None, path.rstrip("…")


@pytest.mark.parametrize(("method", "path"), list(absent_endpoints()))
def test_what_is_listed_as_absent_is_not_served(method, path):
    """No route begins with a path that the page calls absent."""
    served = [
        f"{route.method} {route.path}"
        for route in ROUTES
        if route.path.startswith(path) and method in {None, route.method}
    ]
    assert served == []


def test_an_unknown_path_names_a_page_that_exists():
    """The 404 for ``/v1/…`` points at the page, under the name the page has."""
    (named,) = re.findall(r"docs/\w+\.md", NOT_FOUND)
    assert (ROOT / named).is_file()


@pytest.mark.parametrize(
    ("about", "uri"),
    [
        ("percent-encoding", WEB.replace("web", "w%65b")),
        ("query and fragment", f"{WEB}?a=b"),
        ("query and fragment", f"{WEB}#a"),
        ("user info, port", WEB.replace("//", "//user@")),
        ("user info, port", WEB.replace(".consul/", ".consul:8500/")),
        ("upper case in scheme", WEB.replace("spiffe", "SPIFFE")),
        ("partitions", WEB.replace("/ns/", "/ap/other/ns/")),
    ],
)
def test_what_consul_lets_pass_in_a_spiffe_id_is_refused(about, uri):
    """Each refusal is listed as a difference, and is one."""
    assert any(about in one.about for one in DEVIATIONS)
    with pytest.raises(RequestError):
        parse_spiffe_id(uri)


@pytest.mark.parametrize(
    "words",
    [
        "peers", "sameness groups", "config entries", "legacy migration", "JWT requirements",
        "topology", "protocols of services", "RPCs", "`allowTrustDomain`", "`?token=`",
        "shown once", "other partitions", "`?filter`", "replication", "prepared queries", "DNS",
        "`?near`", "streaming backend", "network coordinates", "`/v1/kv/…`", "/v1/session/",
    ],
)  # fmt: skip
def test_what_a_user_of_consul_will_look_for_is_named(words):
    """What is not here, or is otherwise, stands on the page by the name that Consul gives it."""
    listed = " ".join(
        text
        for one in (*DEVIATIONS, *ABSENCES)
        for text in (getattr(one, name) for name in type(one).__slots__)
    )
    assert words in listed
