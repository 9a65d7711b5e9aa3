"""Intentions and expectations in files, TOML or JSON.

A file of intentions is ``[[intentions]]`` tables with ``source`` and ``destination`` (``svc`` or
``ns/svc``), the rest in the words of the API in any case, with or without underscores. A list of
what the API answers is one too.
"""

import json
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from ca_core.errors import RequestError
from ca_core.intentions.decision import Default, Why
from ca_core.intentions.model import Intention, Name
from ca_core.intentions.naming import one_service, parsed_name
from ca_core.intentions.requests import HttpRequest
from ca_core.intentions.telling import request_of
from ca_core.intentions.validation import named_in, parsed_intention
from ca_core.wire.explanations import HttpRequestBody
from ca_core.wire.folding import folded
from ca_core.wire.intentions import IntentionRequest

ValueT = TypeVar("ValueT")

MOST_DEPTH = 16
"""Tables in tables."""

_FREE = frozenset({"meta", "headers"})
"""Tables whose keys are not ours."""


class ExpectationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table ``[[tests]]``; a request is meant if method, path or headers are there."""

    source: str
    destination: str
    expect: str
    method: str | None = None
    path: str | None = None
    headers: dict[str, str | list[str]] | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentionFile:
    """What a file says should be there; ``default`` is None where it does not say one."""

    intentions: tuple[Intention, ...]
    default: Default | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What somebody expects to be decided; ``request`` None is a connection."""

    name: str
    source: Name
    destination: Name
    request: HttpRequest | None
    allowed: bool


def parsed_intentions(text: str) -> IntentionFile:
    """Return what a file of intentions says, in its order.

    Raises:
        RequestError: neither TOML nor JSON, a rule is broken, or a pair is there twice; ``field``
            is the place, like ``intentions[2]``.
    """
    document = _document(text, "intentions")
    found = tuple(_each(document, "intentions", _intention))
    _require_once(found)
    return IntentionFile(intentions=found, default=_default(document.get("default")))


def parsed_expectations(text: str) -> tuple[Expectation, ...]:
    """Return the expectations of a file, in its order.

    Raises:
        RequestError: as ``parsed_intentions``; the place is like ``tests[2]``.
    """
    return tuple(_each(_document(text, "tests"), "tests", _expectation))


def named_default(word: str) -> Default:
    """Return the default intention policy of this word.

    Raises:
        RequestError: neither ``allow`` nor ``deny``.
    """
    return Default(_verdict(word, "default"), Why.DEFAULT)


def _document(text: str, key: str) -> dict[str, Any]:
    """Return the file as a table that holds nothing unknown; a bare list is its list ``key``."""
    found = _loaded(text)
    document = {key: found} if isinstance(found, list) else found
    if not isinstance(document, dict) or not isinstance(document.get(key), list):
        raise RequestError(f"the file holds no list of {key}", hint=f"begin one with [[{key}]]")
    unknown = sorted(document.keys() - {key, "default"})
    if unknown:
        raise RequestError("is not known here", field=str(unknown[0])[:80])
    return document


def _loaded(text: str) -> Any:
    bare = text.lstrip()
    try:
        if bare.startswith(("{", "[")) and not bare.startswith("[["):
            return json.loads(text, object_pairs_hook=_once)
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"is neither TOML nor JSON: {error}"[:300]) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _each(document: dict[str, Any], key: str, parsed: Callable[[Any], ValueT]) -> Iterator[ValueT]:
    for at, table in enumerate(document[key]):
        try:
            yield parsed(table)
        except RequestError as error:
            raise RequestError(str(error), field=f"{key}[{at}]", hint=error.hint) from None


def _intention(table: Any) -> Intention:
    plain = _plain(table)
    if not isinstance(plain, dict):
        raise RequestError("is no table")
    source = _short_name(plain, "source")
    destination = _short_name(plain, "destination")
    body = _converted(folded(plain, IntentionRequest), IntentionRequest)
    return parsed_intention(body, *named_in(body, source, destination))


def _short_name(table: dict[str, Any], key: str) -> Name | None:
    """Take ``source`` or ``destination`` out of a table."""
    text = table.pop(key, None)
    if text is None:
        return None
    if not isinstance(text, str):
        raise RequestError("is no text", field=key)
    return parsed_name(text, key)


def _plain(value: Any, depth: int = 0) -> Any:
    """Return the value with keys as the API has them, apart from their case."""
    if depth > MOST_DEPTH:
        raise RequestError("is nested too deeply")
    if isinstance(value, list):
        return [_plain(each, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key.replace("_", ""): each if key.casefold() in _FREE else _plain(each, depth + 1)
        for key, each in value.items()
    }


def _expectation(table: Any) -> Expectation:
    body = _converted(table, ExpectationBody)
    return Expectation(
        name=body.name,
        source=one_service(parsed_name(body.source, "source"), "source"),
        destination=one_service(parsed_name(body.destination, "destination"), "destination"),
        request=_request(body),
        allowed=_verdict(body.expect, "expect"),
    )


def _request(body: ExpectationBody) -> HttpRequest | None:
    if body.method is None and body.path is None and body.headers is None:
        return None
    return request_of(
        HttpRequestBody(
            method=body.method or "GET", path=body.path or "/", headers=body.headers or {}
        )
    )


def _converted(value: Any, kind: type[ValueT]) -> ValueT:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise RequestError(str(error)) from None


def _default(word: Any) -> Default | None:
    return None if word is None else named_default(word)


def _verdict(word: Any, field: str) -> bool:
    if word not in ("allow", "deny"):
        raise RequestError("must be 'allow' or 'deny'", field=field)
    return bool(word == "allow")


def _require_once(intentions: Iterable[Intention]) -> None:
    seen: set[tuple[Name, Name]] = set()
    for one in intentions:
        if (one.source, one.destination) in seen:
            raise RequestError(f"{one.source} => {one.destination} is there twice")
        seen.add((one.source, one.destination))
