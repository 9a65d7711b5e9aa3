"""What a route is: one method on one path, whose it is, and how it stands to Consul's."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ca_core.api.http import MAX_BODY, Request, Response


class Room(StrEnum):
    """Whose route it is: which object the handler gets."""

    SERVER = "server"
    AGENT = "agent"
    PROCESS = "process"


class Standing(StrEnum):
    """How a route stands to Consul's."""

    SAME = "same"
    CORRECTED = "corrected"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter, as OpenAPI shows it."""

    name: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path.

    Attributes:
        path: with ``{name}`` for variable parts.
        handler: ``(room, request) -> Response``; its docstring's first line is the summary.
        hot: served on the lane in front of the framework; the path may end in one variable part.
        open: needs no right; a token that is sent with it is not looked at.
        late: an unknown token is refused where the handler asks for a right, not before: what is
            wrong with the request itself is told first, as Consul does here.
        reads: changes nothing although it is no GET, so that it ends with its client.
        most: bytes that the body may have; ``MAX_BODY`` at most without a client certificate.
        standing: same, corrected or ours; ``note`` says what was corrected.
        accepts, answers: the JSON types of request and answer, or None.
    """

    method: str
    path: str
    room: Room
    handler: Callable[[Any, Request], Awaitable[Response]]
    hot: bool = False
    open: bool = False
    late: bool = False
    reads: bool = False
    most: int = MAX_BODY
    standing: Standing = Standing.OURS
    note: str = ""
    parameters: tuple[Parameter, ...] = ()
    accepts: Any = None
    answers: Any = None

    @property
    def summary(self) -> str:
        """Return what it does, in one sentence."""
        return (self.handler.__doc__ or "").strip().split("\n")[0]


INDEX = Parameter("index", "answer once the index exceeds this one; 0 or absent: at once")
WAIT = Parameter("wait", "how long to wait at most, like `10s`; 5m by default, 10m at most")
