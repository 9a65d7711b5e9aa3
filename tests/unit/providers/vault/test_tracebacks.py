"""Tracebacks that print the locals of every frame show no token and nothing of a login."""

import contextlib
import http.client
import logging
from datetime import timedelta

import pytest
from ca_provider_vault import ca_provider
from ca_provider_vault.config import AuthMethod, parse_config
from ca_provider_vault.logins import login_of
from ca_provider_vault.remote import Server

from ca_core.clock import SystemClock
from ca_core.contract import (
    AuthorityRequest,
    Error,
    KeySpec,
    ProbeRequest,
)
from ca_core.testing.lending import TRUST_DOMAIN, provider_context
from tests.unit.providers.vault.frames import shown
from tests.unit.providers.vault.peer import Peer, answer, cutting, replying

TOKEN = "s.unseen-token-0123456789"
UNSEEN = "unseen"
"""Part of every secret that these tests hand out."""

JWT = "unseen.e30.jwt"
METHODS = {
    "alicloud": {"role": "r", "identity_request_headers": "unseen-headers"},
    "approle": {"role_id": "unseen-role-id", "secret_id": "unseen-secret-id"},
    "aws": {"role": "r", "access_key": "unseen-access", "secret_key": "unseen-secret-key"},
    "azure": {"role": "r", "jwt": JWT, "nested": {"more": ["unseen-more"]}},
    "cert": {"name": "unseen-name"},
    "gcp": {"role": "r", "jwt": JWT},
    "jwt": {"role": "r", "jwt": JWT},
    "kubernetes": {"role": "r", "jwt": JWT},
    "ldap": {"username": "u", "password": "unseen-password"},
    "userpass": {"username": "u", "password": "unseen-password"},
}
LOGINS = {
    "token": {"token": TOKEN},
    **{kind: {"auth_method": {"type": kind, "params": METHODS[kind]}} for kind in METHODS},
}
GRANTED = {"auth": {"client_token": TOKEN, "lease_duration": 60, "renewable": True}}


def repeating(status):
    """Return the behaviour that answers with everything it was sent."""

    def behave(sock, heard):
        said = [*heard.headers.values(), heard.body.decode()]
        sock.sendall(answer(status, {"errors": said}))
        return True

    return behave


def breaking_off(sock, _heard):
    """Send all but the end of an answer that holds a token."""
    sock.sendall(answer(200, GRANTED)[:-4])


def silent(sock, _heard):
    """Say nothing until the other end gives up."""
    sock.recv(1)


FAULTS = {
    "cut": cutting,
    "silent": silent,
    "half an answer": breaking_off,
    "no token in it": replying(answer(200, {"auth": {"token": TOKEN}, "data": [TOKEN]})),
    "no JSON": replying(answer(200, TOKEN.encode())),
    **{f"{status}": repeating(status) for status in (400, 403, 404, 429, 500, 503, 504)},
}


def server_of(address, **login):
    """Return the server as the provider sees it."""
    context = provider_context("a1", clock=SystemClock())
    return Server(parse_config({"address": address, **login}), context)


def soon(seconds=0.2):
    """Return a deadline."""
    return SystemClock().now() + timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def peers():
    """Run a peer with each fault."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(Peer(behave)) for name, behave in FAULTS.items()}


@pytest.mark.parametrize("login", LOGINS)
def test_a_failed_login_shows_nothing_in_any_frame(peers, login):
    """With every method, whatever the server does."""
    for fault, peer in peers.items():
        server = server_of(peer.address, **LOGINS[login])
        with contextlib.closing(server), pytest.raises(Error) as caught:
            server.root.post("x", {}, deadline=soon(0.05 if fault == "silent" else 5))
        assert UNSEEN not in shown(caught.value, pretty=fault == "403"), fault


@pytest.mark.parametrize("how", ["get", "post", "made", "delete", "raw"])
def test_a_failed_call_shows_no_token_in_any_frame(how):
    """Reading, writing, deleting, once there is a token."""
    for fault, fails in FAULTS.items():
        if (how, fault) in CAN_SUCCEED:
            continue
        with Peer(granting_and_then(fails)) as peer:
            server = server_of(peer.address, **LOGINS["approle"])
            more = ({"a": "b"},) if how in {"post", "made"} else ()
            server.keeper.token()
            deadline = soon(0.05 if fault == "silent" else 5)
            with contextlib.closing(server), pytest.raises(Error) as caught:
                getattr(server.root, how)("x", *more, deadline=deadline)
        assert UNSEEN not in shown(caught.value, pretty=fault == "403"), fault


def granting_and_then(fails):
    """Return the behaviour that lets in, and fails at all else."""

    def behave(sock, heard):
        if "/login" in heard.path:
            sock.sendall(answer(200, GRANTED))
            return True
        return fails(sock, heard)

    return behave


CAN_SUCCEED = {
    ("raw", "no token in it"),
    ("raw", "no JSON"),
    *((how, "no token in it") for how in ("get", "post", "made", "delete")),
}
"""A raw read takes any body, and an object may be without what a login needs."""


@pytest.mark.parametrize("method", ["probe", "ensure_authority"])
def test_a_failed_method_of_the_provider_shows_no_token_in_any_frame(method):
    """From the guard's call down to the socket."""
    with Peer(repeating(500)) as peer:
        context = provider_context("a1", clock=SystemClock())
        provider = ca_provider().open({"address": peer.address, "token": TOKEN}, context)
        base = {"request_id": "r", "deadline": soon(5)}
        asked = {
            "probe": ProbeRequest(**base),
            "ensure_authority": AuthorityRequest(
                **base, id="a1", key=KeySpec(), ttl=timedelta(days=1), trust_domain=TRUST_DOMAIN
            ),
        }
        with pytest.raises(Error) as caught:
            getattr(provider, method)(asked[method])
        provider.close()
    assert UNSEEN not in shown(caught.value)


