"""Reading queries, flags and bodies."""

import contextlib
import dataclasses
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.acl.principal import Anonymous
from ca_core.api.http import (
    MAX_ARGUMENTS,
    Request,
    Response,
    flag,
    json_response,
    often_given,
    raw_headers,
    text_response,
)
from ca_core.errors import RequestError
from ca_core.wire.cluster import JoinTokenRequest
from tests.unit.api.asking import asking

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


class Nested(msgspec.Struct, forbid_unknown_fields=True):
    """A body with depth."""

    inner: dict[str, int]


@given(st.dictionaries(NAMES, NAMES, max_size=9))
def test_a_query_is_read_as_it_was_written(arguments):
    """What a client encodes is what the handler sees, whatever the characters."""
    assert asking(urlencode(arguments)).arguments() == arguments


@given(st.text(max_size=60))
def test_any_query_is_read_or_refused(query):
    """No text makes the parser fail in another way than by refusing."""
    found = asking(query).arguments()
    assert all(isinstance(value, str) for value in found.values())


def test_a_bare_parameter_is_empty_and_the_last_of_several_counts():
    """``?pem`` is '', and of ``?a=1&a=2`` the 2 counts."""
    assert asking("pem&a=1&a=2").arguments() == {"pem": "", "a": "2"}


def test_a_list_takes_repeats_and_commas():
    """``a=x,y&a=z`` are three; empty parts are none."""
    request = asking("a=x,y&b=w&a=z&a=,&a")
    assert request.argument_list("a") == ("x", "y", "z")
    assert request.argument_list("c") == ()


def test_too_many_parameters_are_refused():
    """The limit itself passes; one more is a refusal, not a crash."""
    most = "&".join(f"p{n}=1" for n in range(MAX_ARGUMENTS))
    assert len(asking(most).arguments()) == MAX_ARGUMENTS
    for read in (lambda r: r.arguments(), lambda r: r.argument_list("p1")):
        with pytest.raises(RequestError, match=str(MAX_ARGUMENTS)):
            read(asking(f"{most}&q=1"))


@pytest.mark.parametrize(
    ("query", "meaning"),
    [
        *(("", False), ("pem", True), ("pem=", True), ("pem=true", True), ("pem=TRUE", True)),
        *(("pem=1", True), ("pem=t", True), ("pem=false", False), ("pem=0", False)),
        *(("pem=f", False), ("pem=maybe&pem=1", True)),
    ],
)
def test_a_flag_reads_what_go_reads(query, meaning):
    """Consul's clients write booleans as Go does; a bare name means true."""
    assert flag(asking(query), "pem") is meaning


@pytest.mark.parametrize("text", ["maybe", "yes", "2", "tru", " "])
def test_a_flag_refuses_what_is_no_boolean(text):
    """The refusal names the parameter."""
    with pytest.raises(RequestError, match="pem") as refusal:
        flag(asking(urlencode({"pem": text})), "pem")
    assert refusal.value.field == "pem"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"inner": {"a": 1}, "inner": {"a": 2}}', "`inner` twice"),
        (b'{"inner": {"a": 1, "a": 2}}', "`a` twice"),
        (b'{"inner": {"a": 1}, "other": 1}', "other"),
        (b'{"inner": {"a": "1"}}', r"inner\[...\]"),
        (b'{"inner": {"a": 1}} x', "trailing"),
        (b"", "truncated"),
        (b"null", "null"),
        (b"\xff", "body"),
        (b"[" * 100_000, "body"),
    ],
)
def test_a_body_is_read_strictly(body, said):
    """Unknown, repeated and ill-typed fields are refused, at every depth, with their place."""
    with pytest.raises(RequestError, match=said) as refusal:
        asking(body=body).json(Nested)
    assert refusal.value.field == "body"


@given(st.binary(max_size=80))
def test_any_body_is_read_or_refused(body):
    """No bytes make the reader fail in another way than by refusing."""
    with contextlib.suppress(RequestError):
        assert asking(body=body).json(JoinTokenRequest).node is not None


@given(st.dictionaries(NAMES, st.integers(0, 2**60), max_size=5))
def test_a_good_body_is_read_as_it_was_written(inner):
    """Strictness costs no honest body."""
    body = msgspec.json.encode(Nested(inner=inner))
    assert asking(body=body).json(Nested) == Nested(inner=inner)


def test_answers_say_what_they_are():
    """JSON and text carry their types; JSON is compact, as Consul's is."""
    assert json_response({"a": [1]}).body == b'{"a":[1]}'
    assert json_response({}).content_type == "application/json"
    assert text_response("é").body == "é".encode()


def test_neither_request_nor_answer_shows_a_secret():
    """Tokens stand in headers, URLs and bodies; keys and new tokens in answers."""
    secret = "7754fafe-6442-7fb3-1a8a-1b57bc43b336"
    asked = Request(
        method="PUT",
        path="/",
        query=f"token={secret}",
        headers={"x-consul-token": secret},
        body=secret.encode(),
        principal=Anonymous(),
    )
    assert secret not in f"{asked!r} {Response(body=secret.encode())!r}"


def test_an_answer_that_is_given_often_says_the_same():
    """Headers that were worked out before are those that would be."""
    plain = text_response("né", status=404)
    plain = dataclasses.replace(plain, headers={"x-note": "ä\N{SNOWMAN}", "age": "0"})
    ready = often_given(plain)
    assert raw_headers(ready) is ready.raw
    assert raw_headers(ready) == raw_headers(plain)
    assert raw_headers(plain) == [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"3"),
        (b"x-note", b"\xe4?"),
        (b"age", b"0"),
    ]
    assert ready == plain
