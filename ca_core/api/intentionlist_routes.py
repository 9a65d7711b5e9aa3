"""The routes by which agents learn what they decide by."""

from ca_core.api import crl_handlers, intentionlists
from ca_core.api.route import Room, Route
from ca_core.wire.intentionlists import ListsAnswer, ListsRequest
from ca_core.wire.revocation import CrlsAnswer

INTENTION_LIST_ROUTES = (
    Route(
        method="POST",
        path="/v1/cluster/intentions",
        room=Room.SERVER,
        handler=intentionlists.lists,
        hot=True,
        reads=True,
        accepts=ListsRequest,
        answers=ListsAnswer,
    ),
    Route(
        method="GET",
        path="/v1/cluster/crls",
        room=Room.SERVER,
        handler=crl_handlers.crls,
        answers=CrlsAnswer,
    ),
)
"""Lists of intentions, by destination; what was revoked."""
