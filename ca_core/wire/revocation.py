"""How agents learn what was revoked."""

import msgspec


class CrlsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """``GET /v1/cluster/crls``: the CRL of every signer of every living authority, PEM each."""

    crls: tuple[str, ...] = msgspec.field(name="CRLs")
