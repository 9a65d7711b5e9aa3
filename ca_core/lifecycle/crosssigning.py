"""Letting the old authority vouch for the new one: a path for verifiers that know only the old."""

from datetime import datetime, timedelta
from functools import partial

from cryptography import x509

from ca_core.authority.guard import GuardedProvider
from ca_core.authority.rows import AUTHORITIES, AuthorityRow, CrossRow, read
from ca_core.authority.slot import ProviderSlot
from ca_core.authority.slots import place_of
from ca_core.contract.answers import TrustChain
from ca_core.contract.capabilities import Capability
from ca_core.contract.requests import CrossSignRequest, CsrRequest
from ca_core.errors import CapabilityUnsupportedError
from ca_core.identity.certificates import parsed_chain, pem_chain
from ca_core.identity.paths import path_length_of
from ca_core.lifecycle.rows import OperationRow
from ca_core.lifecycle.tools import Tools, new_request_id

LIVES_NEEDED = 2
"""Lives of a leaf: one for those of the old authority, one for the last that needs the path."""


def cross_end(row: OperationRow, now: datetime, leaf_ttl: timedelta) -> datetime:
    """Return when a cross-certificate that is made now may end, aware UTC.

    It outlives the wait for acknowledgements, the leaves of the old authority, and every leaf of
    the new one that is presented while somebody knows only the old root.
    """
    begins = max(now, row.wishes.not_before or now)
    waits = row.wishes.patience + row.wishes.settle
    return (begins + waits + LIVES_NEEDED * leaf_ttl).replace(microsecond=0)


def outlives_need(cross: CrossRow, now: datetime, leaf_ttl: timedelta) -> bool:
    """Say whether a cross-certificate lives as long as it is needed if the new one signs now.

    One that is bounded by its issuer counts as long enough: no other can live longer.
    """
    chain = parsed_chain(cross.certificate)
    bounded = len(chain) > 1 and chain[0].not_valid_after_utc >= chain[1].not_valid_after_utc
    return bounded or chain[0].not_valid_after_utc >= now + LIVES_NEEDED * leaf_ttl


async def crossed(
    tools: Tools, row: OperationRow, chain: TrustChain, slot: ProviderSlot
) -> CrossRow | None:
    """Return the new primary CA signed by the old one; None if the old provider cannot.

    Args:
        tools: the server's parts.
        row: the operation.
        chain: the new authority's.
        slot: the new provider, for a CSR by its primary key.

    Raises:
        Error: the old provider can, and failed.
    """
    old = read(tools.view, AuthorityRow, AUTHORITIES, row.old.authority)
    if old is None:
        return None
    signing = tools.slots.at(place_of(old))
    now = tools.clock.now()
    ended = min(c.not_valid_after_utc for c in old.certificates) <= now
    if ended or not signing.is_open or Capability.CROSS_SIGN not in signing.provider.capabilities:
        return None
    csr = None
    if Capability.CROSS_SIGN_NEEDS_CSR in signing.provider.capabilities:
        csr = await _csr(tools, slot)
        if csr is None:
            return None
    leaf_ttl = tools.leaf_ttl()
    request = CrossSignRequest(
        request_id=f"{row.new.authority}.cross.{row.old.authority}",
        deadline=tools.deadline(),
        certificate=chain.primary,
        csr=csr,
        not_after=cross_end(row, now, leaf_ttl),
        path_length=path_length_of(chain.primary),
    )
    certificate = await tools.pending.call(
        signing, request.request_id, partial(_cross_sign, request)
    )
    return _row(row, old, certificate)


def _row(row: OperationRow, old: AuthorityRow, certificate: x509.Certificate) -> CrossRow:
    """Return it with the way from its issuer to the old anchor, that anchor excluded."""
    anchor = old.certificates.index(old.anchor_certificate)
    above = old.certificates[:anchor]
    chain = pem_chain((certificate, *above))
    return CrossRow(new=row.new.authority, old=row.old.authority, certificate=chain)


async def _csr(tools: Tools, slot: ProviderSlot) -> x509.CertificateSigningRequest | None:
    request = CsrRequest(request_id=new_request_id(), deadline=tools.deadline())
    try:
        return await slot.call(partial(_cross_sign_csr, request))
    except CapabilityUnsupportedError:
        return None


def _cross_sign(request: CrossSignRequest, provider: GuardedProvider) -> x509.Certificate:
    return provider.cross_sign(request)


def _cross_sign_csr(
    request: CsrRequest, provider: GuardedProvider
) -> x509.CertificateSigningRequest:
    return provider.cross_sign_csr(request)
