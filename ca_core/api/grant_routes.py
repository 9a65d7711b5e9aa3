"""The routes by which agents use tokens."""

from ca_core.api import grant_handlers
from ca_core.api.route import Room, Route
from ca_core.wire.grants import Granted, GrantRequest, GrantsAnswer, GrantsRequest

GRANT_ROUTES = (
    Route(
        method="POST",
        path="/v1/cluster/grant",
        room=Room.SERVER,
        handler=grant_handlers.grant,
        accepts=GrantRequest,
        answers=Granted,
    ),
    Route(
        method="POST",
        path="/v1/cluster/grants",
        room=Room.SERVER,
        handler=grant_handlers.grants,
        hot=True,
        reads=True,
        accepts=GrantsRequest,
        answers=GrantsAnswer,
    ),
)
"""A secret for a grant, and what became of grants."""
