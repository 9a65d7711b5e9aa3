"""What agents and servers say about tokens: a secret for a grant, and what became of grants."""

import msgspec


class GrantRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/cluster/grant``: an agent was shown this secret; whose is it?"""

    secret: str = msgspec.field(name="Secret")

    def __repr__(self) -> str:
        return "GrantRequest()"


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """One token as an agent may use it: its rights, and the proof that the agent was shown it.

    Attributes:
        accessor: the token's public id.
        grant: opaque; good on connections of the agent that it was made for.
        seconds: how long, from when it was asked for.
        rules: the token's, as JSON: an array of ``ca_core.acl.wirerules.WireRule``.
    """

    accessor: str = msgspec.field(name="AccessorID")
    grant: str = msgspec.field(name="Grant")
    seconds: float = msgspec.field(name="Seconds")
    rules: msgspec.Raw = msgspec.field(name="Rules")

    def __repr__(self) -> str:
        return f"Granted({self.accessor})"


class GrantsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a ``WatchRequest``: what became of these, once it is no longer what is known.

    Attributes:
        grants: those that the agent holds.
        digest: of the last answer about the same ones; empty to be answered at once.
        wait: how long an agent waits for news, like ``60s``.
    """

    grants: tuple[str, ...] = msgspec.field(name="Grants", default=())
    digest: str = msgspec.field(name="Digest", default="")
    wait: str = msgspec.field(name="Wait", default="60s")

    def __repr__(self) -> str:
        return f"GrantsRequest({len(self.grants)} grants, wait={self.wait!r})"


class GrantsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What holds now; a token that is not among ``granted`` is no longer.

    Attributes:
        digest: names what is said here, times and grants aside.
        default_policy: what holds where no rule decides: ``allow``, ``deny`` or ``manage``.
        anonymous: what callers without a token have.
        granted: tokens that live, each with a fresh grant.
    """

    digest: str = msgspec.field(name="Digest")
    default_policy: str = msgspec.field(name="DefaultPolicy")
    anonymous: Granted = msgspec.field(name="Anonymous")
    granted: tuple[Granted, ...] = msgspec.field(name="Granted", default=())
