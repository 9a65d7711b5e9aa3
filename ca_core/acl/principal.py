"""Who a caller is: every request becomes one of these before anything else happens."""

from dataclasses import dataclass
from typing import assert_never

from ca_core.identity.spiffe import SpiffeId


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody in particular; ``loopback`` says that at least they are on this machine."""

    loopback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A local process on a unix socket, as the kernel names it (``SO_PEERCRED``)."""

    uid: int
    gid: int
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The holder of a leaf, known by mTLS.

    Attributes:
        identity: the SPIFFE ID in its certificate, verified against the bundle.
        key_digest: SHA-256 of the leaf's SubjectPublicKeyInfo, hex.
    """

    identity: SpiffeId
    key_digest: str


@dataclass(frozen=True, slots=True)
class Token:
    """The holder of an ACL token; ``accessor`` is its public id, never the secret."""

    accessor: str


Principal = Anonymous | Peer | Node | Token
"""Every kind of caller; rights and cache partitions belong to it."""


def partition_key(principal: Principal) -> str:
    """Return what separates this caller's cache entries from everybody else's.

    A process id is left out: two processes of one user have the same rights.
    """
    match principal:
        case Anonymous():
            return "anonymous"
        case Peer(uid=uid):
            return f"uid:{uid}"
        case Node(identity=identity):
            return f"node:{identity}"
        case Token(accessor=accessor):
            return f"token:{accessor}"
        case _:
            assert_never(principal)


def describe(principal: Principal, through: Principal | None = None) -> str:
    """Return the caller in the words of logs and records; no secret is in it.

    ``through`` is the agent that asked for them, if another one did.
    """
    if through is not None and through != principal:
        return f"{describe(principal)} through {describe(through)}"
    match principal:
        case Peer(uid=uid, pid=pid):
            return f"uid {uid} (pid {pid})"
        case Node(identity=identity):
            return f"node {identity}"
        case _:
            return partition_key(principal)
