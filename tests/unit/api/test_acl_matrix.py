"""The ACL matrix: every route that exists, asked by every kind of caller, against one table.

A route without a line fails: whoever adds one says here who may use it.
"""

import asyncio

import pytest

from ca_core.api.routes import AGENT_ROUTES, ROUTES, SERVER_ROUTES
from tests.unit.api.everybody import CALLERS, everybody

ALL = set(CALLERS)
VALID = ALL - {"unknown", "expired"}
"""Whoever sends no token, or one that is good: there the answer itself is cut to the caller."""
WRITES_OPERATOR = {"manager", "operator"}
READS_OPERATOR = {"manager", "operator", "reader"}
WRITES_ACL, READS_ACL = WRITES_OPERATOR, READS_OPERATOR
READS_WEB = {"reader", "exact", "prefix", "manager", "workload", "operator", "agent"}
IS_WEB = {"exact", "prefix", "manager", "workload", "agent"}
"""``service:write``; an agent vouches for its users, and an operator is no service."""
WRITES_INTENTIONS = {"exact", "prefix", "manager", "operator"}
READS_SOME = {"reader", "other", "exact", "prefix", "manager", "workload", "operator", "agent"}
READS_AGENT = {"nobody", "reader", "manager", "workload", "operator"}
"""On this machine; a token counts alone, and services' tokens say nothing of agents."""
WRITES_NODES = {"manager"}
"""An operator is no node, and an agent only its own."""
JOINED = {"agent"}
NOBODY = set()

CA, IXN, ACL, CLUSTER = "/v1/connect/ca", "/v1/connect/intentions", "/v1/acl", "/v1/cluster"
AGENT, HEALTH, CATALOG = "/v1/agent", "/v1/health", "/v1/catalog"

