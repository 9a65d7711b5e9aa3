"""Reads of the catalog, the same on servers and agents: a view, cut to its caller, encoded once.

1. What is wrong with the request is told.
2. Rights come before the view is looked at: of a name that the caller may not see, nothing is
   learnt, not even whether it is there, and nothing is fetched for it.
3. The view is waited for as a blocking query asks.
4. Its rows are cut to what the caller may see now, and then to what is wanted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, Protocol

from ca_core.acl.access import Action, May
from ca_core.acl.principal import Anonymous
from ca_core.acl.rights import DefaultPolicy
from ca_core.acl.sight import default_policy, has_ended, sight_of
from ca_core.api.blocking import with_jitter
from ca_core.api.cachecontrol import freshness_of
from ca_core.api.discovery_requests import asked_of
from ca_core.api.http import Request, Response, encoded_json, often_given
from ca_core.api.keptanswers import Encoded, KeptAnswers
from ca_core.api.rooms import require
from ca_core.catalog.choosing import Wanted
from ca_core.catalog.seeing import seen
from ca_core.catalog.views import ViewAnswer, ViewKey, ViewKind, Views, ViewValue
from ca_core.clock import Clock
from ca_core.errors import DeniedError

FILTERED = "x-consul-results-filtered-by-acls"
"""``true`` where rights took something out; never told to anonymous callers."""

_POLICY = {policy: "deny" if policy is DefaultPolicy.DENY else "allow" for policy in DefaultPolicy}

_AT_ONCE = timedelta()

_NOTHING: dict[ViewKind, ViewValue] = {ViewKind.NODE: None}
"""What there is of a view whose name nobody has registered; an empty list for the rest."""


class DiscoveryRoom(Protocol):
    """What these reads use of a server's room, or an agent's."""

    @property
    def views(self) -> Views:
        """Return who answers with views."""
        ...

    @property
    def kept(self) -> KeptAnswers:
        """Return the answers that were encoded already."""
        ...

    @property
    def may(self) -> May:
        """Return who may what."""
        ...

    @property
    def clock(self) -> Clock:
        """Return the clock by which a wait is measured."""
        ...

    @property
    def random(self) -> Random:
        """Return what waits are spread with."""
        ...

    @property
    def datacenter(self) -> str:
        """Return the one that is served."""
        ...

    def view_headers(self, answer: ViewAnswer) -> dict[str, str]:
        """Return the headers that say how fresh an answer is."""
        ...

    async def rights_changed(self, seconds: float) -> None:
        """Return when anybody may more or less than before, at the latest after ``seconds``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Form:
    """One way to show a view; each is itself alone.

    Attributes:
        kind: of the view.
        shown: makes what is encoded of a value that is cut to its caller already.
        action: the right on the view's name, for views that have one.
        strict: without that right it is refused; otherwise nothing is shown.
        filters: the parameters that choose rows: of ``passing``, ``tag`` and ``node-meta``.
    """

    kind: ViewKind
    shown: Callable[[Any, Wanted], Any]
    action: Action | None = None
    strict: bool = False
    filters: frozenset[str] = frozenset()


async def answered(room: DiscoveryRoom, request: Request, form: Form, name: str = "") -> Response:
    """Answer one read of the view ``form.kind`` of ``name``.

    Raises:
        RequestError: the query cannot be read, or asks for what is not here.
        DeniedError: a strict form without the right; or the caller's token ended meanwhile.
        Error: an agent that knows nothing yet, and why.
    """
    asked, freshness = asked_of(request, room.datacenter, form.filters), freshness_of(request)
    key, index = ViewKey(form.kind, name), asked.blocking.index
    wait = with_jitter(asked.blocking.wait, room.random.random()) if index else _AT_ONCE
    if _may_look(room, request, form, name):
        found = await room.views.get(
            key, min_index=index, wait=wait, freshness=freshness, caller=request.principal
        )
        if not found.hit:
            _may_look(room, request, form, name)  # a right may go while one waits
        encoded = _encoded(room, request, form, asked.wanted, key, found)
    else:
        found = await _as_if_it_were_not_there(room, request, form, key, index, wait)
        encoded = Encoded(_encode(form, asked.wanted, found.value), hidden=True)
    return _told(room, request, found, encoded)


def _may_look(room: DiscoveryRoom, request: Request, form: Form, name: str) -> bool:
    """Say whether the caller may see anything of the name.

    Raises:
        DeniedError: they may not, and the form is strict.
    """
    if form.action is None:
        return True
    if form.strict:
        require(room.may, request, form.action, name)
    return form.strict or room.may(request.principal, form.action, name)


async def _as_if_it_were_not_there(
    room: DiscoveryRoom, request: Request, form: Form, key: ViewKey, index: int, wait: timedelta
) -> ViewAnswer:
    """Answer that there is nothing: nothing changes, until the caller may see more.

    Raises:
        DeniedError: the caller's token ended meanwhile.
    """
    nothing = ViewAnswer(value=_NOTHING.get(key.kind, ()), index=1)
    ends = room.clock.monotonic() + wait.total_seconds()
    while index == nothing.index and (left := ends - room.clock.monotonic()) > 0:
        await room.rights_changed(left)
        if has_ended(room.may, request.principal):
            raise DeniedError("ACL not found", hint="the token was deleted, or has expired")
        if _may_look(room, request, form, key.name):
            break
    return nothing


def _encoded(
    room: DiscoveryRoom,
    request: Request,
    form: Form,
    wanted: Wanted,
    key: ViewKey,
    found: ViewAnswer,
) -> Encoded:
    question = (key, form, wanted, found.index, found.stamp)
    sight = sight_of(room.may, request.principal)
    kept = room.kept.found(question, sight)
    if kept is not None:
        return kept
    see = partial(seen, found.value, room.may, request.principal)
    return room.kept.encoded(question, sight, see, partial(_encode, form, wanted))


def _told(room: DiscoveryRoom, request: Request, found: ViewAnswer, encoded: Encoded) -> Response:
    """Return the answer with its headers; what is not old yet is told to many alike."""
    filtered = encoded.hidden and not isinstance(request.principal, Anonymous)
    policy = default_policy(room.may)
    key = (found.hit, found.known_leader, policy, filtered)
    if not found.age and (told := encoded.told.get(key)) is not None:
        return told
    headers = room.view_headers(found) | {"x-consul-default-acl-policy": _POLICY[policy]}
    if filtered:
        headers[FILTERED] = "true"
    response = Response(headers=headers, body=encoded.body)
    if found.age:
        return response
    return encoded.told.setdefault(key, often_given(response))


def _encode(form: Form, wanted: Wanted, value: ViewValue) -> bytes:
    return encoded_json(form.shown(value, wanted))
