"""Bad input gets a clear 4xx that names what is wrong, never a 500 and never a hang."""

import contextlib
import json
import re
import socket

import pytest

from ca_core.api.http import MAX_ARGUMENTS, MAX_BODY
from ca_core.identity.csr import MAX_NAMES
from tests.integration.api.csrs import bad_requests, pem, request, uri
from tests.integration.api.world import agent_csr, over_tcp

LEAF = "/v1/agent/connect/ca/leaf"
JOIN = "/v1/cluster/join"


def refused(answer, *words, status=400):
    """Assert a clear refusal: this status, plain text, these words in it."""
    assert answer.status_code == status, answer.text
    for word in words:
        assert word in answer.text


class TestRequestsForCertificates:
    """What is sent to ``/v1/cluster/sign`` by a joined agent."""

    def test_each_bad_csr_is_refused_and_says_why(self, cluster):
        """No CSR that breaks a rule is signed, and each answer names the rule."""
        identity = f"spiffe://{cluster.trust_domain}/ns/default/dc/dc1/svc/web"
        with cluster.as_agent("n1") as client:
            for what, text, word in bad_requests(identity):
                answer = client.post("/v1/cluster/sign", json={"CSR": text})
                assert answer.status_code == 400, (what, answer.status_code, answer.text)
                assert word in answer.text, (what, answer.text)

    def test_a_bad_moment_is_refused(self, cluster):
        """``Replaces`` must be an RFC 3339 moment."""
        identity = f"spiffe://{cluster.trust_domain}/ns/default/dc/dc1/svc/web"
        csr = pem(request(uri(identity)))
        with cluster.as_agent("n1") as client:
            for moment in ("yesterday", "2026-11-22", "2026-11-22T10:00:00", "9" * 40):
                answer = client.post("/v1/cluster/sign", json={"CSR": csr, "Replaces": moment})
                refused(answer, "Replaces", "RFC 3339")


