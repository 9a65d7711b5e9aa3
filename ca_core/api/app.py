"""Composition: routes bound to rooms, the lane in front, the framework behind."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import version

import msgspec

from ca_core.api.framework import framework_app
from ca_core.api.lane import Answering, BoundRoute, Lane
from ca_core.api.openapi import openapi_document
from ca_core.api.requesttokens import NO_TOKENS, TokenLookup
from ca_core.api.rooms import ProcessRoom
from ca_core.api.routes import PROCESS_ROUTES, ROUTES, Route
from ca_core.clock import Clock
from ca_core.identity.spiffe import TrustDomain


def bound(routes: Iterable[Route], room: object) -> tuple[BoundRoute, ...]:
    """Return routes with their handlers bound to the room they work in."""
    return tuple(BoundRoute(route, partial(route.handler, room)) for route in routes)


def process_app(
    routes: Iterable[BoundRoute],
    about: ProcessRoom,
    trust_domain: Callable[[], TrustDomain | None],
    clock: Clock,
    tokens: TokenLookup = NO_TOKENS,
) -> Lane:
    """Return the application of one process: ``routes``, and what every process answers.

    Of two routes with one method and path the later one counts.
    """
    own = tuple({(one.route.method, one.route.path): one for one in routes}.values())
    described = (*(entry.route for entry in own), *PROCESS_ROUTES)
    process = replace(about, openapi=cache(partial(openapi_bytes, described)))
    everything = (*own, *bound(PROCESS_ROUTES, process))
    answering = Answering(trust_domain, about.metrics, clock, tokens)
    hot = [entry for entry in everything if entry.route.hot]
    return Lane(hot, answering, framework_app(everything, answering, ROUTES, about.server))


def openapi_bytes(routes: Iterable[Route]) -> bytes:
    """Return the OpenAPI document of ``routes`` as JSON."""
    return msgspec.json.encode(openapi_document(routes, version("ca-core")))
