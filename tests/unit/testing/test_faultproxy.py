"""The fault proxy: what it spoils, what it counts, and that nothing of it stays."""

import json
import threading
import time
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ca_core.testing import FaultProxy
from ca_core.testing.faults import (
    LOST,
    Answer,
    Hang,
    Mangle,
    Reset,
    Slow,
    garbage,
    rate_limited,
    truncated,
)

PEM = "-----BEGIN CERTIFICATE-----\n" + "A" * 90 + "\n-----END CERTIFICATE-----\n"
LOST_ERRORS = (OSError, HTTPException)


class Backend(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def log_message(self, *_arguments):
        """Say nothing."""

    def _serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        seen = {"method": self.command, "path": self.path, "body": body, "pem": [PEM]}
        self.server.seen.append(seen | {"token": self.headers.get("X-Token")})
        text = json.dumps(seen).encode()
        self.send_response_only(201)
        self.send_header("X-Seen", "yes")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_LIST = do_PUT = _serve  # noqa: N815 - names that the library looks for


@pytest.fixture
def backend():
    """Run a backend."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Backend) as server:
        server.seen = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(backend):
    """Run a proxy in front of it, with a path before every path."""
    with FaultProxy(f"http://127.0.0.1:{backend.server_address[1]}/v1/") as found:
        yield found


def ask(proxy, method="GET", path="/x", body=b"", timeout=5.0):
    """Make one request; return status, headers and body."""
    parts = urlsplit(proxy.address)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers={"X-Token": "t"})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_without_a_plan_everything_is_forwarded(proxy, backend):
    """Method, path, headers and body go one way; status, headers and body the other."""
    status, headers, body = ask(proxy, "POST", "/sign?x=1", b"csr")
    assert (status, headers["X-Seen"], json.loads(body)["body"]) == (201, "yes", "csr")
    assert backend.seen[0] | {"pem": 0} == {
        "method": "POST",
        "path": "/v1/sign?x=1",
        "body": "csr",
        "token": "t",
        "pem": 0,
    }


def test_a_chunked_request_is_refused(proxy, backend):
    """Its body would reach the backend empty, and a check would blame the provider."""
    status, _headers, body = ask(proxy, "POST", body=iter([b"csr"]))
    assert (status, backend.seen) == (411, [])
    assert b"chunked" in body


def test_a_chunked_request_is_refused_once_its_client_has_finished(proxy):
    """A client that still sends is not cut off: it would see a broken pipe and no answer."""

    def slowly():
        for _ in range(3):
            yield b"csr"
            time.sleep(0.02)  # the proxy has answered by then

    assert ask(proxy, "POST", body=slowly())[0] == 411


def test_reads_and_writes_are_counted(proxy):
    """GET and LIST read; everything else may have changed something."""
    for method in ("GET", "LIST", "POST", "PUT"):
        ask(proxy, method)
    assert (proxy.requests, proxy.writes, proxy.spoilt) == (4, 2, 0)


@pytest.mark.parametrize("status", [403, 412, 500, 502, 503])
def test_an_answer_in_the_backends_place_never_reaches_it(proxy, backend, status):
    """The backend sees nothing."""
    proxy.plan(Answer(status))
    assert ask(proxy)[0] == status
    assert backend.seen == []


def test_a_rate_limit_says_how_long_to_wait(proxy):
    """429 comes with its pause."""
    proxy.plan(rate_limited(7))
    status, headers, _ = ask(proxy)
    assert (status, headers["Retry-After"]) == (429, "7")


def test_a_reset_is_no_polite_end(proxy, backend):
    """The client's connection is cut; the backend was never asked."""
    proxy.plan(Reset())
    with pytest.raises(ConnectionResetError):
        ask(proxy, "POST")
    assert backend.seen == []


def test_a_lost_answer_was_given(proxy, backend):
    """The backend did it, and the client hears nothing."""
    proxy.plan(LOST)
    with pytest.raises(ConnectionResetError):
        ask(proxy, "POST")
    assert len(backend.seen) == 1


def test_the_next_requests_alone_are_spoilt(proxy):
    """A plan with a count is over after that."""
    proxy.plan(Answer(503), count=2)
    assert [ask(proxy)[0] for _ in range(4)] == [503, 503, 201, 201]
    assert proxy.spoilt == 2


def test_the_nth_write_alone_is_spoilt(proxy):
    """Reads between are neither spoilt nor counted."""
    proxy.plan(Answer(503), writes_only=True, first=2, count=1)
    methods = ["GET", "POST", "GET", "PUT", "GET", "POST"]
    assert [ask(proxy, method)[0] for method in methods] == [201, 201, 201, 503, 201, 201]


@pytest.mark.parametrize("wrong", [{"first": 0}, {"count": 0}, {"count": -1}])
def test_a_plan_that_would_never_spoil_anything_is_refused(proxy, wrong):
    """A test of a fault that never comes would pass for ever."""
    with pytest.raises(ValueError, match="spoils nothing"):
        proxy.plan(Answer(503), **wrong)


def test_healing_ends_every_plan(proxy):
    """Afterwards it is a proxy like any other."""
    proxy.plan(Answer(500))
    proxy.heal()
    assert ask(proxy)[0] == 201


def test_a_request_hangs_until_the_proxy_is_healed(proxy, backend):
    """It is cut off then, and never reaches the backend."""
    proxy.plan(Hang())
    with pytest.raises(TimeoutError):
        ask(proxy, timeout=0.05)
    ended = []

    def waits():
        with pytest.raises(LOST_ERRORS) as raised:
            ask(proxy)
        ended.append(raised)

    asking = threading.Thread(target=waits)
    asking.start()
    while proxy.requests < 2:
        time.sleep(0.001)
    assert not ended
    proxy.heal()
    asking.join(5)
    assert len(ended) == 1
    assert backend.seen == []


def test_a_slow_answer_is_right_in_the_end(proxy):
    """It takes its time, and no longer once the proxy is healed."""
    proxy.plan(Slow(timedelta(seconds=0.05)))
    began = time.monotonic()
    assert ask(proxy)[0] == 201
    assert time.monotonic() - began >= 0.05
    proxy.plan(Slow(timedelta(minutes=1)))
    with pytest.raises(TimeoutError):
        ask(proxy, timeout=0.05)
    proxy.heal()
    assert ask(proxy)[0] == 201


def test_mangled_bodies_are_well_framed(proxy):
    """Status and length are right; what is inside is not."""
    proxy.plan(Mangle(garbage))
    status, _, body = ask(proxy)
    assert status == 201
    assert b"<html>" in body
    proxy.plan(Mangle(truncated))
    found = json.loads(ask(proxy, body=b"kept")[2])
    assert found["body"] == "kept"
    assert found["pem"][0].startswith("-----BEGIN CERTIFICATE-----")
    assert "END CERTIFICATE" not in found["pem"][0]


def test_what_is_no_json_ends_in_the_middle():
    """A body of another kind is cut too."""
    assert truncated(b"abcdef") == b"abc"


def test_a_backend_that_is_gone_cuts_connections():
    """The proxy does not answer in its place."""
    with FaultProxy("http://127.0.0.1:1") as proxy, pytest.raises(LOST_ERRORS):
        ask(proxy)


def test_a_closed_proxy_refuses_connections(backend):
    """Its port is free again, so that a provider sees a backend that is down."""
    with FaultProxy(f"http://127.0.0.1:{backend.server_address[1]}") as proxy:
        ask(proxy)
    with pytest.raises(ConnectionRefusedError):
        ask(proxy)


def test_no_thread_and_no_socket_outlives_it(backend):
    """Also with a connection that a client keeps open, and a request that hangs."""
    before = set(threading.enumerate()), len(list(Path("/proc/self/fd").iterdir()))
    with FaultProxy(f"http://127.0.0.1:{backend.server_address[1]}") as proxy:
        parts = urlsplit(proxy.address)
        kept = HTTPConnection(parts.hostname, parts.port)
        kept.request("GET", "/")
        kept.getresponse().read()
        proxy.plan(Hang())
        with pytest.raises(TimeoutError):
            ask(proxy, timeout=0.05)
    proxy.close()
    kept.close()
    ours = [one for one in set(threading.enumerate()) - before[0] if "proxy" in one.name]
    assert not ours
    until = time.monotonic() + 5
    while len(list(Path("/proc/self/fd").iterdir())) > before[1] and time.monotonic() < until:
        time.sleep(0.01)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before[1]


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "127.0.0.1:8200", ""])
def test_only_http_urls_are_backends(url):
    """Everything else is refused at once."""
    with pytest.raises(ValueError, match="no http:// URL"):
        FaultProxy(url)
