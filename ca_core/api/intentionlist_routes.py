"""The route by which intentions reach agents."""

from ca_core.api import intentionlists
from ca_core.api.route import Room, Route
from ca_core.wire.intentionlists import ListsAnswer, ListsRequest

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
)
"""Lists of intentions, by destination."""
