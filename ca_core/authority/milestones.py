"""Telling plugins what was committed in the life of an authority."""

from ca_core.authority.events import Events
from ca_core.authority.rows import AuthorityRow, SignerRow
from ca_core.contract.events import EventType
from ca_core.identity.certificates import fingerprint
from ca_core.wire.times import wire_time


def tell_authority(events: Events, row: AuthorityRow, *, adopted: bool) -> None:
    """Tell that an authority is trusted from now on: one just made, or one that was there."""
    anchor = row.anchor_certificate
    events.tell(
        EventType.AUTHORITY_ADOPTED if adopted else EventType.AUTHORITY_CREATED,
        authority=row.id,
        provider=row.provider,
        root_sha256=fingerprint(anchor),
        not_after=wire_time(anchor.not_valid_after_utc),
    )


def tell_signer(events: Events, row: SignerRow) -> None:
    """Tell that a signer is the one that signs from now on."""
    certificate = row.certificates[0]
    events.tell(
        EventType.SIGNER_ACTIVATED,
        authority=row.authority,
        signer=row.id,
        signer_sha256=fingerprint(certificate),
        not_after=wire_time(certificate.not_valid_after_utc),
    )
