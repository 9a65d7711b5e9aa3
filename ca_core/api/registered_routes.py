"""The route by which agents say what runs on their nodes."""

from ca_core.api import registered_handlers
from ca_core.api.route import Room, Route
from ca_core.wire.registered import RegisteredAnswer, RegisteredState

REGISTERED_ROUTES = (
    Route(
        method="PUT",
        path="/v1/cluster/registered",
        room=Room.SERVER,
        handler=registered_handlers.registered,
        hot=True,
        accepts=RegisteredState,
        answers=RegisteredAnswer,
    ),
)
