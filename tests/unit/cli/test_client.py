"""Tests of the HTTP client: answers become values, errors become exit codes and next steps."""

import socket
import threading
from pathlib import Path

import pytest

from ca_core.cli.address import Address, parse_address
from ca_core.cli.client import Client
from ca_core.cli.exitcodes import ExitCode, exit_code_of
from ca_core.cli.failures import AnsweredError, UnreachableError
from ca_core.errors import ConfigError


def client_of(api, token=None):
    """Return a client of the fake API."""
    return Client(parse_address(api.url), token)


def test_the_token_travels_in_consuls_header(api):
    """Consul's header carries the token, and nothing else does."""
    api.answer("GET", "/v1/x", {})
    with client_of(api, "s3cret") as client:
        client.get("/v1/x")
    _, path, headers, _ = api.requests[0]
    assert headers["x-consul-token"] == "s3cret"
    assert "s3cret" not in path


def test_no_token_sends_no_header(api):
    """An anonymous request looks anonymous."""
    api.answer("GET", "/v1/x", {})
    with client_of(api) as client:
        client.get("/v1/x")
    assert "x-consul-token" not in api.requests[0][2]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, ExitCode.USAGE), (403, ExitCode.DENIED), (404, ExitCode.USAGE),
        (409, ExitCode.USAGE), (429, ExitCode.NOT_READY), (500, ExitCode.FAILED),
        (501, ExitCode.PROVIDER), (502, ExitCode.PROVIDER), (503, ExitCode.NOT_READY),
        (504, ExitCode.PROVIDER),
    ],
)  # fmt: skip
def test_every_status_has_its_exit_code(api, status, code):
    """A script can tell wrong input from a server that is not ready yet."""
    api.answer("GET", "/v1/x", b"because", status=status)
    with client_of(api) as client, pytest.raises(AnsweredError, match="because") as caught:
        client.get("/v1/x")
    assert exit_code_of(caught.value) is code


def test_a_problem_document_gives_its_detail_and_hint(api):
    """The server's own words reach the person, without JSON around them."""
    problem = {"title": "Forbidden", "status": 403, "detail": "uid 7 may not", "hint": "ask root"}
    api.answer("GET", "/v1/x", problem, status=403)
    with client_of(api) as client, pytest.raises(AnsweredError) as caught:
        client.get("/v1/x")
    assert (str(caught.value), caught.value.hint) == ("uid 7 may not", "ask root")


def test_retry_after_becomes_the_next_step(api):
    """A busy server says when to come back, and so do we."""
    api.answer("GET", "/v1/x", b"busy", status=429, headers={"Retry-After": "3"})
    with client_of(api) as client, pytest.raises(AnsweredError) as caught:
        client.get("/v1/x")
    assert caught.value.hint == "try again in 3 s"


@pytest.mark.parametrize(
    ("token", "next_step"), [(None, "or send a token"), ("x", "or send a token that has it")]
)
def test_a_refusal_says_what_to_send(api, token, next_step):
    """Whoever has sent a token is not told to send one, but another."""
    api.answer("GET", "/v1/x", b"Permission denied", status=403)
    with client_of(api, token) as client, pytest.raises(AnsweredError) as caught:
        client.get("/v1/x")
    assert caught.value.hint.endswith(next_step)


def test_an_error_without_a_body_still_says_something(api):
    """An empty error answer is told by its status."""
    api.answer("GET", "/v1/x", b"", status=500)
    with client_of(api) as client, pytest.raises(AnsweredError, match="HTTP 500"):
        client.get("/v1/x")


def test_nobody_listening_is_unreachable_with_the_next_step():
    """The most frequent error names the command that ends it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = parse_address(f"127.0.0.1:{probe.getsockname()[1]}")
        with Client(address) as client, pytest.raises(UnreachableError, match="refused") as caught:
            client.get("/v1/x")
    assert "ca-core dev" in caught.value.hint
    assert exit_code_of(caught.value) is ExitCode.UNREACHABLE


# httpcore drops the socket that it could not connect without closing it
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_missing_socket_is_unreachable(tmp_path):
    """A socket that is gone is told by its path."""
    client = Client(Address("http://localhost", tmp_path / "a.sock"))
    with client, pytest.raises(UnreachableError, match=r"a\.sock: no such file"):
        client.get("/v1/x")


def test_a_unix_socket_is_spoken_to(tmp_path):
    """An address ``unix:PATH`` reaches whoever listens there."""
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        thread = threading.Thread(target=answer)
        thread.start()
        with Client(parse_address(f"unix:{path}")) as client:
            assert client.get("/v1/x").json() == {}
        thread.join()


def test_an_answer_of_another_program_is_named_as_such(api):
    """A web server on that port does not end in a traceback."""
    api.answer("GET", "/v1/x", b"<html>hello</html>")
    with client_of(api) as client, pytest.raises(AnsweredError, match="not what ca-core"):
        client.get("/v1/x").json()


def test_the_index_is_zero_unless_it_is_a_number(api):
    """A strange header is no index to wait on."""
    api.answer("GET", "/v1/x", {}, headers={"X-Consul-Index": "12"})
    api.answer("GET", "/v1/y", {}, headers={"X-Consul-Index": "abc"})
    with client_of(api) as client:
        assert client.get("/v1/x").index == 12
        assert client.get("/v1/y").index == 0


def test_an_error_in_a_stream_is_an_error(api):
    """A refused download writes nothing and says why."""
    api.answer("GET", "/v1/x", b"no", status=403)
    with (
        client_of(api) as client,
        pytest.raises(AnsweredError, match="no"),
        client.stream("/v1/x"),
    ):
        raise AssertionError("the block must not begin")


def test_unreadable_roots_for_https_name_the_file(monkeypatch, tmp_path):
    """A wrong CA_CORE_CACERT is told before anything is sent."""
    monkeypatch.setenv("CA_CORE_CACERT", str(tmp_path / "absent.pem"))
    with pytest.raises(ConfigError) as caught:
        Client(parse_address("https://ca:1"))
    assert Path(caught.value.where).name == "absent.pem"
