"""Revocations: made and listed by the server, which knows no reasons; those are kept in the state.

State: ``…/<signer>/reason/<serial number, hex>``, a reason as RFC 5280 spells it. A list in which
one of them stands is signed anew by the server, with the reasons in it.
"""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509

from ca_core.contract import CrlRequest, Kept, RequestError, RevokeRequest, signer_name
from ca_provider_vault.signers import Signers

_REASON_OID = x509.CRLReason.oid.dotted_string

_NEARLY = timedelta(seconds=2)
"""Before its end a leaf counts as expired for the server, which revokes it no more."""


class Revoking:
    """Revocations of one authority's signers."""

    def __init__(self, signers: Signers, kept: Kept) -> None:
        self._signers = signers
        self._kept = kept

    def revoke(self, request: RevokeRequest, *, now: datetime) -> None:
        """Revoke a leaf on the server; a repeat changes nothing.

        Raises:
            RequestError: the reason belongs to delta CRLs.
        """
        if request.reason is x509.ReasonFlags.remove_from_crl:
            raise RequestError("removeFromCRL is for delta CRLs only", field="reason")
        record = _record(request.certificate.serial_number)
        self._kept.standing(signer_name(request.signer), record, request.reason.value)
        expired = request.certificate.not_valid_after_utc <= now + _NEARLY
        self._signers.revoke(request.certificate, expired=expired, deadline=request.deadline)

    def crl(self, request: CrlRequest, *, now: datetime) -> x509.CertificateRevocationList:
        """Return a signer's list; the server renews it when less than half of its life is left."""
        found = self._signers.crl(request)
        if _is_old(found, now):
            self._signers.rotate_crls(deadline=request.deadline)
            found = self._signers.crl(request)
        entries = [self._entry(request.signer, revoked) for revoked in found]
        if not any("extensions" in entry for entry in entries):
            return found
        return self._signers.sign_crl(
            request, entries, number=_number(found), life=_ends(found) - now
        )

    def _entry(self, signer: str, revoked: x509.RevokedCertificate) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "serial_number": _octets(revoked.serial_number),
            "revocation_time": revoked.revocation_date_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        text = self._kept.recorded(signer_name(signer), _record(revoked.serial_number))
        if text in {None, x509.ReasonFlags.unspecified.value}:
            return entry
        value = x509.CRLReason(x509.ReasonFlags(text)).public_bytes()
        reason = {"id": _REASON_OID, "critical": False, "value": base64.b64encode(value).decode()}
        return entry | {"extensions": [reason]}


def _record(serial: int) -> str:
    return f"reason/{serial:x}"


def _octets(serial: int) -> str:
    """Return a serial number as the server writes it: pairs of hex digits between colons."""
    return serial.to_bytes((serial.bit_length() + 7) // 8, "big").hex(":")


def _number(crl: x509.CertificateRevocationList) -> int:
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0


def _ends(crl: x509.CertificateRevocationList) -> datetime:
    return crl.next_update_utc or datetime.min.replace(tzinfo=UTC)


def _is_old(crl: x509.CertificateRevocationList, now: datetime) -> bool:
    return now > crl.last_update_utc + (_ends(crl) - crl.last_update_utc) / 2
