"""How a change of tokens, policies, auth methods or binding rules is committed, and told."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ca_core.acl.principal import describe
from ca_core.api.http import Request
from ca_core.api.rooms import ServerRoom
from ca_core.contract.events import EventType
from ca_core.state.protocol import Transaction
from ca_core.state.view import View

_log = logging.getLogger("ca_core.acl")


class What(StrEnum):
    """What was changed, in the words of the event."""

    TOKEN = "token"  # noqa: S105 - a word
    POLICY = "policy"
    METHOD = "auth method"
    RULE = "binding rule"


class How(StrEnum):
    """What became of it, in the words of the event."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class AclChange:
    """One change; ``id`` is public: an accessor, an id or a name."""

    what: What
    how: How
    id: str


async def written(
    room: ServerRoom,
    request: Request,
    change: AclChange,
    decide: Callable[[View], Transaction | None],
) -> None:
    """Commit what ``decide`` says; if it said anything, log it and tell plugins.

    Raises as ``decide`` and ``Store.update``.
    """
    if await asyncio.to_thread(room.store.update, decide) is None:
        return
    who = describe(request.principal)
    _log.info("%s %s was %s by %s", change.what, change.id, change.how, who)
    room.events.tell(
        EventType.ACL_CHANGED, kind=change.what, change=change.how, id=change.id, principal=who
    )
