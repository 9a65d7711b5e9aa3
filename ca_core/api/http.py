"""Requests and answers as values, so that handlers know neither ASGI nor Starlette."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from ca_core.acl.principal import Principal
from ca_core.errors import DeniedError, RequestError
from ca_core.wire.folding import folded

MAX_BODY = 1024 * 1024
"""Bytes a request body may have; the largest honest one is a CSR of a few kilobytes."""

MAX_ARGUMENTS = 100
"""Query parameters a request may have."""

JSON = "application/json"

StructT = TypeVar("StructT")
RawHeaders = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request after authentication; what may hold a secret is not in its repr.

    Attributes:
        method: upper case.
        path: decoded, without the query.
        query: the raw query string.
        headers: lower-case names; of a repeated header the last value.
        body: whole, at most ``MAX_BODY`` bytes.
        principal: who calls.
        remote: HOST:PORT of the other end; '' over a unix socket.
        params: the variable parts of the path.
        refusal: why its token is nobody's, on a ``late`` route; ``rooms.require`` raises it. The
            principal is nobody in particular then.
    """

    method: str
    path: str
    query: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    principal: Principal
    params: Mapping[str, str] = field(default_factory=dict)
    remote: str = ""
    refusal: DeniedError | None = None

    def arguments(self) -> dict[str, str]:
        """Return the query's parameters; of a repeated one the last value, a bare one as ''.

        Raises:
            RequestError: more than ``MAX_ARGUMENTS``.
        """
        return dict(self._pairs())

    def argument_list(self, name: str) -> tuple[str, ...]:
        """Return every value of a repeated parameter; ``a=x,y`` counts as two.

        Raises:
            RequestError: more than ``MAX_ARGUMENTS``.
        """
        return tuple(part for value in self.values(name) for part in value.split(",") if part)

    def values(self, name: str) -> tuple[str, ...]:
        """Return every value of a parameter, as given.

        Raises:
            RequestError: more than ``MAX_ARGUMENTS``.
        """
        return tuple(value for key, value in self._pairs() if key == name)

    def required(self, name: str) -> str:
        """Return a parameter that must be there, once, and not empty.

        Raises:
            RequestError: it is not.
        """
        found = self.values(name)
        if len(found) > 1:
            raise RequestError(f"query parameter {name!r} is there twice", field=name)
        if not any(found):
            raise RequestError(f"required query parameter {name!r} not set", field=name)
        return found[0]

    def _pairs(self) -> list[tuple[str, str]]:
        if not self.query:
            return []
        if self.query.count("&") >= MAX_ARGUMENTS:
            raise RequestError(f"more than {MAX_ARGUMENTS} parameters", field="query")
        return parse_qsl(self.query, keep_blank_values=True)

    def json(self, kind: type[StructT]) -> StructT:
        """Return the body as ``kind``, strictly: unknown fields and wrong types are refused.

        A field that is there twice is refused too: two readers might believe different ones.

        Raises:
            RequestError: not JSON, or not of that shape; names the place.
        """
        return decoded_body(self.body, kind)

    def json_in_any_case(self, kind: type[StructT]) -> StructT:
        """Return the body as ``json`` does; keys may be in any case, as Consul takes them.

        Raises:
            RequestError: as ``json``; or a key is there in two spellings.
        """
        return decoded_in_any_case(self.body, kind)


def decoded_body(body: bytes, kind: type[StructT]) -> StructT:
    """Return a body as ``Request.json`` does.

    Raises:
        RequestError: as that.
    """
    try:
        found = msgspec.json.decode(body, type=kind)
        json.loads(body, object_pairs_hook=_refuse_twice)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RequestError(f"Request decode failed: {error}", field="body") from None
    return found


def decoded_in_any_case(body: bytes, kind: type[StructT]) -> StructT:
    """Return a body as ``Request.json_in_any_case`` does.

    Raises:
        RequestError: as that.
    """
    plain = folded(decoded_body(body, dict[str, Any]), kind)
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise RequestError(f"Request decode failed: {error}", field="body") from None


def _refuse_twice(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"Object contains field `{twice[:40]}` twice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP answer: status, headers with lower-case names, body, which may hold a key.

    ``raw`` is what all headers are on the wire, if that was worked out already.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    content_type: str = JSON
    raw: RawHeaders | None = field(default=None, repr=False, compare=False)


def raw_headers(response: Response) -> RawHeaders:
    """Return the headers as they are sent, what they say of the body first."""
    if response.raw is not None:
        return response.raw
    found = [
        (b"content-type", response.content_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
    ]
    found += [
        (name.encode(), value.encode("latin-1", "replace"))
        for name, value in response.headers.items()
    ]
    return found


def often_given(response: Response) -> Response:
    """Return the same answer, ready to be given many times."""
    return replace(response, raw=raw_headers(response))


_encoder = msgspec.json.Encoder()


def encoded_json(value: Any) -> bytes:
    """Return ``value`` (Structs, or plain data) as JSON."""
    return _encoder.encode(value)


def json_response(
    value: Any, *, headers: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    """Return ``value`` (a Struct, or plain data) as JSON."""
    return Response(status=status, headers=headers or {}, body=encoded_json(value))


def text_response(
    text: str, *, content_type: str = "text/plain; charset=utf-8", status: int = 200
) -> Response:
    """Return text as it is."""
    return Response(status=status, body=text.encode(), content_type=content_type)


def flag(request: Request, name: str) -> bool:
    """Return a boolean query parameter; ``?pem`` without a value means true, absent means false.

    Raises:
        RequestError: the value is not a boolean.
    """
    value = request.arguments().get(name)
    if value is None:
        return False
    match value.lower():
        case "" | "1" | "t" | "true":
            return True
        case "0" | "f" | "false":
            return False
        case _:
            raise RequestError(f"the {name!r} query parameter must be a boolean value", field=name)
