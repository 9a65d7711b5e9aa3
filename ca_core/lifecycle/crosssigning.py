"""Letting the old authority vouch for the new one: a path for verifiers that know only the old."""

import logging
from datetime import datetime, timedelta
from functools import partial

from cryptography import x509

from ca_core.agent.waiting import within
from ca_core.authority.guard import GuardedProvider
from ca_core.authority.rows import AUTHORITIES, AuthorityRow, CrossRow, read
from ca_core.authority.slot import ProviderSlot
from ca_core.authority.slots import place_of
from ca_core.contract.answers import TrustChain
from ca_core.contract.capabilities import Capability
from ca_core.contract.requests import CrossSignRequest, CsrRequest
from ca_core.errors import (
    CapabilityUnsupportedError,
    Error,
    NotReadyError,
    OutcomeUnknownError,
    PendingError,
    RateLimitedError,
    UnavailableError,
)
from ca_core.identity.certificates import parsed_chain, pem_chain
from ca_core.identity.paths import path_length_of
from ca_core.lifecycle.readiness import opened
from ca_core.lifecycle.rows import OperationRow
from ca_core.lifecycle.tools import Tools, new_request_id

LIVES_NEEDED = 2
"""Lives of a leaf: one for those of the old authority, one for the last that needs the path."""

PATIENCE = timedelta(minutes=5)
"""An old provider that fails, or hangs, gets this long to vouch; the change goes on without it."""

_PASSING = (UnavailableError, RateLimitedError, OutcomeUnknownError)

_log = logging.getLogger("ca_core.lifecycle")


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


def has_expired(row: AuthorityRow, now: datetime) -> bool:
    """Say whether a certificate of an authority's chain has ended: nothing leads to it any more."""
    return min(certificate.not_valid_after_utc for certificate in row.certificates) <= now


async def crossed(
    tools: Tools, row: OperationRow, chain: TrustChain, slot: ProviderSlot
) -> CrossRow | None:
    """Return the new primary CA signed by the old one; None if the old provider cannot, or is lost.

    A cross-certificate is a help, never a need: without one, acknowledgements and time to settle
    are what the change goes by.

    Args:
        tools: the server's parts.
        row: the operation.
        chain: the new authority's.
        slot: the new provider, for a CSR by its primary key.

    Raises:
        PendingError: the old provider answers later.
        Error: it is away for the moment, and not for long yet.
    """
    old = read(tools.view, AuthorityRow, AUTHORITIES, row.old.authority)
    if old is None or has_expired(old, tools.clock.now()):
        return None
    try:
        signing = await opened(tools, tools.slots.open(place_of(old)))
    except Error as error:
        _log.warning("operation %s: the old provider is not open: %s", row.id, error)
        return None
    try:
        asking = _crossed(tools, row, old, chain, (signing, slot))
        return await within(asking, PATIENCE, tools.clock, what="asking the old provider to vouch")
    except PendingError:
        raise
    except Error as error:
        if _passes(error) and _is_waited_for(row, tools.clock.now()):
            raise
        _log.warning("operation %s: the old root does not vouch: %s", row.id, error)
        return None


def _passes(error: Error) -> bool:
    """Say whether an open provider may vouch later; one that knows no such authority never does."""
    return isinstance(error, _PASSING) and not isinstance(error, NotReadyError)


def _is_waited_for(row: OperationRow, now: datetime) -> bool:
    return not row.wishes.force and now < row.phase_since + PATIENCE


async def _crossed(
    tools: Tools,
    row: OperationRow,
    old: AuthorityRow,
    chain: TrustChain,
    slots: tuple[ProviderSlot, ProviderSlot],
) -> CrossRow | None:
    """Ask the old provider, the first of ``slots``; the new one makes the CSR if one is needed."""
    signing, slot = slots
    if Capability.CROSS_SIGN not in signing.provider.capabilities:
        return None
    csr = None
    if Capability.CROSS_SIGN_NEEDS_CSR in signing.provider.capabilities:
        csr = await _csr(tools, slot)
        if csr is None:
            return None
    request_id = f"{row.new.authority}.cross.{row.old.authority}"
    request = CrossSignRequest(
        request_id=request_id,
        deadline=tools.deadline(),
        pending=tools.pending.token(request_id),
        certificate=chain.primary,
        csr=csr,
        not_after=cross_end(row, tools.clock.now(), tools.leaf_ttl()),
        path_length=path_length_of(chain.primary),
    )
    certificate = await tools.pending.call(signing, request_id, partial(_cross_sign, request))
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
