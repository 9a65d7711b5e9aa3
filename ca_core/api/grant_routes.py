"""The routes by which agents use tokens."""

from ca_core.api import grant_handlers
from ca_core.api.route import Room, Route
from ca_core.wire.grants import Granted, GrantRequest

GRANT_ROUTES = (
    Route(
        method="POST",
        path="/v1/cluster/grant",
        room=Room.SERVER,
        handler=grant_handlers.grant,
        accepts=GrantRequest,
        answers=Granted,
    ),
)
"""A secret for a grant; what becomes of grants is told to those who watch."""
