"""Every answer of the server becomes the error that says who must act, and no error a secret."""

import json
import traceback
from datetime import timedelta

import pytest
from ca_provider_vault.client import (
    AbsentError,
    PooledAdapter,
    RefusedError,
    UnmountedError,
    client_of,
    raise_for,
)
from ca_provider_vault.config import VaultConfig
from ca_provider_vault.transport import Answer, Transport
from hypothesis import given
from hypothesis import strategies as st

from ca_core.contract import (
    Error,
    OutcomeUnknownError,
    PermissionDeniedError,
    ProviderError,
    RateLimitedError,
    Secret,
    UnavailableError,
)
from tests.unit.providers.vault.peer import Peer, answer, cutting, replying

PASSWORD = "hunter2-hunter2"
TOKEN = "s.VerySecretToken0123456789"
PATH = "/v1/pki/issuer/x"


def errors(*sentences: str) -> bytes:
    """Return a body of the server with these sentences."""
    return json.dumps({"errors": list(sentences)}).encode()


def raised(status: int, body: bytes = b"", method: str = "POST", path: str = PATH, **headers: str):
    """Return the error of an answer."""
    with pytest.raises(Error) as caught:
        raise_for(method, path, Answer(status, headers, body))
    return caught.value


@pytest.fixture
def adapter():
    """Return a function that makes an adapter to a peer."""
    made = []

    def to(peer: Peer, namespace: str = "", seconds: float = 5) -> PooledAdapter:
        made.append(Transport(VaultConfig(address=peer.address)))
        return PooledAdapter(made[-1], token=Secret(TOKEN), namespace=namespace, seconds=seconds)

    yield to
    for each in made:
        each.close()


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_good_answer_raises_nothing(status):
    """Success has several numbers."""
    assert raise_for("POST", PATH, Answer(status, {}, b"")) is None


@pytest.mark.parametrize(
    ("status", "method", "kind"),
    [
        (400, "POST", RefusedError),
        (403, "POST", PermissionDeniedError),
        (404, "GET", AbsentError),
        (405, "POST", ProviderError),
        (412, "POST", UnavailableError),
        (429, "POST", RateLimitedError),
        (500, "POST", UnavailableError),
        (502, "GET", UnavailableError),
        (502, "POST", OutcomeUnknownError),
        (504, "GET", UnavailableError),
        (504, "POST", OutcomeUnknownError),
        (503, "POST", UnavailableError),
        (307, "POST", UnavailableError),
        (472, "GET", UnavailableError),
        (473, "GET", UnavailableError),
    ],
)
def test_a_status_has_one_error(status, method, kind):
    """The table of statuses, line by line, whatever the body is."""
    for body in (b"", b"{", b"<html>", b"[]", b'{"errors": null}', errors("a reason")):
        assert type(raised(status, body, method)) is kind


@given(status=st.integers(min_value=300, max_value=999), body=st.binary(max_size=50))
def test_no_answer_raises_anything_else(status, body):
    """Whatever a server says, the error is one of ours."""
    assert isinstance(raised(status, body), Error)


def test_a_refusal_names_path_and_capability():
    """An operator can write the missing line of the policy."""
    assert raised(403, method="LIST").needed == ("pki/issuer/x: list",)
    assert raised(403, method="POST").needed == ("pki/issuer/x: update",)


def test_a_refused_request_keeps_the_servers_reasons():
    """The provider decides by them."""
    assert raised(400, errors("issuer name already in use")).reasons == (
        "issuer name already in use",
    )


def test_an_issuer_that_is_not_there_is_absent_though_the_server_says_500():
    """The server has no better status for it."""
    sentence = "1 error occurred:\n\t* unable to find PKI issuer for reference: nope\n\n"
    assert isinstance(raised(500, errors(sentence)), AbsentError)


def test_a_token_too_old_to_be_renewed_is_a_refusal_though_the_server_says_500():
    """Nothing is wrong with the server: a new login helps."""
    sentence = "1 error occurred:\n\t* past the max TTL, cannot renew\n\n"
    assert isinstance(raised(500, errors(sentence)), RefusedError)


