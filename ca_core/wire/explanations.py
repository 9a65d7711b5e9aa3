"""Why a decision is what it is, on the wire; ours, in the manner of Consul's words."""

import msgspec

from ca_core.wire.intentions import IntentionAnswer, PermissionBody


class HttpRequestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request that is asked about.

    Attributes:
        path: as it is sent, escapes and query too.
        headers: by name; several lines of one header as a list.
    """

    method: str = msgspec.field(name="Method", default="GET")
    path: str = msgspec.field(name="Path", default="/")
    headers: dict[str, str | list[str]] = msgspec.field(name="Headers", default_factory=dict)


class ExplainRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``POST /v1/connect/intentions/explain``.

    Attributes:
        source, destination: ``svc`` or ``ns/svc``.
        request: None to ask about a connection.
    """

    source: str = msgspec.field(name="Source")
    destination: str = msgspec.field(name="Destination")
    request: HttpRequestBody | None = msgspec.field(name="Request", default=None)


class DefaultAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What holds where no intention matches; ``why`` says who set it."""

    allowed: bool = msgspec.field(name="Allowed")
    why: str = msgspec.field(name="Why")


class DecisionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One decision; ``permission`` is a position from 0, -1 if none decided."""

    allowed: bool = msgspec.field(name="Allowed")
    why: str = msgspec.field(name="Why")
    reason: str = msgspec.field(name="Reason")
    permission: int = msgspec.field(name="Permission", default=-1)


class CheckedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a permission; ``matches`` is null if it was not looked at."""

    permission: PermissionBody = msgspec.field(name="Permission")
    words: str = msgspec.field(name="Words")
    matches: bool | None = msgspec.field(name="Matches")
    because: str = msgspec.field(name="Because")


class CandidateAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an intention; ``permissions`` only where it decides, or would."""

    intention: IntentionAnswer = msgspec.field(name="Intention")
    standing: str = msgspec.field(name="Standing")
    because: str = msgspec.field(name="Because")
    permissions: tuple[CheckedAnswer, ...] = msgspec.field(name="Permissions", default=())


class ExplanationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``/v1/connect/intentions/explain``.

    Attributes:
        path: of the request, as it is compared; '' without one.
        fault: why the request cannot be compared; '' if it can.
        would: what an intention in observe mode would have said; null without one.
        candidates: as they are evaluated.
        left_out: intentions about other sources that are not among them.
    """

    source: str = msgspec.field(name="Source")
    destination: str = msgspec.field(name="Destination")
    path: str = msgspec.field(name="Path", default="")
    fault: str = msgspec.field(name="Fault", default="")
    decision: DecisionAnswer = msgspec.field(name="Decision")
    would: DecisionAnswer | None = msgspec.field(name="Would", default=None)
    default: DefaultAnswer = msgspec.field(name="Default")
    candidates: tuple[CandidateAnswer, ...] = msgspec.field(name="Candidates")
    left_out: int = msgspec.field(name="LeftOut", default=0)
