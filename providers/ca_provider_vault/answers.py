"""What stands in the server's answers, read strictly: their faults are the server's, not ours."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from ca_core.contract import ProviderError, RequestError, load_csr, parse_certificates


def certificate_in(data: Mapping[str, Any], key: str = "certificate") -> x509.Certificate:
    """Return the first certificate of a field.

    Raises:
        ProviderError: there is none, or it cannot be read.
    """
    return _parsed(str(data.get(key) or ""))[0]


def chain_in(data: Mapping[str, Any]) -> tuple[x509.Certificate, ...]:
    """Return an issuer's own certificate, then its issuers as far as the server knows them.

    Raises:
        ProviderError: there is none, or one cannot be read.
    """
    listed = data.get("ca_chain")
    own = certificate_in(data)
    above = _parsed("\n".join(map(str, listed))) if isinstance(listed, list) and listed else (own,)
    return (own, *(link for link in above if link != own))


def csr_in(data: Mapping[str, Any]) -> x509.CertificateSigningRequest:
    """Return the CSR of an answer.

    Raises:
        ProviderError: there is none, or it cannot be read.
    """
    try:
        return load_csr(str(data.get("csr") or ""))
    except RequestError as error:
        raise ProviderError(f"the server's CSR cannot be read: {error}") from error


def issuers_in(data: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what an import found: the id of each issuer, and of its key or ''."""
    mapping = data.get("mapping")
    return mapping if isinstance(mapping, Mapping) else {}


def instant(moment: datetime) -> str:
    """Return a time as the server reads it: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parsed(text: str) -> tuple[x509.Certificate, ...]:
    try:
        return parse_certificates(text.encode(), field="")
    except RequestError as error:
        raise ProviderError(f"the server's certificate cannot be read: {error}") from error