def test_a_path_without_mount_is_told_from_one_without_content():
    """A mount can be made; content is the caller's business."""
    sentence = 'no handler for route "nope/issuer/x". route entry not found.'
    assert isinstance(raised(404, errors(sentence), "GET"), UnmountedError)
    assert not isinstance(raised(404, errors(), "LIST"), UnmountedError)


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7), ("86400", 3600), ("soon", 1), ("", 1), ("-1", 1), ("²", 1)]
)
def test_a_limit_says_when_to_come_again(text, seconds):
    """Retry-After is obeyed up to an hour; without one it is a second."""
    found = raised(429, **{"retry-after": text})
    assert found.retry_after == timedelta(seconds=seconds)


def test_a_standby_says_429_of_its_health():
    """It is no limit there."""
    assert type(raised(429, path="/v1/sys/health?x=1", method="GET")) is UnavailableError


def test_token_and_namespace_travel_as_headers(adapter):
    """Nothing of them is in the path."""
    with Peer(replying(answer(200, {"data": {}}))) as peer:
        adapter(peer, "team/a").get("pki/ca")
        heard = peer.heard[0]
    assert heard.path == "/v1/pki/ca"
    assert heard.headers["x-vault-token"] == TOKEN
    assert heard.headers["x-vault-namespace"] == "team/a"
    assert heard.headers["x-vault-request"] == "true"


def test_hvac_speaks_through_the_adapter(adapter):
    """Its methods get our transport and our errors."""
    with Peer(replying(answer(200, {"data": {"keys": ["a"]}}))) as peer:
        found = client_of(adapter(peer)).secrets.pki.list_issuers()
        assert found["data"]["keys"] == ["a"]
        assert peer.heard[0].method == "LIST"


def test_half_the_json_of_a_write_leaves_its_outcome_unknown(adapter):
    """It was done, but what it made is not known."""
    with Peer(replying(answer(200, b'{"data": {"cert'))) as peer:
        with pytest.raises(OutcomeUnknownError):
            adapter(peer).post("pki/sign", json={})
        with pytest.raises(ProviderError, match="not whole") as caught:
            adapter(peer).get("pki/sign")
        assert not isinstance(caught.value, OutcomeUnknownError)


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b"[" * 100_000])
def test_json_that_is_no_object_is_the_backends_fault(adapter, body):
    """Nothing foreign escapes, however odd the answer."""
    with Peer(replying(answer(200, body))) as peer, pytest.raises(ProviderError):
        adapter(peer).get("pki/x")


def test_an_answer_without_body_is_empty(adapter):
    """Many writes answer 204."""
    with Peer(replying(answer(204))) as peer:
        assert adapter(peer).post("pki/x", json={}) == {}


@pytest.mark.parametrize("status", [400, 403, 404, 412, 418, 429, 500, 502, 503, 504])
def test_a_token_that_the_server_repeats_is_in_no_error(adapter, status):
    """Errors go to logs, and a server (or what stands before it) may quote what it was sent."""
    said = errors(f"bad token {TOKEN}", f"password {PASSWORD} of {TOKEN}")
    with Peer(replying(answer(status, said))) as peer, pytest.raises(Error) as caught:
        adapter(peer).post("auth/x/login", json={"password": PASSWORD})
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert TOKEN not in shown
    assert PASSWORD not in shown


def test_no_failure_shows_the_token_or_an_answer(adapter):
    """Neither the error nor its causes hold what was sent or received."""
    login = b'{"auth": {"client_token": "' + TOKEN.encode()
    for behave in (cutting, replying(answer(200, login)), replying(login + b"\r\n")):
        with Peer(behave) as peer:
            made = adapter(peer)
            with pytest.raises(ProviderError) as caught:
                made.post("auth/x/login", json={"password": TOKEN})
            assert TOKEN not in repr(made)
        error: BaseException | None = caught.value
        while error is not None:
            assert TOKEN not in f"{error!r} {vars(error)}"
            error = error.__cause__ or error.__context__
