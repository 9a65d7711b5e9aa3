"""Signers on the server: issuer and key in the intermediate mount, both named after the signer."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.contract import (
    CrlRequest,
    KeySpec,
    LeafRequest,
    OutcomeUnknownError,
    ProviderError,
    RequestError,
    TrustDomain,
)
from ca_provider_vault.answers import certificate_in, csr_in, instant, issuers_in
from ca_provider_vault.client import RefusedError
from ca_provider_vault.naming import leaf_role, signer_object
from ca_provider_vault.remote import Mount, already
from ca_provider_vault.roles import role_fields
from ca_provider_vault.roots import key_fields, names

_NO_ROLE = "unknown role"


class Signers:
    """The intermediate mount, for one authority."""

    def __init__(self, mount: Mount, authority: str, trust_domain: TrustDomain) -> None:
        self._mount = mount
        self._authority = authority
        self._domain = trust_domain
        self._role = leaf_role(authority)

    def csr(
        self, signer: str, key: KeySpec, *, deadline: datetime
    ) -> x509.CertificateSigningRequest:
        """Return a CSR by the signer's key, made if there is none; its bytes differ each time."""
        name = signer_object(self._authority, signer)
        subject = names(self._domain, signer)
        fresh = subject | key_fields(key) | {"key_name": name}
        try:
            made = self._mount.made("intermediate/generate/internal", fresh, deadline=deadline)
        except RefusedError as error:
            if not already(error):
                raise
            again = subject | {"key_ref": name}
            made = self._mount.post("intermediate/generate/existing", again, deadline=deadline)
        return csr_in(made)

    def install(self, signer: str, certificate: x509.Certificate, *, deadline: datetime) -> None:
        """Give the signer's key its certificate, its name and the role of leaves; repeatable.

        Raises:
            ProviderError: the server has no key for that certificate.
        """
        fields = {"certificate": certificate.public_bytes(Encoding.PEM).decode()}
        answer = self._write("intermediate/set-signed", fields, deadline)
        issuer, name = self._keyed(answer, deadline), signer_object(self._authority, signer)
        self._write(f"issuer/{issuer}", {"issuer_name": name}, deadline)
        self._give_role(deadline)

    def _give_role(self, deadline: datetime) -> None:
        self._write(f"roles/{self._role}", role_fields(self._domain), deadline)

    def _write(self, path: str, fields: Mapping[str, Any], deadline: datetime) -> Mapping[str, Any]:
        return self._mount.post(path, fields, deadline=deadline, repeatable=True)

    def _keyed(self, answer: Mapping[str, Any], deadline: datetime) -> str:
        """Return the issuer that has a key; one without was imported in vain, and goes again."""
        for issuer, key in issuers_in(answer).items():
            if key:
                return issuer
        imported = answer.get("imported_issuers")
        for issuer in imported if isinstance(imported, list) else ():
            self._mount.delete(f"issuer/{issuer}", deadline=deadline)
        raise ProviderError("the server has no key for the certificate of that signer")

    def sign_leaf(self, request: LeafRequest, *, ends: datetime) -> x509.Certificate:
        """Have the named signer sign; of the CSR only the public key is used.

        Raises:
            AbsentError: the server has no such signer.
        """
        name = signer_object(self._authority, request.signer)
        fields = leaf_fields(request, ends)
        path, deadline = f"issuer/{name}/sign/{self._role}", request.deadline
        try:
            answer = self._mount.post(path, fields, deadline=deadline)
        except RefusedError as error:
            if not any(_NO_ROLE in reason for reason in error.reasons):
                raise
            self._give_role(deadline)  # somebody deleted it
            answer = self._mount.post(path, fields, deadline=deadline)
        return certificate_in(answer)

    def revoke(self, certificate: x509.Certificate, *, expired: bool, deadline: datetime) -> None:
        """Revoke a leaf; the server keeps none, so it is given the whole one.

        Raises:
            OutcomeUnknownError: it says nothing of a revocation, as it may of an expired leaf.
        """
        fields = {"certificate": certificate.public_bytes(Encoding.PEM).decode()}
        answer = self._write("revoke", fields, deadline)
        if not answer.get("revocation_time") and not expired:
            raise OutcomeUnknownError("the server does not say that it has revoked the certificate")

    def crl(self, request: CrlRequest) -> x509.CertificateRevocationList:
        """Return a signer's CRL as the server has it.

        Raises:
            AbsentError: the server has no such signer.
            ProviderError: what it sent is no CRL.
        """
        name = signer_object(self._authority, request.signer)
        answer = self._mount.raw(f"issuer/{name}/crl/der", deadline=request.deadline)
        try:
            return x509.load_der_x509_crl(answer.body)
        except ValueError as error:
            raise ProviderError("the server's CRL cannot be read") from error

    def sign_crl(
        self,
        request: CrlRequest,
        entries: Sequence[Mapping[str, Any]],
        *,
        number: int,
        life: timedelta,
    ) -> x509.CertificateRevocationList:
        """Have a signer sign a list of our own.

        Args:
            request: names the signer.
            entries: as the server takes them.
            number: of the list.
            life: until the next one.

        Raises:
            ProviderError: what it sent is no CRL.
        """
        name = signer_object(self._authority, request.signer)
        fields = {
            "crl_number": number,
            "format": "pem",
            "next_update": f"{int(life.total_seconds())}s",
            "revoked_certs": entries,
        }
        path = f"issuer/{name}/sign-revocation-list"
        answer = self._mount.post(path, fields, deadline=request.deadline)
        try:
            return x509.load_pem_x509_crl(str(answer.get("crl")).encode())
        except ValueError as error:
            raise ProviderError("the server's CRL cannot be read") from error

    def rotate_crls(self, *, deadline: datetime) -> None:
        """Have the server make its CRLs again."""
        self._mount.get("crl/rotate", deadline=deadline)

    def delete(self, signer: str, *, deadline: datetime) -> None:
        """Delete issuer and key of a signer."""
        name = signer_object(self._authority, signer)
        self._mount.delete(f"issuer/{name}", deadline=deadline)
        self._mount.delete(f"key/{name}", deadline=deadline)

    def delete_issuer(self, certificate: x509.Certificate, *, deadline: datetime) -> None:
        """Delete the issuer of a certificate, whatever it is called: importing it again tells."""
        fields = {"certificate": certificate.public_bytes(Encoding.PEM).decode()}
        answer = self._write("intermediate/set-signed", fields, deadline)
        for issuer in issuers_in(answer):
            self._mount.delete(f"issuer/{issuer}", deadline=deadline)

    def delete_role(self, *, deadline: datetime) -> None:
        """Delete the role of this authority's leaves."""
        self._mount.delete(f"roles/{self._role}", deadline=deadline)


def leaf_fields(request: LeafRequest, ends: datetime) -> dict[str, Any]:
    """Return what the server needs to sign a leaf.

    Raises:
        RequestError: a DNS name that the server would read as something else.
    """
    strange = [name for name in request.dns_names if set(name) & set(",@:/ ") or not name]
    if strange:
        raise RequestError(f"{strange[0][:120]!r} is no DNS name", field="dns_names")
    return {
        "csr": request.csr.public_bytes(Encoding.PEM).decode(),
        "uri_sans": str(request.identity),
        "alt_names": ",".join(request.dns_names),
        "ip_sans": ",".join(map(str, request.ip_addresses)),
        "not_after": instant(ends),
        "exclude_cn_from_sans": True,
    }