class TestBodies:
    """JSON is read strictly, and nothing large is read at all."""

    @pytest.mark.parametrize(
        ("body", "word"),
        [
            (b"", "Input data was truncated"),
            (b"null", "null"),
            (b"[]", "array"),
            (b"{", "truncated"),
            (b'"x"', "str"),
            (b"\xff\xfe", "body"),
            (b'{"Node": "\xff"}', "body"),
            (b'{"Node": "\\ud800"}', "body"),
            (b'{"Node": 7}', "Node"),
            (b'{"Node": null}', "Node"),
            (b'{"Node": "n9", "Nodes": "x"}', "Nodes"),
            (b'{"Node": "n9", "Node": "n8"}', "twice"),
            (b'{"TTL": "1h"}', "Node"),
            (b'{"Node": ' + b"[" * 5000 + b"]" * 5000 + b"}", "body"),
            (b"[" * 200_000, "body"),
            (b'{"Node": "n9", "TTL": "72"}', "72h"),
            (b'{"Node": "n9", "TTL": "-1h"}', "-1h"),
            (b'{"Node": "n9", "TTL": "1e9h"}', "1e9h"),
            (b'{"Node": "n9", "TTL": "0s"}', "TTL"),
            (b'{"Node": "n9", "TTL": "999999999h"}', "TTL"),
            (b'{"Node": ""}', "node"),
            (b'{"Node": "a/b"}', "a/b"),
            (b'{"Node": "..", "TTL": "1h"}', ".."),
            (json.dumps({"Node": "n" * 3000}).encode(), "2048"),
        ],
    )
    def test_a_bad_body_is_refused_with_the_place(self, cluster, body, word):
        """Every body that is not exactly what is asked for is a 400 that names what is wrong."""
        with cluster.operator() as client:
            refused(client.put("/v1/cluster/join-token", content=body), word)

    def test_a_huge_body_is_refused_however_it_comes(self, cluster):
        """More than the limit is refused with a length and without one (chunked)."""
        parts = (b"x" * 65536 for _ in range(MAX_BODY // 65536 + 4))
        with cluster.anonymous() as client:
            refused(client.post(JOIN, content=b"x" * (MAX_BODY + 1)), str(MAX_BODY))
            refused(client.post(JOIN, content=parts), str(MAX_BODY))

    @pytest.mark.parametrize("length", [str(MAX_BODY + 1), "9" * 12, "9" * 19])
    def test_a_huge_body_that_is_only_announced_is_refused_at_once(self, playground, length):
        """A length above the limit is answered before a byte of the body has come."""
        head = f"POST {JOIN} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
        answer = exchange(playground, head.encode())
        assert answer.startswith(b"HTTP/1.1 400")
        assert str(MAX_BODY).encode() in answer

    @pytest.mark.parametrize(
        "head",
        [
            b"Content-Length: -1",
            b"Content-Length: 1e3",
            b"Content-Length: 99999999999999999999999",
            b"Content-Length: 3\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: gzip",
        ],
    )
    def test_a_length_that_is_none_is_refused(self, playground, head):
        """Lengths that cannot be, or that contradict each other, end in a 400."""
        raw = b"POST " + JOIN.encode() + b" HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n"
        assert exchange(playground, raw).startswith(b"HTTP/1.1 400")

    def test_a_token_of_wrong_shape_is_denied_not_crashed_on(self, cluster):
        """Whatever stands in ``TokenID`` and ``Secret``, the answer is the one constant refusal."""
        csr, _ = agent_csr(cluster.trust_domain, "n9")
        said = set()
        with cluster.anonymous() as client:
            for token, secret in (("", ""), ("é" * 50, "\x00"), ("0" * 16, "x" * 43), ("..", "/")):
                body = {"TokenID": token, "Secret": secret, "Node": "n9", "CSR": csr}
                answer = client.post(JOIN, json=body)
                refused(answer, "join token", status=403)
                said.add(answer.text)
        assert len(said) == 1


class TestQueries:
    """Parameters and paths."""

    @pytest.mark.parametrize(
        ("query", "word"),
        [
            ("index=-1", "index"),
            ("index=x", "index"),
            ("index=1.5", "index"),
            ("index=99999999999999999999999", "index"),
            ("index=18446744073709551616", "index"),
            ("index=%D9%A3", "index"),
            ("wait=72", "wait"),
            ("wait=-1s", "wait"),
            ("wait=1e9h", "wait"),
            ("wait=%D9%A3s", "wait"),
            ("wait=forever", "wait"),
            ("dc=other", "dc1"),
            ("datacenter=other", "dc1"),
            ("ns=other", "default"),
            ("partition=other", "default"),
            ("&".join(f"p{n}=1" for n in range(MAX_ARGUMENTS + 1)), str(MAX_ARGUMENTS)),
        ],
    )
    @pytest.mark.parametrize(
        "path", ["/v1/connect/ca/roots", "/v1/agent/connect/ca/roots", f"{LEAF}/web"]
    )
    def test_a_bad_parameter_is_refused_by_name(self, playground, path, query, word):
        """Every endpoint with parameters refuses the same ones, with the same words."""
        refused(playground.get(f"{path}?{query}"), word)

    @pytest.mark.parametrize(
        ("query", "word"),
        [
            ("dns-san=*.web", "*.web"),
            ("dns-san=a..b", "a..b"),
            ("dns-san=-a", "-a"),
            ("dns-san=" + "a" * 300, "host name"),
            ("dns-san=%00", "host name"),
            ("dns-san=%C5%BF.web", "host name"),
            ("dns-san=%E2%84%AA", "host name"),
            ("dns-san=web:80", "web:80"),
            ("ip-san=1.2.3", "1.2.3"),
            ("ip-san=1.2.3.0/24", "1.2.3.0/24"),
            ("ip-san=::1%25eth0", "eth0"),
            ("ip-san=%D9%A3.1.1.1", "IP address"),
            ("&".join(f"dns-san=n{n}" for n in range(MAX_NAMES + 1)), str(MAX_NAMES)),
            ("dns-san=" + ",".join(f"n{n}" for n in range(MAX_NAMES + 1)), str(MAX_NAMES)),
        ],
    )
    def test_a_bad_name_is_refused_by_name(self, playground, query, word):
        """Host names and addresses that are none are refused before anything is signed."""
        refused(playground.get(f"{LEAF}/web?{query}"), word)

    @pytest.mark.parametrize(
        "service",
        [
            *("", "a%2Fb", "a/b", "%2e%2e", "%2e", "we%20b", "%C3%A9", "%00", "a%00b", "%FF"),
            *("a" * 3000, "a%0d%0aX-Evil:1", "web;x", "web%3F", "*", "%252e", "web%23"),
        ],
    )
    @pytest.mark.parametrize("where", ["dev", "agent"])
    def test_a_service_of_unknown_characters_is_refused(self, cluster, playground, service, where):
        """What no service can be called is a 400, in ``dev`` and outside, also for strangers."""
        if where == "dev":
            answer = playground.get(f"{LEAF}/{service}")
        else:
            with over_tcp(cluster.agents["n1"].url) as client:
                answer = client.get(f"{LEAF}/{service}")
        refused(answer, "service")

    def test_pem_must_be_boolean(self, playground):
        """``?pem=maybe`` is refused in Consul's words."""
        refused(playground.get("/v1/connect/ca/roots?pem=maybe"), "'pem'", "boolean")

    def test_stale_and_consistent_contradict(self, playground):
        """Both at once are refused, as by Consul."""
        refused(playground.get("/v1/connect/ca/roots?stale&consistent"), "conflicting")

    def test_a_crl_of_no_authority_is_not_found(self, playground):
        """An authority that does not exist is a 404 with its name."""
        refused(playground.get("/v1/connect/ca/crl/nope"), "nope", status=404)


class TestHttp:
    """Hosts, methods, paths, and what is hardly HTTP."""

    @pytest.mark.parametrize("path", ["/v1/connect/ca/roots", "/v1/agent/self", "/healthz"])
    def test_a_foreign_host_is_refused(self, playground, path):
        """DNS rebinding: a Host that is not this listener's gets nothing."""
        for host in ("evil.example", "127.0.0.1.evil.example", "localhost:1", "", "[::1]:x"):
            refused(playground.get(path, headers={"Host": host}), "listener")

    def test_any_origin_is_refused(self, playground):
        """A request that a web page sends is refused, whatever the page."""
        for origin in ("https://evil.example", "null", "http://localhost:8500", ""):
            refused(playground.get("/v1/connect/ca/roots", headers={"Origin": origin}), "web page")

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("POST", "/v1/connect/ca/roots", "GET"),
            ("DELETE", "/v1/connect/ca/configuration", "GET"),
            ("DELETE", "/v1/connect/ca/configuration", "PUT"),
            ("PUT", f"{LEAF}/web", "GET"),
            ("GET", JOIN, "POST"),
            ("GET", "/v1/cluster/agents/n1", "DELETE"),
            ("PATCH", "/healthz", "GET"),
            ("TRACE", "/healthz", "GET"),
        ],
    )
    def test_a_wrong_method_names_the_right_one(self, playground, method, path, allowed):
        """405 carries ``Allow``."""
        answer = playground.request(method, path)
        refused(answer, method, status=405)
        assert {allowed, "OPTIONS"} <= set(answer.headers["allow"].replace(" ", "").split(","))

    def test_options_says_what_is_allowed(self, playground):
        """OPTIONS answers 200 with ``Allow`` and does nothing."""
        for path, allowed in ((JOIN, "POST"), (f"{LEAF}/web", "GET"), ("/healthz", "GET")):
            answer = playground.options(path)
            assert answer.status_code == 200
            assert allowed in answer.headers["allow"]

    @pytest.mark.parametrize("path", ["/v1/connect/ca/roots", f"{LEAF}/web", "/v1/agent/self"])
    def test_head_is_get_without_its_body(self, playground, path):
        """HEAD has the status, type and length of GET, and no body."""
        got, head = playground.get(path), playground.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
        assert head.headers.get("x-consul-index") == got.headers.get("x-consul-index")

    @pytest.mark.parametrize(
        "path", ["/v1/kv/x", "/v1", "/v1/agent/connect/ca/leaf", "/", "/v1/connect/ca/roots/"]
    )
    def test_an_unknown_path_names_the_page_that_lists_them(self, playground, path):
        """404 says where to read what exists; nothing redirects."""
        refused(playground.get(path), "docs/consul.md", "openapi.json", status=404)

    @pytest.mark.parametrize(
        "raw",
        [
            b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
            b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"hello\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHo st: localhost\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        ],
    )
    def test_what_is_no_http_is_refused(self, playground, raw):
        """Broken request lines and headers get a 400, not a hang and not a trace of code."""
        assert exchange(playground, raw).startswith(b"HTTP/1.1 400")

    def test_an_endless_head_is_refused(self, playground):
        """A head without an end is cut off with 431 before it fills the memory."""
        raw = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"X: " + b"y" * 400_000
        assert exchange(playground, raw).startswith(b"HTTP/1.1 431")

    def test_a_basic_upgrade_is_not_taken(self, playground):
        """A request that asks for another protocol is answered as the plain request it is."""
        answer = playground.get("/healthz", headers={"Connection": "Upgrade", "Upgrade": "h2c"})
        assert answer.status_code == 200


def exchange(client, raw):
    """Send bytes over a new connection and return the whole first answer."""
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=5) as sock:
        sock.sendall(raw)
        said = b""
        with contextlib.suppress(ConnectionResetError):
            while not is_whole(said) and (part := sock.recv(65536)):
                said += part
        return said


def is_whole(said):
    """Say whether an answer has its end: what its head announces has come."""
    head, end, body = said.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return bool(end and length and len(body) >= int(length[1]))
