"""The routes of changes of who signs."""

from typing import Any

from ca_core.api import (
    change_handlers,
    consul_configuration,
    leftover_handlers,
    operation_handlers,
    plan_handlers,
    revoke_handlers,
)
from ca_core.api.route import INDEX, WAIT, Parameter, Room, Route, Standing
from ca_core.wire.leftovers import AbandonRequest, LeftoverAnswer
from ca_core.wire.operations import (
    ChangeRequest,
    OperationAnswer,
    PlanAnswer,
    TaintRequest,
    WishesRequest,
)
from ca_core.wire.revocation import RevokedLeaf, RevokeLeaf

_PATIENCE = Parameter("wait", "how long to wait for the operation, like `10s`; 1m at most")
_ID = "/v1/connect/ca/operations/{id}"


def _changing(name: str, handler: Any, accepts: Any) -> Route:
    """Return a route that begins an operation."""
    return Route(
        method="PUT",
        path=f"/v1/connect/ca/{name}",
        room=Room.SERVER,
        handler=handler,
        parameters=(_PATIENCE,),
        accepts=accepts,
        answers=OperationAnswer,
    )


CHANGE_ROUTES = (
    Route(
        method="PUT",
        path="/v1/connect/ca/configuration",
        room=Room.SERVER,
        handler=consul_configuration.put_configuration,
        standing=Standing.CORRECTED,
        note=(
            "begins an operation and answers 200 once it is active, 202 with its `Location` after a"
            " minute, 409 while another one is open; the same again is no change; what `GET` gave"
            " may be sent back, secrets as their `<hidden:ID>`"
        ),
        parameters=(_PATIENCE,),
        accepts=consul_configuration.ConfigurationRequest,
    ),
    Route(
        method="POST",
        path="/v1/connect/ca/plan",
        room=Room.SERVER,
        handler=plan_handlers.planned,
        accepts=ChangeRequest,
        answers=PlanAnswer,
    ),
    _changing("apply", change_handlers.apply, ChangeRequest),
    _changing("rotate", change_handlers.rotate, WishesRequest),
    _changing("renew", change_handlers.renew, WishesRequest),
    _changing("taint", change_handlers.taint, TaintRequest),
    Route(
        method="PUT",
        path="/v1/connect/ca/abandon",
        room=Room.SERVER,
        handler=leftover_handlers.abandon,
        accepts=AbandonRequest,
        answers=LeftoverAnswer,
    ),
    Route(
        method="PUT",
        path="/v1/connect/ca/revoke",
        room=Room.SERVER,
        handler=revoke_handlers.revoke,
        note="Consul has no revocation",
        accepts=RevokeLeaf,
        answers=RevokedLeaf,
    ),
    Route(
        method="GET",
        path="/v1/connect/ca/operations",
        room=Room.SERVER,
        handler=operation_handlers.listed,
        parameters=(INDEX, WAIT),
        answers=list[OperationAnswer],
    ),
    Route(
        method="GET",
        path=_ID,
        room=Room.SERVER,
        handler=operation_handlers.one,
        parameters=(INDEX, WAIT),
        answers=OperationAnswer,
    ),
    Route(
        method="PUT",
        path=f"{_ID}/abort",
        room=Room.SERVER,
        handler=operation_handlers.abort,
        answers=OperationAnswer,
    ),
    Route(
        method="PUT",
        path=f"{_ID}/rollback",
        room=Room.SERVER,
        handler=operation_handlers.roll_back,
        answers=OperationAnswer,
    ),
)
"""Everything that begins, shows or ends an operation."""
