"""Kinds of what an agent remembers, and what holds for each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


class KindName(StrEnum):
    """Every kind there is."""

    ROOTS = "roots"
    """The trusted roots; they are nobody's."""
    LEAF = "leaf"
    """Leaves of services with their keys; each caller's are its own."""
    INTENTIONS = "intentions"
    """Intentions of the services that are decided for here."""
    UPSTREAMS = "upstreams"
    """Instances of one service."""
    CATALOG = "catalog"
    """Names of services, nodes, checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[ValueT]):
    """What holds for every record of a kind.

    Attributes:
        followed: kept fresh while it is kept, and can be waited for; its age is the time since
            contact was lost. Otherwise it is fetched when asked for, and its age is the time since
            then.
        weigh: how many bytes of memory a value takes, about.
        query_timeout: how long one fetch waits for something newer.
        patience: how long a caller waits for a first value.
        most: records that are kept; for one more, the one that was used longest ago goes.
        idle: a record that nobody asked for this long is forgotten.
    """

    name: KindName
    weigh: Callable[[ValueT], int]
    followed: bool = True
    query_timeout: timedelta = timedelta(minutes=10)
    patience: timedelta = timedelta(seconds=10)
    most: int = 10_000
    idle: timedelta = timedelta(hours=72)