MATRIX = {
    f"GET {CA}/roots": ALL,
    f"GET {CA}/crl/{{authority}}": ALL,
    f"GET {CA}/configuration": WRITES_OPERATOR,
    f"PUT {CA}/configuration": WRITES_OPERATOR,
    f"GET {CA}/settings": WRITES_OPERATOR,
    f"POST {CA}/plan": WRITES_OPERATOR,
    f"PUT {CA}/apply": WRITES_OPERATOR,
    f"PUT {CA}/rotate": WRITES_OPERATOR,
    f"PUT {CA}/renew": WRITES_OPERATOR,
    f"PUT {CA}/taint": WRITES_OPERATOR,
    f"PUT {CA}/abandon": WRITES_OPERATOR,
    f"PUT {CA}/revoke": WRITES_OPERATOR,
    f"GET {CA}/operations": READS_OPERATOR,
    f"GET {CA}/operations/{{id}}": READS_OPERATOR,
    f"PUT {CA}/operations/{{id}}/abort": WRITES_OPERATOR,
    f"PUT {CA}/operations/{{id}}/rollback": WRITES_OPERATOR,
    f"GET {IXN}": VALID,
    f"POST {IXN}": WRITES_INTENTIONS,
    f"GET {IXN}/exact": READS_WEB,
    f"PUT {IXN}/exact": WRITES_INTENTIONS,
    f"DELETE {IXN}/exact": WRITES_INTENTIONS,
    f"GET {IXN}/match": READS_WEB,
    f"GET {IXN}/check": READS_WEB,
    f"GET {IXN}/{{id}}": READS_WEB,
    f"PUT {IXN}/{{id}}": WRITES_INTENTIONS,
    f"DELETE {IXN}/{{id}}": WRITES_INTENTIONS,
    f"GET {IXN}/explain": READS_WEB,
    f"POST {IXN}/explain": READS_WEB,
    f"POST {IXN}/diff": READS_SOME,
    f"GET {IXN}/observed": READS_SOME,
    f"PUT {ACL}/bootstrap": NOBODY,  # it has happened; whether it may again is told in its tests
    f"PUT {ACL}/token": WRITES_ACL,
    f"GET {ACL}/token/self": VALID,
    f"GET {ACL}/token/{{accessor}}": READS_ACL,
    f"PUT {ACL}/token/{{accessor}}": WRITES_ACL,
    f"DELETE {ACL}/token/{{accessor}}": WRITES_ACL,
    f"PUT {ACL}/token/{{accessor}}/clone": WRITES_ACL,
    f"GET {ACL}/tokens": READS_ACL,
    f"PUT {ACL}/policy": WRITES_ACL,
    f"GET {ACL}/policy/name/{{name}}": READS_ACL,
    f"GET {ACL}/policy/{{id}}": READS_ACL,
    f"PUT {ACL}/policy/{{id}}": WRITES_ACL,
    f"DELETE {ACL}/policy/{{id}}": WRITES_ACL,
    f"GET {ACL}/policies": READS_ACL,
    f"POST {ACL}/login": NOBODY,  # a JWT decides, and none is sent
    f"POST {ACL}/logout": NOBODY,  # no token here was made by a login
    f"PUT {ACL}/auth-method": WRITES_ACL,
    f"GET {ACL}/auth-method/{{name}}": READS_ACL,
    f"PUT {ACL}/auth-method/{{name}}": WRITES_ACL,
    f"DELETE {ACL}/auth-method/{{name}}": WRITES_ACL,
    f"GET {ACL}/auth-methods": READS_ACL,
    f"PUT {ACL}/binding-rule": WRITES_ACL,
    f"GET {ACL}/binding-rule/{{id}}": READS_ACL,
    f"PUT {ACL}/binding-rule/{{id}}": WRITES_ACL,
    f"DELETE {ACL}/binding-rule/{{id}}": WRITES_ACL,
    f"GET {ACL}/binding-rules": READS_ACL,
    f"POST {CLUSTER}/join": NOBODY,  # a join token decides, and none is sent
    f"POST {CLUSTER}/rejoin": NOBODY,  # the proof of an old key decides
    f"POST {CLUSTER}/sign": JOINED,
    f"PUT {CLUSTER}/acknowledgement": JOINED,
    f"POST {CLUSTER}/grant": JOINED,
    f"POST {CLUSTER}/watch": JOINED,
    f"PUT {CLUSTER}/registered": JOINED,
    f"GET {CLUSTER}/crls": JOINED,
    f"PUT {CLUSTER}/join-token": WRITES_OPERATOR,
    f"GET {CLUSTER}/agents": READS_OPERATOR,
    f"DELETE {CLUSTER}/agents/{{node}}": WRITES_OPERATOR,
    f"GET {CLUSTER}/backup": WRITES_OPERATOR,
    f"PUT {CLUSTER}/rekey": WRITES_OPERATOR,
    f"GET {CLUSTER}/ca/status": READS_OPERATOR,
    f"GET {CLUSTER}/ca/csr": READS_OPERATOR,
    f"PUT {CLUSTER}/ca/chain": WRITES_OPERATOR,
    f"GET {HEALTH}/connect/{{service}}": READS_WEB,
    f"GET {HEALTH}/service/{{service}}": VALID,
    f"GET {HEALTH}/checks/{{service}}": VALID,
    f"GET {HEALTH}/node/{{node}}": VALID,
    f"GET {HEALTH}/state/{{state}}": VALID,
    f"GET {CATALOG}/connect/{{service}}": READS_WEB,
    f"GET {CATALOG}/service/{{service}}": VALID,
    f"GET {CATALOG}/services": VALID,
    f"GET {CATALOG}/nodes": VALID,
    f"GET {CATALOG}/node/{{node}}": VALID,
    f"GET {CATALOG}/datacenters": ALL,
    "GET /v1/status/leader": ALL,
    f"GET {AGENT}/connect/ca/roots": ALL,
    f"GET {AGENT}/connect/ca/leaf/{{service}}": IS_WEB,
    f"POST {AGENT}/connect/authorize": IS_WEB,
    f"PUT {AGENT}/connect/authorize": IS_WEB,
    f"PUT {AGENT}/service/register": IS_WEB,
    f"PUT {AGENT}/service/deregister/{{id}}": IS_WEB,
    f"PUT {AGENT}/service/maintenance/{{id}}": IS_WEB,
    f"PUT {AGENT}/maintenance": WRITES_NODES,
    f"GET {AGENT}/services": VALID,
    f"GET {AGENT}/service/{{id}}": READS_WEB,
    f"GET {AGENT}/health/service/name/{{name}}": READS_WEB,
    f"GET {AGENT}/health/service/id/{{id}}": READS_WEB,
    f"PUT {AGENT}/check/register": IS_WEB,
    f"PUT {AGENT}/check/deregister/{{id}}": IS_WEB,
    f"PUT {AGENT}/check/pass/{{id}}": IS_WEB,
    f"PUT {AGENT}/check/warn/{{id}}": IS_WEB,
    f"PUT {AGENT}/check/fail/{{id}}": IS_WEB,
    f"PUT {AGENT}/check/update/{{id}}": IS_WEB,
    f"GET {AGENT}/checks": VALID,
    f"GET {AGENT}/self": READS_AGENT,
    f"GET {AGENT}/cache": READS_AGENT,
    "GET /metrics": READS_AGENT,
    "GET /healthz": ALL,
    "GET /readyz": ALL,
    "GET /v1/openapi.json": ALL,
}
"""``METHOD path`` → who is not refused (403) there, asking about ``web`` or what is not there."""

HIDDEN_IN_DEV = [
    one
    for one in SERVER_ROUTES
    if (one.method, one.path) in {(other.method, other.path) for other in AGENT_ROUTES}
]
"""Where server and agent are one process, the agent answers these."""

UUID = "12345678-1234-4234-8234-123456789012"
PAIR = "?source=api&destination=web"
QUERIES = {
    "exact": PAIR,
    "check": PAIR,
    "explain": PAIR,
    "match": "?by=destination&name=web",
}
CLIENT = "spiffe://11111111-2222-3333-4444-555555555555.consul/ns/default/dc/dc1/svc/api"


