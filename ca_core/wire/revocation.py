"""How a leaf is revoked, and how agents learn of it."""

from datetime import datetime

import msgspec

from ca_core.errors import RequestError

REASONS = (
    "unspecified",
    "keyCompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "privilegeWithdrawn",
)
"""Why a leaf may be revoked (RFC 5280 §5.3.1); no hold, which could be taken back."""


def refuse_unknown_reason(name: str, field: str) -> None:
    """Refuse what is no reason for a leaf.

    Raises:
        RequestError: it is none of ``REASONS``; lists them.
    """
    if name not in REASONS:
        raise RequestError(f"{name[:40]!r} is none of: {', '.join(REASONS)}", field=field)


class CrlsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """``GET /v1/cluster/crls``: the CRL of every signer of every living authority, PEM each."""

    crls: tuple[str, ...] = msgspec.field(name="CRLs")


class RevokeLeaf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``PUT /v1/connect/ca/revoke``: which leaf, and why.

    Attributes:
        certificate: PEM; of a chain the first certificate counts.
        reason: a name of RFC 5280 §5.3.1 that leaves may have, such as ``keyCompromise``.
    """

    certificate: str = msgspec.field(name="Certificate")
    reason: str = msgspec.field(name="Reason", default="unspecified")


class RevokedLeaf(msgspec.Struct, frozen=True, kw_only=True):
    """What was revoked.

    Attributes:
        identity: its SPIFFE ID.
        serial_number: colon hex.
        authority, signer: ids of who signed it.
        reason: as it was asked for, also if it had been revoked for another one before.
    """

    identity: str = msgspec.field(name="Identity")
    serial_number: str = msgspec.field(name="SerialNumber")
    authority: str = msgspec.field(name="Authority")
    signer: str = msgspec.field(name="Signer")
    reason: str = msgspec.field(name="Reason")


class RevokedMark(msgspec.Struct, frozen=True, kw_only=True):
    """One leaf that was revoked, by what it says itself.

    Attributes:
        key_id: its AKI, colon hex; may be empty.
        serial_number: colon hex.
        valid_before: when it ends by itself.
    """

    key_id: str = msgspec.field(name="AuthorityKeyID")
    serial_number: str = msgspec.field(name="SerialNumber")
    valid_before: datetime = msgspec.field(name="ValidBefore")


class RevokedRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to where an agent knows what was revoked.

    Attributes:
        index: that of the last answer; 0 knows nothing.
        epoch: that of the index; in another one it is 0.
    """

    index: int = msgspec.field(name="Index", default=0)
    epoch: str = msgspec.field(name="Epoch", default="")


class RevokedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The leaves that were revoked since, and have not ended; ``index`` is at least 1."""

    index: int = msgspec.field(name="Index")
    epoch: str = msgspec.field(name="Epoch")
    leaves: tuple[RevokedMark, ...] = msgspec.field(name="Leaves", default=())
