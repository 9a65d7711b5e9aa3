"""What a difference from Consul is, and what an absence."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deviation:
    """One difference that a client of Consul may notice.

    Attributes:
        about: what it concerns.
        consul: what Consul does.
        ours: what happens here.
        why: the reason for it.
    """

    about: str
    consul: str
    ours: str
    why: str


@dataclass(frozen=True, slots=True)
class Absence:
    """Endpoints of Consul that are not served: ``paths`` as Consul documents them, and ``why``."""

    paths: str
    why: str
