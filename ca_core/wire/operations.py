"""Changes of who signs, on the wire. Times are RFC 3339, spans like ``10m``."""

from typing import Any

import msgspec

from ca_core.wire.observations import ObservedAnswer


class HoldingReader(msgspec.Struct, frozen=True, kw_only=True):
    """A program that reads from an agent and holds its acknowledgement back, until then at most.

    ``name`` is what its agent calls it: ``pid 123``, or the address of a connection.
    """

    name: str = msgspec.field(name="Name")
    until: str = msgspec.field(name="Until")


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """An agent that counts and has not acknowledged the new root.

    Attributes:
        until: when its last leaf ends and it counts no more.
        readers_behind: how many programs that read from it hold it back, as it told this server.
        readers: a few of those.
    """

    node: str = msgspec.field(name="Node")
    spiffe_id: str = msgspec.field(name="SpiffeID")
    reachable: bool = msgspec.field(name="Reachable")
    until: str = msgspec.field(name="Until")
    readers_behind: int = msgspec.field(name="ReadersBehind", default=0)
    readers: tuple[HoldingReader, ...] = msgspec.field(name="Readers", default=())


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """When an operation came into a phase."""

    phase: str = msgspec.field(name="Phase")
    at: str = msgspec.field(name="At")


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far agents are.

    Attributes:
        counted: agents whose acknowledgement counts.
        acknowledged: those that hold the new root.
        missing: the others, by name; at most 100.
        leaves: alive under the old signer when it was replaced (before: now).
        reissued: of those, how many were replaced or have ended.
    """

    counted: int = msgspec.field(name="Counted")
    acknowledged: int = msgspec.field(name="Acknowledged")
    missing: tuple[Missing, ...] = msgspec.field(name="Missing")
    leaves: int = msgspec.field(name="Leaves")
    reissued: int = msgspec.field(name="Reissued")


class OperationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One operation.

    Attributes:
        waits_for: why the present step does not go on, in one sentence; '' while it does.
        step_failed: whether that is because it failed; it is tried again.
        reason: why it ended before it was active.
        can_abort, can_roll_back: whether these would be accepted now.
    """

    id: str = msgspec.field(name="ID")
    kind: str = msgspec.field(name="Kind")
    phase: str = msgspec.field(name="Phase")
    actor: str = msgspec.field(name="Actor")
    old_authority: str = msgspec.field(name="OldAuthority")
    new_authority: str = msgspec.field(name="NewAuthority")
    old_signer: str = msgspec.field(name="OldSigner")
    new_signer: str = msgspec.field(name="NewSigner")
    old_provider: str = msgspec.field(name="OldProvider")
    new_provider: str = msgspec.field(name="NewProvider")
    crossed: bool = msgspec.field(name="CrossSigned")
    forced: bool = msgspec.field(name="Forced")
    deadline: str = msgspec.field(name="Deadline")
    on_deadline: str = msgspec.field(name="OnDeadline")
    not_before: str = msgspec.field(name="NotBefore")
    waits_for: str = msgspec.field(name="WaitsFor")
    step_failed: bool = msgspec.field(name="StepFailed", default=False)
    reason: str = msgspec.field(name="Reason")
    left_behind: tuple[str, ...] = msgspec.field(name="LeftBehind")
    history: tuple[Step, ...] = msgspec.field(name="History")
    progress: Progress = msgspec.field(name="Progress")
    can_abort: bool = msgspec.field(name="CanAbort")
    can_roll_back: bool = msgspec.field(name="CanRollBack")


class WishesRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a change is to go; what is left out has the server's default.

    ``PUT /v1/connect/ca/rotate``, ``/renew``, ``/taint``, and within ``ChangeRequest``.
    """

    settle: str = msgspec.field(name="Settle", default="")
    patience: str = msgspec.field(name="Patience", default="")
    on_deadline: str = msgspec.field(name="OnDeadline", default="")
    force: bool = msgspec.field(name="Force", default=False)


class TaintRequest(WishesRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``PUT /v1/connect/ca/taint``.

    Attributes:
        authority: the compromised one; '' is the one that signs.
    """

    authority: str = msgspec.field(name="Authority", default="")


class ChangeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/connect/ca/plan`` and ``PUT /v1/connect/ca/apply``: a whole configuration.

    Attributes:
        settings: the ``[ca]`` section in our spelling: ``provider``, ``config``, ``leaf_ttl``, …;
            what is left out has its default, as in a file. A secret may be its ``<hidden:ID>``.
        from_file: whether it is what stands in the configuration file, so that its digest is kept.
    """

    settings: dict[str, Any] = msgspec.field(name="Settings")
    wishes: WishesRequest = msgspec.field(name="Wishes", default_factory=WishesRequest)
    from_file: bool = msgspec.field(name="FromFile", default=False)

    def __repr__(self) -> str:
        return f"ChangeRequest(from_file={self.from_file}, settings=<hidden>)"


class PlanAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a change would do; nothing was changed anywhere.

    Attributes:
        kind: ``swap``, ``rotate``, ``renew``, ``settings``, ``taint``, or ``none``.
        changes: the settings that differ, as ``key: old → new``; secrets only as ``changed``.
        new_root: whether the root changes; ``why`` says why or why not.
        phases: which it would pass, in order.
        cross_signed: whether the old provider can vouch for the new root.
        missing_capabilities, missing_permissions: what the new provider or its backend lacks.
        blockers: why apply would refuse or fail; empty if it would go.
        ttl_rules: lives that would be shortened, and by what.
        warnings: sentences for the operator.
        leaves: alive now, to be re-issued.
        signing_rate: signatures a second that admission lets through.
        reissue_seconds: how long re-issuing them takes.
        settle_seconds: how long the new bundle is out at least.
        acknowledge: names of the agents that must acknowledge; at most 100.
        counted: how many those are.
        unreachable: those of them that do not call now.
    """

    kind: str = msgspec.field(name="Kind")
    changes: tuple[str, ...] = msgspec.field(name="Changes")
    new_root: bool = msgspec.field(name="NewRoot")
    why: str = msgspec.field(name="Why")
    phases: tuple[str, ...] = msgspec.field(name="Phases")
    cross_signed: bool = msgspec.field(name="CrossSigned")
    missing_capabilities: tuple[str, ...] = msgspec.field(name="MissingCapabilities")
    missing_permissions: tuple[str, ...] = msgspec.field(name="MissingPermissions")
    blockers: tuple[str, ...] = msgspec.field(name="Blockers")
    ttl_rules: tuple[str, ...] = msgspec.field(name="TTLRules")
    warnings: tuple[str, ...] = msgspec.field(name="Warnings")
    leaves: int = msgspec.field(name="Leaves")
    signing_rate: float = msgspec.field(name="SigningRate")
    reissue_seconds: int = msgspec.field(name="ReissueSeconds")
    settle_seconds: int = msgspec.field(name="SettleSeconds")
    acknowledge: tuple[str, ...] = msgspec.field(name="Acknowledge")
    counted: int = msgspec.field(name="Counted")
    unreachable: tuple[str, ...] = msgspec.field(name="Unreachable")


class SlowReader(msgspec.Struct, frozen=True, kw_only=True):
    """A program that an agent waits for, by the name it has there, and for how long at most."""

    name: str = msgspec.field(name="Name")
    seconds: float = msgspec.field(name="Seconds")


class Acknowledgement(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """``PUT /v1/cluster/acknowledgement``: the bundle that an agent, and all that it feeds, use.

    ``anchors`` are SHA-256 fingerprints, 64 lower-case hex digits each, sorted; ``digest`` is the
    SHA-256 over them, one a line without a last line break. The agent is known by its mTLS leaf.
    ``readers_behind`` and ``readers`` (some of them) say who holds it back: for people only.
    ``observations`` are the would-be denials since the last acknowledgement, None for none.
    Without any, none of these is sent: the body is the one that servers of before know.
    """

    digest: str = msgspec.field(name="Digest")
    anchors: tuple[str, ...] = msgspec.field(name="Anchors")
    readers_behind: int = msgspec.field(name="ReadersBehind", default=0)
    readers: tuple[SlowReader, ...] = msgspec.field(name="Readers", default=())
    observations: ObservedAnswer | None = msgspec.field(name="Observations", default=None)


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: call again within ``seconds``, or be unreachable.

    ``reissue_spread_seconds`` is the time over which all leaves are to be re-issued after a change.
    """

    seconds: float = msgspec.field(name="Seconds")
    reissue_spread_seconds: float = msgspec.field(name="ReissueSpreadSeconds")
