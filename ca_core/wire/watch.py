"""One question for everything an agent follows, and the answer that holds what is news.

An agent parks one of these at its server. What it holds is named in the question, so that the
server remembers nothing between two of them.
"""

import msgspec

from ca_core.wire.grants import GrantsAnswer, GrantsRequest
from ca_core.wire.intentionlists import ListsAnswer, ListsRequest
from ca_core.wire.revocation import RevokedAnswer, RevokedRequest
from ca_core.wire.roots import CARoots


class ViewsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which views of the catalog an agent follows.

    Attributes:
        held: view → index of it as the agent holds it; 0 holds none. Views are written as
            ``ca_core.catalog.views.ViewKey`` is: ``connect/web``, ``service/web``, ``services/``.
        epoch: that of the indexes; in another one all of them are 0.
    """

    held: dict[str, int] = msgspec.field(name="Held")
    epoch: str = msgspec.field(name="Epoch", default="")


class FoundView(msgspec.Struct, frozen=True, kw_only=True):
    """One view that differs from what the agent holds; ``index`` is at least 1."""

    key: str = msgspec.field(name="Key")
    index: int = msgspec.field(name="Index")
    value: msgspec.Raw = msgspec.field(name="Value")


class ViewsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The views that differ; what is too much for one answer is in the next."""

    epoch: str = msgspec.field(name="Epoch")
    views: tuple[FoundView, ...] = msgspec.field(name="Views", default=())


class RootsFound(msgspec.Struct, frozen=True, kw_only=True):
    """The roots and their index, at least 1."""

    index: int = msgspec.field(name="Index")
    value: CARoots = msgspec.field(name="Value")


class WatchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/cluster/watch``: answered once something is not what the agent holds.

    ``wait`` counts; the waits of the parts do not. A newer question of the same agent ends the one
    before, which is then answered with nothing.

    Attributes:
        roots: index of the roots that are held; 0 to be answered at once; None does not ask.
        grants, intentions, views, revoked: None does not ask.
        registered: digest of what is registered at the agent; '' has nothing compared.
        index: that of the last answer; a server that has not seen as much answers nothing before it
            has, so that an agent that goes to another server never runs backwards.
        epoch: that of ``index`` and ``roots``; in another one both are 0.
        wait: like ``60s``.
    """

    roots: int | None = msgspec.field(name="Roots", default=None)
    grants: GrantsRequest | None = msgspec.field(name="Grants", default=None)
    intentions: ListsRequest | None = msgspec.field(name="Intentions", default=None)
    views: ViewsRequest | None = msgspec.field(name="Views", default=None)
    revoked: RevokedRequest | None = msgspec.field(name="Revoked", default=None)
    registered: str = msgspec.field(name="Registered", default="")
    index: int = msgspec.field(name="Index", default=0)
    epoch: str = msgspec.field(name="Epoch", default="")
    wait: str = msgspec.field(name="Wait", default="60s")


class WatchAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is news; parts that are None bring none.

    Attributes:
        out_of_sync: what is stored of this agent's services is not what it has registered.
        index: everything up to this commit is taken into account; 0 if a newer question ended
            this one.
        epoch: that of the index.
    """

    roots: RootsFound | None = msgspec.field(name="Roots", default=None)
    grants: GrantsAnswer | None = msgspec.field(name="Grants", default=None)
    intentions: ListsAnswer | None = msgspec.field(name="Intentions", default=None)
    views: ViewsAnswer | None = msgspec.field(name="Views", default=None)
    revoked: RevokedAnswer | None = msgspec.field(name="Revoked", default=None)
    out_of_sync: bool = msgspec.field(name="OutOfSync", default=False)
    index: int = msgspec.field(name="Index", default=0)
    epoch: str = msgspec.field(name="Epoch", default="")
