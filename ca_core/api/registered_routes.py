"""The route by which agents say what runs on their nodes."""

from ca_core.api import registered_handlers
from ca_core.api.route import Room, Route
from ca_core.catalog.bounds import MOST_SERVICES, MOST_STATE
from ca_core.wire.registered import RegisteredAnswer, RegisteredState

MOST_REGISTERED = MOST_STATE + MOST_SERVICES * 2048
"""Bytes of a body: everything at one agent, and a grant for each of its services."""

REGISTERED_ROUTES = (
    Route(
        method="PUT",
        path="/v1/cluster/registered",
        room=Room.SERVER,
        handler=registered_handlers.registered,
        hot=True,
        most=MOST_REGISTERED,
        accepts=RegisteredState,
        answers=RegisteredAnswer,
    ),
)
