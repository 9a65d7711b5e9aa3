"""``GET /v1/cluster/crls``: what agents need to refuse a certificate that was revoked."""

from cryptography.hazmat.primitives import serialization

from ca_core.api.cluster_handlers import calling_agent
from ca_core.api.http import Request, Response, json_response
from ca_core.api.rooms import ServerRoom
from ca_core.authority.rows import Phase, authorities
from ca_core.errors import CapabilityUnsupportedError, NotFoundError
from ca_core.wire.revocation import CrlsAnswer


async def crls(room: ServerRoom, request: Request) -> Response:
    """Return the CRL of every signer of every authority that lives, for an agent."""
    await calling_agent(room, request)
    return json_response(await current_crls(room))


async def current_crls(room: ServerRoom) -> CrlsAnswer:
    """Return the CRLs, each a few seconds old at most; a provider without revocation has none.

    Raises:
        Error: a provider cannot say now; what it revoked is not known then.
    """
    rows = authorities(room.store.snapshot)
    living = [row.id for row in rows if row.phase is not Phase.RETIRED]
    return CrlsAnswer(crls=tuple([pem for name in living for pem in await _of(room, name)]))


async def _of(room: ServerRoom, authority: str) -> list[str]:
    try:
        found = await room.manager.crls.current(authority)
    except (CapabilityUnsupportedError, NotFoundError):
        return []
    return [crl.public_bytes(serialization.Encoding.PEM).decode() for crl in found]
