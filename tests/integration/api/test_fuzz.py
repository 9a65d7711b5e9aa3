"""Random requests over every route of the table: no 5xx but those that are documented."""

import json
import random

import pytest

from ca_core.api.routes import ROUTES, Room
from tests.integration.api.world import dev, over_unix

DOCUMENTED = {501, 503}
ROUNDS = 1500
SEED = 20260101

PIECES = ["", "0", "1", "-1", "x", "é", "\x00", "%", "/", "..", "a" * 300, "null", "1h", "9" * 40]
PIECES += ["allow", "deny", "*/*", "peer:p/web", "(a+)+", "source", "destination"]
PIECES += ["web", "n1", "[", "{}", "\ud7ff", "true", "*", "127.0.0.1", "spiffe://a/b", "\r\n", ","]
NAMES = [
    "index",
    "wait",
    "pem",
    "dc",
    "ns",
    "dns-san",
    "ip-san",
    "stale",
    "x",
    "Node",
    "CSR",
    "TTL",
]
NAMES += ["TokenID", "Secret", "Replaces", "Chain", ""]
NAMES += ["source", "destination", "by", "name", "cas", "filter", "source-type"]
NAMES += ["SourceName", "DestinationName", "Action", "Permissions", "HTTP", "Header", "PathRegex"]
ACCEPTS = ["*/*", "application/json", "text/html", "é".encode(), ""]
SEGMENTS = ["web", "%2f", "%00", "%ff", "%C3%A9", "a b"]
METHODS = ["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"]
DANGEROUS = {"/v1/cluster/rekey", "/v1/cluster/backup"}  # slow, not harmful: once in a while
CHANGING = {f"/v1/connect/ca/{name}" for name in ("apply", "rotate", "renew", "taint")}
"""An empty body is a valid one here: not for a cluster that others use."""


def piece(draw):
    """Return a text that some parser may choke on."""
    return draw.choice(PIECES) + draw.choice(["", "", draw.choice(PIECES)])


def value(draw, depth=0):
    """Return a random JSON value."""
    kind = draw.randrange(7 if depth < 3 else 4)
    if kind == 4:
        return [value(draw, depth + 1) for _ in range(draw.randrange(3))]
    if kind > 4:
        return {draw.choice(NAMES): value(draw, depth + 1) for _ in range(draw.randrange(4))}
    return [piece(draw), draw.randrange(-5, 2**70), None, draw.random()][kind]


def body(draw):
    """Return a random body: mostly JSON, sometimes cut, sometimes noise."""
    raw = json.dumps(value(draw)).encode()
    match draw.randrange(6):
        case 0:
            return raw[: draw.randrange(len(raw) + 1)]
        case 1:
            return draw.randbytes(draw.randrange(60))
        case _:
            return raw


def ask(client, draw, routes):
    """Send one random request to a random route; return what was asked, and the answer."""
    route = draw.choice(routes)
    if route.path in DANGEROUS and draw.random() < 0.9:
        route = ROUTES[0]
    path = route.path
    for name in ("service", "authority", "node", "id"):
        path = path.replace(
            f"{{{name}}}", draw.choice(["web", "%2f", "%00", "%ff", "%C3%A9", "a b"])
        )
    method = route.method if draw.random() < 0.7 else draw.choice(METHODS)
    query = [(draw.choice(NAMES), piece(draw)) for _ in range(draw.randrange(4))]
    query = [(name, said) for name, said in query if name not in {"index", "wait"}] + [
        ("wait", "1ms"),
        *((("index", piece(draw)),) if draw.random() < 0.3 else ()),
    ]
    return (method, path, query), client.request(
        method,
        path,
        params=query,
        content=body(draw) if method in {"POST", "PUT", "PATCH"} else None,
        headers={"Accept": draw.choice(ACCEPTS)},
    )


@pytest.mark.parametrize("where", ["dev", "operator"])
def test_random_requests_never_hit_a_bug(cluster, where, caplog):
    """Whatever comes in, the answer is a success, a 4xx with a reason, or a documented 5xx."""
    draw = random.Random(SEED)
    routes = [route for route in ROUTES if where == "dev" or route.path not in CHANGING]
    with dev() if where == "dev" else over_unix(cluster.home / "server" / "server.sock") as client:
        for _ in range(ROUNDS // 2):
            asked, answer = ask(client, draw, routes)
            status = answer.status_code
            assert status < 500 or status in DOCUMENTED, (asked, status, answer.text)
            if status >= 400 and asked[0] != "HEAD":
                assert answer.text, asked
        assert client.get("/healthz").status_code == 200
    assert not [record for record in caplog.records if record.exc_info], caplog.text


def test_every_route_is_among_those_asked():
    """The table that is fuzzed is the whole one: server, agent and process."""
    assert {route.room for route in ROUTES} == set(Room)