def bodies(csr, agent_csr, fingerprint):
    """Return bodies that are looked at before a right is; all others are refused after it."""
    intention = {"SourceName": "api", "DestinationName": "web", "Action": "allow"}
    authorize = {"Target": "web", "ClientCertURI": CLIENT}
    return {
        f"POST {IXN}": intention,
        f"PUT {IXN}/exact": {"Action": "allow"},
        f"PUT {IXN}/{{id}}": intention,
        f"POST {IXN}/explain": {"Source": "api", "Destination": "web"},
        f"PUT {ACL}/bootstrap": {},
        f"POST {ACL}/login": {"AuthMethod": "gone", "BearerToken": "a.b.c"},
        f"POST {CLUSTER}/join": {"TokenID": "t", "Secret": "s", "Node": "n9", "CSR": agent_csr},
        f"POST {CLUSTER}/rejoin": {"Node": "n9", "CSR": agent_csr},
        f"POST {CLUSTER}/sign": {"CSR": csr},
        f"PUT {CLUSTER}/acknowledgement": {"Digest": "0" * 64, "Anchors": [fingerprint]},
        f"POST {CLUSTER}/grant": {"Secret": "secret of exact"},
        f"POST {AGENT}/connect/authorize": authorize,
        f"PUT {AGENT}/connect/authorize": authorize,
        f"PUT {AGENT}/service/register": {"Name": "web", "Port": 80},
        f"PUT {AGENT}/check/register": {"Name": "disk", "TTL": "10m", "ServiceID": "web"},
        f"PUT {AGENT}/check/update/{{id}}": {"Status": "passing"},
    }


def test_every_route_has_a_line_and_every_line_a_route():
    """Whoever adds a route says here who may use it."""
    assert set(MATRIX) == {f"{route.method} {route.path}" for route in ROUTES}


def test_open_routes_are_the_ones_that_refuse_nobody_for_a_token():
    """What needs no right looks at no token, and the reverse."""
    by_their_own_means = {"bootstrap", "login", "join", "rejoin"}
    for route in ROUTES:
        allowed = MATRIX[f"{route.method} {route.path}"]
        expected = allowed == ALL or route.path.rsplit("/", 1)[1] in by_their_own_means
        assert route.open is expected, route.path


def target(route, intention):
    """Return a path that asks about ``web``, or about what is not there."""
    found = route.path
    if found.startswith(AGENT):
        kind = "service:web" if "/check/" in found else "web"
        return found.replace("{id}", kind).replace("{name}", "web").replace("{service}", "web")
    found = found.replace("{id}", intention if route.path.startswith(IXN) else UUID)
    for name, value in {"service": "web", "accessor": UUID, "state": "any"}.items():
        found = found.replace(f"{{{name}}}", value)
    for name in ("node", "name", "authority"):
        found = found.replace(f"{{{name}}}", "gone")
    last = found.rsplit("/", 1)[1]
    return found + (QUERIES.get(last, "") if route.path.startswith(IXN) else "")


async def without_intention(world):
    """Take away the intention that is asked about."""
    await world.asks("manager", "DELETE", f"{IXN}/exact{PAIR}")


async def intention_id(world):
    """Return the id of the intention that is asked about, made anew."""
    await without_intention(world)
    body = {"SourceName": "api", "DestinationName": "web", "Action": "allow"}
    return (await world.asks("manager", "POST", IXN, body)).json()["ID"]


async def who_passes(world, route, body):
    """Return who is not refused; nobody breaks anything."""
    passed = set()
    for who in CALLERS:
        intention = await intention_id(world) if route.path == f"{IXN}/{{id}}" else ""
        if f"{route.method} {route.path}" == f"POST {IXN}":
            await without_intention(world)
        asked = (route.method, target(route, intention), body)
        answer = await world.asks(who, *asked, of_server=route in HIDDEN_IN_DEV)
        assert answer.status_code < 500, (who, route.path, answer.text)
        if answer.status_code != 403:
            passed.add(who)
        elif who in ("unknown", "expired") and not route.open:
            assert "ACL not found" in answer.text, (who, route.path)
    return passed


@pytest.mark.timeout(60)
async def test_every_kind_of_caller_gets_exactly_what_the_matrix_says():
    """All routes by all callers."""
    async with everybody() as world:
        await world.asks("operator", "PUT", f"{ACL}/bootstrap", {})
        sent = bodies(world.service_csr, world.agent_csr, world.fingerprint)
        wrong = {}
        for route in ROUTES:
            key = f"{route.method} {route.path}"
            body = sent.get(key, {"Nope": 1} if route.accepts is not None else None)
            passed = await asyncio.wait_for(who_passes(world, route, body), 30)
            if passed != MATRIX.get(key):
                wrong[key] = sorted(passed ^ MATRIX.get(key, set()))
        assert wrong == {}
