"""The routes of intentions: who may talk to whom."""

from ca_core.api import intention_handlers, intention_id_handlers
from ca_core.api.route import INDEX, WAIT, Parameter, Room, Route, Standing
from ca_core.wire.intentions import (
    IntentionAnswer,
    IntentionCheck,
    IntentionCreated,
    IntentionRequest,
)

_ALL = "/v1/connect/intentions"
_EXACT = f"{_ALL}/exact"
_ID = f"{_ALL}/{{id}}"

_SOURCE = Parameter("source", "who connects: `svc`, `ns/svc` or `*`")
_DESTINATION = Parameter("destination", "to whom: `svc`, `ns/svc` or `*`")
_CAS = Parameter("cas", "write only if its ModifyIndex is this one, 0 if there is none; else 409")

INTENTION_ROUTES = (
    Route(
        method="GET",
        path=_ALL,
        room=Room.SERVER,
        handler=intention_handlers.listed,
        standing=Standing.CORRECTED,
        note="`filter` gets 400: a list that is not filtered would mislead",
        parameters=(INDEX, WAIT),
        answers=list[IntentionAnswer],
    ),
    Route(
        method="POST",
        path=_ALL,
        room=Room.SERVER,
        handler=intention_id_handlers.create,
        standing=Standing.CORRECTED,
        note="400 for what is wrong, 409 for a pair that has one already (Consul: 500)",
        accepts=IntentionRequest,
        answers=IntentionCreated,
    ),
    Route(
        method="GET",
        path=_EXACT,
        room=Room.SERVER,
        handler=intention_handlers.one,
        standing=Standing.CORRECTED,
        note="peers and other partitions get 400",
        parameters=(_SOURCE, _DESTINATION, INDEX, WAIT),
        answers=IntentionAnswer,
    ),
    Route(
        method="PUT",
        path=_EXACT,
        room=Room.SERVER,
        handler=intention_handlers.put,
        standing=Standing.CORRECTED,
        note=(
            "400 with the field for what is wrong (Consul: 500); `Meta` belongs to the intention,"
            " and stays where the body has none; `Observe` counts and does not enforce; the same"
            " again writes nothing"
        ),
        parameters=(_SOURCE, _DESTINATION, _CAS),
        accepts=IntentionRequest,
        answers=bool,
    ),
    Route(
        method="DELETE",
        path=_EXACT,
        room=Room.SERVER,
        handler=intention_handlers.delete,
        standing=Standing.CORRECTED,
        note="peers and other partitions get 400",
        parameters=(_SOURCE, _DESTINATION, _CAS),
        answers=bool,
    ),
    Route(
        method="GET",
        path=f"{_ALL}/match",
        room=Room.SERVER,
        handler=intention_handlers.match,
        standing=Standing.CORRECTED,
        note="400 for what is missing or wrong (Consul: 500); a name without any has `[]`",
        parameters=(
            Parameter("by", "`source` or `destination`"),
            Parameter("name", "whose; repeatable, answered as it is written"),
            INDEX,
            WAIT,
        ),
        answers=dict[str, list[IntentionAnswer]],
    ),
    Route(
        method="GET",
        path=f"{_ALL}/check",
        room=Room.SERVER,
        handler=intention_handlers.check,
        standing=Standing.CORRECTED,
        note=(
            "400 for what is missing or wrong (Consul: 500), and for wildcards;"
            " `X-Ca-Core-Reason` says why"
        ),
        parameters=(_SOURCE, _DESTINATION, Parameter("source-type", "`consul`")),
        answers=IntentionCheck,
    ),
    Route(
        method="GET",
        path=_ID,
        room=Room.SERVER,
        handler=intention_id_handlers.one,
        standing=Standing.SAME,
        parameters=(INDEX, WAIT),
        answers=IntentionAnswer,
    ),
    Route(
        method="PUT",
        path=_ID,
        room=Room.SERVER,
        handler=intention_id_handlers.put,
        standing=Standing.CORRECTED,
        note="an unknown id gets 404 (Consul: 500); names that the body leaves out stay",
        accepts=IntentionRequest,
        answers=IntentionCreated,
    ),
    Route(
        method="DELETE",
        path=_ID,
        room=Room.SERVER,
        handler=intention_id_handlers.delete,
        standing=Standing.CORRECTED,
        note="an unknown id gets 404 (Consul: 500)",
        answers=bool,
    ),
)
"""Intentions by name, by id, matched and checked."""
