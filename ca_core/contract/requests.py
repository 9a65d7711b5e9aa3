"""Requests to a provider: frozen values, so that a new field with a default breaks nobody."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from ca_core.identity.keys import KeySpec
from ca_core.identity.spiffe import SpiffeId, TrustDomain

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
"""An address as it stands in a certificate's iPAddress SAN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What every call to a backend carries.

    Attributes:
        request_id: names this piece of work for ever; a repeat after a lost answer has the same
            one.
        deadline: aware UTC; give up (``PendingError``, ``OutcomeUnknownError``) when it has passed.
        pending: the token of the ``PendingError`` that this call continues, or None at first.
    """

    request_id: str
    deadline: datetime
    pending: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRequest(Request):
    """Ask what exists and what is missing; nothing may be changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityRequest(Request):
    """Make, adopt or return the authority of this id.

    Attributes:
        id: ``[a-z0-9-]``, at most 32 characters, made by the core, unique for ever.
        key: key of the primary CA; another key for a known id is ``RequestError``.
        ttl: life of a primary CA made here; ignored where one exists.
        trust_domain: stands as URI SAN ``spiffe://<trust domain>`` in the primary CA.
    """

    id: str
    key: KeySpec
    ttl: timedelta
    trust_domain: TrustDomain


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerRequest(Request):
    """Make or return the signer of this id.

    Attributes:
        id: ``[a-z0-9-]``, at most 32 characters, made by the core, unique for ever.
        key: key of the signer; another key for a known id is ``RequestError``.
        ttl: life of the signer, clamped within every certificate above it.
    """

    id: str
    key: KeySpec
    ttl: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallRequest(Request):
    """Give back what somebody else signed for ``id``.

    Attributes:
        id: of the authority (``install_authority``) or of the signer (``install_intermediate``).
        chain: the signed certificate first, then its issuers, the anchor last.
    """

    id: str
    chain: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafRequest(Request):
    """Sign a leaf; the core has already checked the CSR and what the caller may have.

    Attributes:
        csr: its public key goes into the leaf; nothing else of it needs to be read.
        identity: becomes the one URI SAN, exactly.
        dns_names: the DNS SANs, exactly these, in this order.
        ip_addresses: the IP SANs, exactly these, in this order.
        not_before: aware UTC, already backdated (60 s) by the core.
        not_after: aware UTC; the leaf may end earlier, never later.
        signer: id of the signer that must sign.
    """

    csr: x509.CertificateSigningRequest
    identity: SpiffeId
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[IPAddress, ...] = ()
    not_before: datetime
    not_after: datetime
    signer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntermediateRequest(Request):
    """Sign the intermediate of a secondary: path length 0, our trust domain, clamped life.

    Attributes:
        csr: by the secondary's key; check it (``checked_intermediate``), the core has not.
        trust_domain: stands as the one URI SAN; it must be ours.
        ttl: life asked for.
    """

    csr: x509.CertificateSigningRequest
    trust_domain: TrustDomain
    ttl: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossSignRequest(Request):
    """Re-issue another primary CA's certificate under this authority's primary key.

    Attributes:
        certificate: the CA to cross-sign; subject, key, SANs and SKI are taken from it.
        csr: a CSR by that CA's key, for ``CROSS_SIGN_NEEDS_CSR``; else None.
        not_after: aware UTC; clamped to this authority's own end.
        path_length: the path length of the result, or None for none.
    """

    certificate: x509.Certificate
    csr: x509.CertificateSigningRequest | None = None
    not_after: datetime
    path_length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrRequest(Request):
    """Make a CSR by this authority's primary key; changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeRequest(Request):
    """Revoke a leaf of ``signer``; a second time changes nothing.

    Attributes:
        certificate: the leaf.
        signer: id of the signer that issued it.
        reason: for the CRL entry; ``unspecified`` is expressed by leaving it out.
    """

    certificate: x509.Certificate
    signer: str
    reason: x509.ReasonFlags = x509.ReasonFlags.unspecified


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlRequest(Request):
    """Ask for the current CRL of ``signer``.

    Attributes:
        signer: id of the signer whose leaves it lists, and which signs it.
    """

    signer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireRequest(Request):
    """Remove what carries this authority's id, and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireSignerRequest(Request):
    """Remove what carries the signer ``id``, and nothing else.

    Attributes:
        id: of the signer.
    """

    id: str
