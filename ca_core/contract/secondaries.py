"""What a secondary does with the certificate that the primary signed for its signer's CSR."""

from collections.abc import Callable
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from ca_core.contract.installing import intermediate_faults
from ca_core.contract.keeping import Kept
from ca_core.contract.naming import ROOT, signer_name
from ca_core.contract.requests import InstallRequest
from ca_core.errors import RequestError
from ca_core.identity.certificates import pem_chain
from ca_core.identity.keys import PrivateKey
from ca_core.identity.spiffe import TrustDomain

CsrKey = Callable[[], PrivateKey | CertificatePublicKeyTypes | None]
"""Gives the key of a signer's CSR, or its public half; None if no CSR was made."""


def installed_intermediate(
    request: InstallRequest, kept: Kept, key: CsrKey, *, trust_domain: TrustDomain, now: datetime
) -> tuple[x509.Certificate, ...]:
    """Keep the chain of a secondary's signer; return it, the signer first and the anchor last.

    1. The signer's id is not dead.
    2. Where nothing is installed yet: a CSR was made (``key``), the chain has none of
       ``intermediate_faults``, and its anchor is that of the signers before.
    3. What lies above the signer is kept as the authority's chain, if there is none yet.
    4. The chain is kept under the signer's name; from now on it may sign.
    5. The chain that stands is the one asked for.

    Safe to repeat, also after a kill and on another server. Nothing that signs now is changed.

    Args:
        request: what the core wants installed.
        kept: the records of this authority.
        key: gives the key of the signer's CSR, its public half will do, or None if none was made.
            Called only while nothing is installed.
        trust_domain: must be the signer's one URI.
        now: aware UTC; the whole chain must be alive then.

    Raises:
        RequestError: a step refuses (field ``id`` or ``chain``).
        AuthorityRetiredError: the authority was retired.

    Source: the rules ``install.*`` and ``secondary.*`` of the conformance kit.
    """
    name = signer_name(request.id)
    kept.refuse_retired(name)  # (1)
    standing = kept.chain_or_none(name)
    if standing is None:
        _refuse_faulty(request, key(), trust_domain, now)  # (2)
        _refuse_other_anchor(request, kept)
        kept.installed(ROOT, request.chain[1:])  # (3)
        standing = kept.installed(name, request.chain)  # (4)
    if pem_chain(standing) != pem_chain(request.chain):  # (5)
        raise RequestError("another chain is installed for this signer", field="chain")
    return standing


def _refuse_faulty(
    request: InstallRequest,
    key: PrivateKey | CertificatePublicKeyTypes | None,
    trust_domain: TrustDomain,
    now: datetime,
) -> None:
    if key is None:
        raise RequestError("no CSR was made for this signer", field="id")
    faults = intermediate_faults(request.chain, key=key, trust_domain=trust_domain, now=now)
    if faults:
        raise RequestError("; ".join(faults), field="chain")


def _refuse_other_anchor(request: InstallRequest, kept: Kept) -> None:
    known = kept.chain_or_none(ROOT)
    if known is not None and known[-1] != request.chain[-1]:
        raise RequestError("it leads to another authority's anchor", field="chain")
