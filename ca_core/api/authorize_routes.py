"""The routes of the authorizer."""

from ca_core.api import authorize_handlers
from ca_core.api.route import Room, Route, Standing
from ca_core.wire.authorize import AuthorizeAnswer, AuthorizeRequest

_NOTE = (
    "clients of other trust domains are denied, unless `authorize.foreign_trust_domains` says"
    " `allow`; `ClientCert` and `Request` are ours; `X-Ca-Core-Reason` repeats the reason"
)

AUTHORIZE_ROUTES = tuple(
    Route(
        method=method,
        path="/v1/agent/connect/authorize",
        room=Room.AGENT,
        handler=authorize_handlers.authorize,
        hot=True,
        late=True,
        standing=Standing.CORRECTED,
        note=_NOTE,
        accepts=AuthorizeRequest,
        answers=AuthorizeAnswer,
    )
    for method in ("POST", "PUT")
)
"""Authorize, by both methods that clients use."""
