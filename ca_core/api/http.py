"""Requests and answers as values, so that handlers know neither ASGI nor Starlette."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from ca_core.acl.principal import Principal
from ca_core.errors import RequestError

MAX_BODY = 1024 * 1024
"""Bytes a request body may have; the largest honest one is a CSR of a few kilobytes."""

JSON = "application/json"

StructT = TypeVar("StructT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request after authentication.

    Attributes:
        method: upper case.
        path: decoded, without the query.
        query: the raw query string.
        headers: lower-case names; of a repeated header the last value.
        body: whole, at most ``MAX_BODY`` bytes.
        principal: who calls.
        params: the variable parts of the path.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    principal: Principal
    params: Mapping[str, str] = field(default_factory=dict)

    def arguments(self) -> dict[str, str]:
        """Return the query's parameters; of a repeated one the last value, a bare one as ''."""
        if not self.query:
            return {}
        return dict(parse_qsl(self.query, keep_blank_values=True, max_num_fields=100))

    def argument_list(self, name: str) -> tuple[str, ...]:
        """Return every value of a repeated parameter; ``a=x,y`` counts as two."""
        if not self.query:
            return ()
        pairs = parse_qsl(self.query, keep_blank_values=True, max_num_fields=100)
        values = (value for key, value in pairs if key == name)
        return tuple(part for value in values for part in value.split(",") if part)

    def json(self, kind: type[StructT]) -> StructT:
        """Return the body as ``kind``, strictly: unknown fields and wrong types are refused.

        Raises:
            RequestError: not JSON, or not of that shape; names the place.
        """
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise RequestError(f"Request decode failed: {error}", field="body") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP answer: status, headers with lower-case names, body."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    content_type: str = JSON


_encoder = msgspec.json.Encoder()


def json_response(
    value: Any, *, headers: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    """Return ``value`` (a Struct, or plain data) as JSON."""
    return Response(status=status, headers=headers or {}, body=_encoder.encode(value))


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
