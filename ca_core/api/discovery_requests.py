"""What reads of the catalog ask for: which rows, of which index, and how long to wait."""

from dataclasses import dataclass, field
from functools import lru_cache

from ca_core.acl.principal import Anonymous
from ca_core.api.blocking import Blocking, blocking_of
from ca_core.api.http import Request, flag
from ca_core.api.places import refuse_other_places
from ca_core.catalog.choosing import EVERY_ROW, Wanted
from ca_core.errors import RequestError

_UNSUPPORTED = ("near", "filter", "peer", "sg", "sameness-group")

_REMEMBERED_LENGTH = 512
"""Characters of a query that is remembered; longer ones are read anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The query of one read."""

    wanted: Wanted = EVERY_ROW
    blocking: Blocking = field(default_factory=Blocking)


_PLAIN = Asked()


def asked_of(request: Request, datacenter: str, filters: frozenset[str]) -> Asked:
    """Return what the query asks for.

    Args:
        request: the read.
        datacenter: the only one that is served.
        filters: those of ``passing``, ``tag`` and ``node-meta`` that have a meaning for it.

    Raises:
        RequestError: what is asked for cannot be had here, or cannot be read; names the parameter.
    """
    query = request.query
    if not query:
        return _PLAIN
    if len(query) > _REMEMBERED_LENGTH:
        return _parsed(query, datacenter, filters)
    return _remembered(query, datacenter, filters)


@lru_cache(maxsize=256)
def _remembered(query: str, datacenter: str, filters: frozenset[str]) -> Asked:
    """Return what a query asks for; clients repeat theirs."""
    return _parsed(query, datacenter, filters)


def _parsed(query: str, datacenter: str, filters: frozenset[str]) -> Asked:
    bare = Request(method="GET", path="", query=query, headers={}, body=b"", principal=Anonymous())
    refuse_other_places(bare, datacenter)
    _refuse_unsupported(bare)
    wanted = Wanted(
        passing=_passing(bare),
        tags=frozenset(tag.lower() for tag in bare.values("tag") if tag),
        node_meta=frozenset(_pair(text) for text in bare.values("node-meta") if text),
    )
    _refuse_idle(wanted, filters)
    return Asked(wanted=wanted, blocking=blocking_of(bare))


def _refuse_unsupported(request: Request) -> None:
    """Refuse what would be without effect: a list that is not what was asked for misleads."""
    arguments = request.arguments()
    for name in _UNSUPPORTED:
        if arguments.get(name):
            raise RequestError(f"the {name!r} query parameter is not supported", field=name)
    if flag(request, "merge-central-config"):
        raise RequestError(
            "there is no central configuration to merge", field="merge-central-config"
        )


def _refuse_idle(wanted: Wanted, filters: frozenset[str]) -> None:
    """Refuse to choose rows by what they do not have."""
    by = {"passing": wanted.passing, "tag": wanted.tags, "node-meta": wanted.node_meta}
    for name, value in by.items():
        if value and name not in filters:
            raise RequestError(f"the {name!r} query parameter has no effect here", field=name)


def _passing(request: Request) -> bool:
    try:
        return flag(request, "passing")
    except RequestError:
        raise RequestError("Invalid value for ?passing", field="passing") from None


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition(":")
    return key, value