@pytest.mark.parametrize("value", ["unseen\r\nX-Evil: 1", "unseen\x00", "unseen-tö"])
def test_a_spoiled_token_is_refused_and_not_shown(value):
    """What cannot be a header is the likeliest to be printed."""
    server = server_of("http://127.0.0.1:9", token=value)
    with pytest.raises(Error) as caught:
        server.root.get("x", deadline=soon())
    server.close()
    assert UNSEEN not in shown(caught.value)


@pytest.mark.parametrize("content", ["unseen two words", "unseen-\xff\xfe", "unseen\x00\n\nb"])
@pytest.mark.parametrize("key", ["token_file", "secret_id_file", "path"])
def test_a_spoiled_file_is_refused_and_not_shown(key, content, tmp_path):
    """Half a secret is one too."""
    file = tmp_path / "secret"
    file.write_bytes(content.encode("latin-1"))
    ways = {
        "token_file": {"token_file": str(file)},
        "secret_id_file": method("approle", role_id="unseen-role", secret_id_file=str(file)),
        "path": method("jwt", role="unseen-role", path=str(file)),
    }
    server = server_of("http://127.0.0.1:9", **ways[key])
    with pytest.raises(Error) as caught:
        server.root.get("x", deadline=soon())
    server.close()
    assert UNSEEN not in shown(caught.value)


def method(kind, **params):
    """Return the configuration of an auth method."""
    return {"auth_method": {"type": kind, "params": params}}


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("approle", {"secret_id": "unseen-secret"}),
        ("approle", {"role_id": "unseen-role", "secret_id_file": "/nowhere/secret"}),
        ("userpass", {"password": "unseen-password"}),
        ("jwt", {"jwt": "unseen-jwt"}),
        ("kubernetes", {"jwt": "unseen-jwt"}),
        ("aws", {"access_key": "unseen-key"}),
        ("aws", {"access_key": "unseen-key", "secret_key": "unseen\ud800"}),
        ("no such method", {"password": "unseen-password"}),
    ],
)
def test_a_missing_or_wrong_parameter_shows_none_of_the_others(kind, params):
    """The operator's first error is made with half of the secrets in hand."""
    with pytest.raises(Error) as caught:
        login_of(AuthMethod(type=kind, params=params))
    assert UNSEEN not in shown(caught.value)


def test_frames_that_hold_a_secret_are_seen():
    """These tests would notice: a plain text in a frame below them is shown."""
    with pytest.raises(http.client.InvalidURL) as caught:
        http.client.HTTPConnection(f"{UNSEEN}:nowhere")
    assert UNSEEN in shown(caught.value)


def test_no_library_logs_or_prints_a_request(caplog, capsys, monkeypatch):
    """Not even those that are told to, down to the debug level."""
    caplog.set_level(logging.DEBUG)
    for name in ("hvac", "urllib3", "http.client", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 2)
    with Peer(replying(answer(200, GRANTED), answer(200, {"data": {"a": TOKEN}}))) as peer:
        server = server_of(peer.address, **LOGINS["approle"])
        assert server.root.get("x", deadline=soon(5)) == {"a": TOKEN}
        server.close()
    said = capsys.readouterr()
    assert UNSEEN not in caplog.text + said.out + said.err
