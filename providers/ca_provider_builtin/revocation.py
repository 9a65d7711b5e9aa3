"""Revocations of one signer, and the CRL that says so.

State, beside the records of the signing key's name::

    …/<name>/revoked/<serial number, hex>    reason, when it was revoked, the certificate's NotAfter
    …/<name>/crl                             number, beginning and content digest of the last CRL
"""

import hashlib
from datetime import datetime, timedelta

import msgspec
from cryptography import x509

from ca_core.contract import (
    Held,
    Kept,
    ProviderContext,
    RequestError,
    RevokedEntry,
    RevokeRequest,
    is_signed_by,
    issue_crl,
)

CRL_LIFE = timedelta(days=1)
"""NextUpdate lies this far ahead; a fresh CRL is made at half of it."""


class Revoked(msgspec.Struct, frozen=True):
    """One revoked certificate: ``reason`` as RFC 5280 spells it, times aware UTC."""

    reason: str
    at: datetime
    not_after: datetime


class Issue(msgspec.Struct, frozen=True):
    """The last CRL: its number, when it began, and a digest of what it lists."""

    number: int
    this_update: datetime
    digest: str


_REVOKED = msgspec.json.Decoder(Revoked)  # made once, by one thread: two at a time end msgspec
_ISSUE = msgspec.json.Decoder(Issue)


class Revocations:
    """The revocations of every signer of one authority; shared by all servers through the state."""

    def __init__(self, context: ProviderContext, kept: Kept) -> None:
        self._state = context.state
        self._kept = kept
        self._prefix = f"authority/{context.authority_id}/"

    def add(self, signer: Held, request: RevokeRequest, *, now: datetime) -> None:
        """Note a certificate as revoked; a second time changes nothing.

        Raises:
            RequestError: that signer did not issue it, or the reason belongs to delta CRLs.
        """
        certificate = request.certificate
        if not is_signed_by(certificate, signer.certificate):
            raise RequestError("this signer did not issue that certificate", field="certificate")
        if request.reason is x509.ReasonFlags.remove_from_crl:
            raise RequestError("removeFromCRL is for delta CRLs only", field="reason")
        revoked = Revoked(request.reason.value, now, certificate.not_valid_after_utc)
        record = f"revoked/{certificate.serial_number:x}"
        self._kept.standing(signer.name, record, _text(revoked))

    def crl(self, signer: Held, *, now: datetime) -> x509.CertificateRevocationList:
        """Return the CRL of ``signer``: the same number while nothing changed, else the next one.

        An expired certificate is listed for one ``CRL_LIFE`` more and then dropped.
        Source: RFC 5280 §3.3.
        """
        revoked = self._standing(signer, now)
        issue = self._issue(signer, _digest(revoked), now)
        entries = [
            RevokedEntry(serial, entry.at, x509.ReasonFlags(entry.reason))
            for serial, entry in revoked.items()
        ]
        this_update = issue.this_update
        return issue_crl(
            signer.pair,
            entries,
            number=issue.number,
            this_update=this_update,
            next_update=this_update + CRL_LIFE,
        )

    def _standing(self, signer: Held, now: datetime) -> dict[int, Revoked]:
        prefix = f"{self._prefix}{signer.name}/revoked/"
        found = {}
        for path in self._state.keys(prefix):
            text = self._state.get(path)
            if text is None:
                continue
            entry = _REVOKED.decode(text)
            if entry.not_after + CRL_LIFE < now:
                self._state.replace(path, text, None)
            else:
                found[int(path.removeprefix(prefix), 16)] = entry
        return found

    def _issue(self, signer: Held, digest: str, now: datetime) -> Issue:
        """Return the issue to publish, numbered by whoever is first to notice the change."""
        path = f"{self._prefix}{signer.name}/crl"
        while True:
            text = self._kept.standing(signer.name, "crl", _text(Issue(1, now, digest)))
            last = _ISSUE.decode(text)
            if last.digest == digest and now < last.this_update + CRL_LIFE / 2:
                return last
            following = Issue(last.number + 1, max(now, last.this_update), digest)
            if self._state.replace(path, text, _text(following)):
                return following


def _digest(revoked: dict[int, Revoked]) -> str:
    listed = "\n".join(f"{serial:x} {entry.reason}" for serial, entry in sorted(revoked.items()))
    return hashlib.sha256(listed.encode()).hexdigest()


def _text(record: msgspec.Struct) -> str:
    return msgspec.json.encode(record).decode()
