"""The routes that explain decisions, and what changes of intentions would do."""

from ca_core.api import explain_handlers
from ca_core.api.route import Parameter, Room, Route
from ca_core.wire.comparisons import DiffAnswer, DiffRequest
from ca_core.wire.explanations import ExplainRequest, ExplanationAnswer
from ca_core.wire.observations import ObservedAnswer

_ALL = "/v1/connect/intentions"

EXPLAIN_ROUTES = (
    Route(
        method="GET",
        path=f"{_ALL}/explain",
        room=Room.SERVER,
        handler=explain_handlers.explained,
        parameters=(
            Parameter("source", "who connects: `svc` or `ns/svc`"),
            Parameter("destination", "to whom: `svc` or `ns/svc`"),
            Parameter("method", "of a request; GET if only a path or a header is given"),
            Parameter("path", "of a request, as it is sent; / unless given"),
            Parameter("header", "of a request, `name: value`; repeatable"),
        ),
        answers=ExplanationAnswer,
    ),
    Route(
        method="POST",
        path=f"{_ALL}/explain",
        room=Room.SERVER,
        handler=explain_handlers.explained_body,
        accepts=ExplainRequest,
        answers=ExplanationAnswer,
    ),
    Route(
        method="POST",
        path=f"{_ALL}/diff",
        room=Room.SERVER,
        handler=explain_handlers.diff,
        accepts=DiffRequest,
        answers=DiffAnswer,
    ),
    Route(
        method="GET",
        path=f"{_ALL}/observed",
        room=Room.SERVER,
        handler=explain_handlers.observed,
        answers=ObservedAnswer,
    ),
)
"""Why, what if, and what would be."""
