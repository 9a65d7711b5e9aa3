"""Requests that carry what somebody else made, checked before anything is signed."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from ca_core.contract.installing import room_below
from ca_core.contract.requests import CrossSignRequest, IntermediateRequest
from ca_core.errors import RequestError
from ca_core.identity.certificates import is_ca, spki_der
from ca_core.identity.keys import key_spec_of
from ca_core.identity.spiffe import TrustDomain

_SPIFFE = "spiffe://"


def positive_life(ttl: timedelta) -> timedelta:
    """Return a life that is longer than nothing.

    Raises:
        RequestError: it is not.
    """
    if ttl <= timedelta():
        raise RequestError("a certificate needs a positive life", field="ttl")
    return ttl


def checked_intermediate(
    request: IntermediateRequest, trust_domain: TrustDomain
) -> x509.CertificateSigningRequest:
    """Return the CSR of a secondary that may have an intermediate.

    1. It is for our trust domain, and names no other.
    2. It proves possession of its key.
    3. Its key is one a CA may have.

    Raises:
        RequestError: naming what is wrong.
    Source: RFC 2986 §3, SPIFFE X509-SVID §3.
    """
    if request.trust_domain != trust_domain:
        raise RequestError(f"our trust domain is {trust_domain}", field="trust_domain")  # (1)
    try:
        foreign = [uri for uri in _uris(request.csr) if uri != f"{_SPIFFE}{trust_domain}"]
        if foreign:
            raise RequestError(f"the CSR names {foreign[0][:120]!r}", field="csr.san")
        if not request.csr.is_signature_valid:
            raise RequestError("not signed by its own key", field="csr.signature")  # (2)
        key_spec_of(request.csr.public_key())  # (3)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RequestError(f"unreadable: {type(error).__name__}", field="csr") from None
    return request.csr


def checked_cross_sign(
    request: CrossSignRequest, chain: Sequence[x509.Certificate], *, now: datetime
) -> CrossSignRequest:
    """Return the request with life and path length clamped to what ``chain`` allows.

    ``chain`` is the signing authority's: primary CA first.


    1. The certificate is a CA with a subject, and not this authority itself.
    2. A CSR that comes along is for the same key.
    3. There is life left to give.

    Raises:
        RequestError: naming what is wrong.
    Source: RFC 5280 §3.2, §4.2.1.9.
    """
    theirs = request.certificate
    key = spki_der(theirs.public_key())
    if not is_ca(theirs) or not theirs.subject.rdns:
        raise RequestError("only a CA with a subject is cross-signed", field="certificate")  # (1)
    if key == spki_der(chain[0].public_key()):
        raise RequestError("this is the authority's own key", field="certificate")
    if request.csr is not None and spki_der(request.csr.public_key()) != key:
        raise RequestError("the CSR is for another key", field="csr")  # (2)
    not_after = min(request.not_after, *(link.not_valid_after_utc for link in chain))
    if not_after <= now:
        raise RequestError("no life is left to give", field="not_after")  # (3)
    path_length = _shorter(request.path_length, room_below(chain))
    return dataclasses.replace(request, not_after=not_after, path_length=path_length)


def _shorter(asked: int | None, room: int | None) -> int | None:
    if room is None:
        return asked
    return room - 1 if asked is None else min(asked, room - 1)


def _uris(csr: x509.CertificateSigningRequest) -> list[str]:
    try:
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)
