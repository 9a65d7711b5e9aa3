"""The routes by which agents follow what they serve and decide by."""

from ca_core.api import crl_handlers, watch_handlers
from ca_core.api.route import Room, Route
from ca_core.wire.revocation import CrlsAnswer
from ca_core.wire.watch import WatchAnswer, WatchRequest

MOST_ASKED = 4 * 1024 * 1024
"""Bytes of a question: 900 KB of destinations, 500 KB of grants, and names of views."""

WATCH_ROUTES = (
    Route(
        method="POST",
        path="/v1/cluster/watch",
        room=Room.SERVER,
        handler=watch_handlers.watch,
        hot=True,
        reads=True,
        most=MOST_ASKED,
        accepts=WatchRequest,
        answers=WatchAnswer,
    ),
    Route(
        method="GET",
        path="/v1/cluster/crls",
        room=Room.SERVER,
        handler=crl_handlers.crls,
        answers=CrlsAnswer,
    ),
)
"""What is news; what was revoked."""
