"""``PUT /v1/connect/ca/revoke``: a leaf is good no longer, although it has not expired."""

import logging

from cryptography import x509

from ca_core.acl.access import Action
from ca_core.acl.principal import describe
from ca_core.api.http import Request, Response, json_response
from ca_core.api.places import refuse_other_places
from ca_core.api.rooms import ServerRoom, require
from ca_core.contract.events import EventType
from ca_core.identity.certificates import parse_certificates, serial_hex, uri_sans
from ca_core.wire.revocation import RevokedLeaf, RevokeLeaf, refuse_unknown_reason

_log = logging.getLogger("ca_core.authority")


async def revoke(room: ServerRoom, request: Request) -> Response:
    """Revoke a leaf: agents that are shown it refuse it, the one that holds it gets another."""
    require(room.may, request, Action.OPERATOR_WRITE)
    refuse_other_places(request, room.manager.datacenter)
    asked = request.json(RevokeLeaf)
    leaf = parse_certificates(asked.certificate, field="Certificate")[0]
    refuse_unknown_reason(asked.reason, "Reason")
    reason = x509.ReasonFlags(asked.reason)
    authority, signer = await room.manager.crls.revoke(leaf, reason)
    answer = RevokedLeaf(
        identity=", ".join(uri_sans(leaf)),
        serial_number=serial_hex(leaf),
        authority=authority.id,
        signer=signer.id,
        reason=reason.value,
    )
    _tell(room, request, answer)
    return json_response(answer)


def _tell(room: ServerRoom, request: Request, revoked: RevokedLeaf) -> None:
    who = describe(request.principal)
    _log.info("%s revoked leaf %s of %s", who, revoked.serial_number, revoked.identity)
    room.events.tell(
        EventType.LEAF_REVOKED,
        identity=revoked.identity,
        principal=who,
        authority=revoked.authority,
        signer=revoked.signer,
        serial=revoked.serial_number,
        reason=revoked.reason,
    )
