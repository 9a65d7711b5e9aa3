"""Primary CAs on the server: issuer and key in the root mount, both named after the authority."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.contract import (
    AuthorityRequest,
    CrossSignRequest,
    KeySpec,
    KeyType,
    ProviderError,
    TrustDomain,
    ca_name,
    subject_key_id,
    uri_sans,
)
from ca_provider_vault.answers import certificate_in, chain_in, csr_in, instant
from ca_provider_vault.client import AbsentError, RefusedError
from ca_provider_vault.naming import root_object
from ca_provider_vault.remote import Mount, already

_BACKDATED = "60s"


class Roots:
    """The root mount, for one authority.

    ``issuer`` is what the server calls its primary CA: by our name, or an adopted one's own id.
    """

    def __init__(self, mount: Mount, authority: str, trust_domain: TrustDomain) -> None:
        self._mount = mount
        self._name = root_object(authority)
        self._domain = trust_domain

    def made(self, request: AuthorityRequest, *, ends: datetime) -> tuple[x509.Certificate, ...]:
        """Return the chain of our own root: what is there under our name, else a new one."""
        found = self.found(self._name, deadline=request.deadline)
        if found is None:
            self._make(request, ends)
            found = self.found(self._name, deadline=request.deadline)
        if found is None:
            raise ProviderError(
                "the server made a root and does not know it",
                hint=f"is {self._mount.path}/ a mount of type pki?",
            )
        return chain_in(found)

    def found(self, issuer: str, *, deadline: datetime) -> Mapping[str, Any] | None:
        """Return what the server says of an issuer, or None if it knows none of that name."""
        try:
            return self._mount.get(f"issuer/{issuer}", deadline=deadline)
        except AbsentError:
            return None

    def delete(self, *, deadline: datetime) -> None:
        """Delete our own root with its key; an adopted one is not called by our name."""
        self._mount.delete(f"issuer/{self._name}", deadline=deadline)
        self._mount.delete(f"key/{self._name}", deadline=deadline)

    def sign_intermediate(
        self,
        issuer: str,
        csr: x509.CertificateSigningRequest,
        *,
        label: str,
        ends: datetime,
        deadline: datetime,
    ) -> x509.Certificate:
        """Have a root sign a CA below it; of the CSR only the key is used.

        Args:
            issuer: the root, by name or id.
            csr: by the key of the CA.
            label: begins its common name.
            ends: its NotAfter, aware UTC; the server does not clamp it.
            deadline: aware UTC.
        """
        fields = {
            "csr": _pem(csr),
            "use_csr_values": False,
            "max_path_length": 0,
            "not_after": instant(ends),
            "not_before_duration": _BACKDATED,
        }
        answer = self._mount.post(
            f"issuer/{issuer}/sign-intermediate",
            fields | names(self._domain, label),
            deadline=deadline,
        )
        return certificate_in(answer)

    def cross_sign(
        self, issuer: str, csr: x509.CertificateSigningRequest, request: CrossSignRequest
    ) -> x509.Certificate:
        """Have a root sign another primary CA's own CSR, with that CA's subject key identifier."""
        length = -1 if request.path_length is None else request.path_length
        fields = {
            "csr": _pem(csr),
            "use_csr_values": True,
            "max_path_length": length,
            "not_after": instant(request.not_after),
            "not_before_duration": _BACKDATED,
            "skid": (subject_key_id(request.certificate) or b"").hex(),
        }
        answer = self._mount.post(
            f"issuer/{issuer}/sign-intermediate", fields, deadline=request.deadline
        )
        return certificate_in(answer)

    def cross_csr(
        self, key: str, certificate: x509.Certificate, *, deadline: datetime
    ) -> x509.CertificateSigningRequest:
        """Return a CSR by a root's key (by name or id) with the subject of its certificate."""
        fields = subject_fields(certificate) | {"key_ref": key}
        return csr_in(self._mount.post("intermediate/cross-sign", fields, deadline=deadline))

    def _make(self, request: AuthorityRequest, ends: datetime) -> None:
        fields = {
            "issuer_name": self._name,
            "not_after": instant(ends),
            "not_before_duration": _BACKDATED,
            **names(self._domain, f"root {request.id}"),
        }
        key = {"key_name": self._name, **key_fields(request.key)}
        try:
            self._mount.made("root/generate/internal", fields | key, deadline=request.deadline)
        except RefusedError as error:
            if not already(error):
                raise
            self._complete(fields, request, error)

    def _complete(
        self, fields: Mapping[str, Any], request: AuthorityRequest, error: RefusedError
    ) -> None:
        """Give a key without an issuer its certificate; another server may have done so."""
        if any("key name" in reason for reason in error.reasons):
            kept = {**fields, "key_ref": self._name}
            try:
                self._mount.post("root/generate/existing", kept, deadline=request.deadline)
            except RefusedError as refused:
                if not already(refused):
                    raise


def key_fields(spec: KeySpec) -> dict[str, Any]:
    """Return a kind of key as the server names it."""
    bits = 0 if spec.type is KeyType.ED25519 else spec.bits
    return {"key_type": str(spec.type), "key_bits": bits}


def names(trust_domain: TrustDomain, label: str) -> dict[str, Any]:
    """Return subject and URI of a CA of ours."""
    fields = _subject(ca_name(trust_domain, label))
    return fields | {"uri_sans": f"spiffe://{trust_domain}", "exclude_cn_from_sans": True}


def subject_fields(certificate: x509.Certificate) -> dict[str, Any]:
    """Return subject and URIs of a certificate."""
    fields = _subject(certificate.subject)
    return fields | {"uri_sans": ",".join(uri_sans(certificate)), "exclude_cn_from_sans": True}


_SUBJECT_FIELDS = {
    x509.NameOID.COMMON_NAME: "common_name",
    x509.NameOID.COUNTRY_NAME: "country",
    x509.NameOID.LOCALITY_NAME: "locality",
    x509.NameOID.ORGANIZATION_NAME: "organization",
    x509.NameOID.ORGANIZATIONAL_UNIT_NAME: "ou",
    x509.NameOID.POSTAL_CODE: "postal_code",
    x509.NameOID.SERIAL_NUMBER: "serial_number",
    x509.NameOID.STATE_OR_PROVINCE_NAME: "province",
    x509.NameOID.STREET_ADDRESS: "street_address",
}


def _subject(name: x509.Name) -> dict[str, Any]:
    """Return a subject as the server takes it; what it cannot say is left out."""
    return {
        _SUBJECT_FIELDS[part.oid]: str(part.value) for part in name if part.oid in _SUBJECT_FIELDS
    }


def life_within(chain: tuple[x509.Certificate, ...], ttl: timedelta, *, now: datetime) -> datetime:
    """Return now + ``ttl``, clamped to every certificate above.

    Raises:
        ProviderError: one of them has expired.
    """
    ends = min(link.not_valid_after_utc for link in chain)
    if ends <= now:
        raise ProviderError(
            f"the authority or a CA above it expired at {ends.isoformat()}",
            hint="rotate the root",
        )
    return min(now + ttl, ends)


def _pem(csr: x509.CertificateSigningRequest) -> str:
    return csr.public_bytes(Encoding.PEM).decode()
