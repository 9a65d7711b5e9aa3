"""The route that shows what an agent remembers."""

from ca_core.api import cache_handlers
from ca_core.api.route import Parameter, Room, Route
from ca_core.wire.agentcache import CacheAnswer

CACHE_ROUTES = (
    Route(
        method="GET",
        path="/v1/agent/cache",
        room=Room.AGENT,
        handler=cache_handlers.remembered,
        parameters=(
            Parameter("kind", "roots, leaf, intentions, upstreams or catalog; repeatable"),
            Parameter("limit", "entries that are answered; 100 by default"),
        ),
        answers=CacheAnswer,
    ),
)
"""One route."""
