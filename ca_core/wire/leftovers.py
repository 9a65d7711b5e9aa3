"""What backends still hold of authorities and signers that are gone, on the wire."""

import msgspec


class LeftoverAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is to be removed from a backend.

    Attributes:
        key: by which it is given up.
        signer: of the authority; '' is the whole authority.
        since: RFC 3339.
        error: why it could not be removed last time; '' while it is being removed.
    """

    key: str = msgspec.field(name="Key")
    authority: str = msgspec.field(name="Authority")
    signer: str = msgspec.field(name="Signer")
    since: str = msgspec.field(name="Since")
    error: str = msgspec.field(name="Error")


class AbandonRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``PUT /v1/connect/ca/abandon``: what is left under ``key`` stays in its backend for ever."""

    key: str = msgspec.field(name="Key")
