"""Headers of what the agent answers from memory, as they are on the wire, made once and reused.

A hot answer is given thousands of times while nothing that its headers say has changed.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache

from ca_core.agent.leafanswer import LeafAnswer
from ca_core.agent.upstream import RootsAnswer
from ca_core.api.http import RawHeaders, Response, often_given, raw_headers

REMEMBERED = 1024
"""Sets of headers that are kept; an age in seconds makes them others soon."""
REMEMBERED_ROOTS = 16
"""Answers for roots that are kept whole: nothing in them is a secret."""

Heads = tuple[Mapping[str, str], RawHeaders]

_SECOND, _MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)


def roots_response(answer: RootsAnswer, body: bytes) -> Response:
    """Return the answer for the roots, encoded as ``body``."""
    age = answer.age // _MILLISECOND if answer.age else 0
    return _roots_told(body, answer.index, answer.hit, age, answer.known_leader)


def leaf_response(answer: LeafAnswer) -> Response:
    """Return the answer for a leaf; nobody on its way may keep it."""
    headers, raw = _leaf_heads(
        len(answer.body), answer.index, answer.hit, answer.age // _SECOND, answer.failure
    )
    return Response(headers=headers, body=answer.body, raw=raw)


@lru_cache(maxsize=REMEMBERED_ROOTS)
def _roots_told(
    body: bytes,
    index: int,
    hit: bool,  # noqa: FBT001 - the cache's key
    milliseconds: int,
    known_leader: bool,  # noqa: FBT001 - the cache's key
) -> Response:
    headers = _cache_headers(index, milliseconds // 1000, hit=hit)
    headers["x-consul-knownleader"] = "true" if known_leader else "false"
    headers["x-consul-lastcontact"] = str(milliseconds)
    return often_given(Response(headers=headers, body=body))


@lru_cache(maxsize=REMEMBERED)
def _leaf_heads(
    length: int,
    index: int,
    hit: bool,  # noqa: FBT001 - as the line above
    seconds: int,
    failure: str,
) -> Heads:
    headers = _cache_headers(index, seconds, hit=hit)
    headers["cache-control"] = "no-store"
    if failure:
        headers["x-ca-core-renewal-failure"] = _one_line(failure)
    return _heads(headers, length)


def _heads(headers: dict[str, str], length: int) -> Heads:
    return headers, raw_headers(Response(headers=headers, body=bytes(length)))


def _cache_headers(index: int, age: int, *, hit: bool) -> dict[str, str]:
    headers = {"x-consul-index": str(max(1, index)), "x-cache": "HIT" if hit else "MISS"}
    if hit:
        headers["age"] = str(age)
    return headers


def _one_line(text: str) -> str:
    """Return text that may stand in a header: printable, short, one line."""
    return "".join(char if char.isprintable() else " " for char in text)[:200]
