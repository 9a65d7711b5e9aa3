"""A throw-away leaf by the new signer, before anybody depends on it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from cryptography import x509

from ca_core.authority.guard import GuardedProvider
from ca_core.authority.record import REHEARSAL
from ca_core.authority.rows import AuthorityRow, CrossRow, SignerRow
from ca_core.authority.signerrules import Bundle
from ca_core.authority.signingpace import SigningPace
from ca_core.authority.slot import ProviderSlot
from ca_core.contract.answers import Signer, TrustChain
from ca_core.contract.issuing import BACKDATE
from ca_core.contract.requests import LeafRequest
from ca_core.errors import GuardError, PendingError, UnavailableError
from ca_core.identity.certificates import parsed_chain
from ca_core.identity.leafcsr import leaf_csr, new_leaf_key
from ca_core.identity.spiffe import ServerId
from ca_core.lifecycle.tools import CALL_LIMIT, Tools, new_request_id

LIFE = timedelta(minutes=5)
"""Of the rehearsal's leaf, whatever the TTL rules say."""


async def rehearse(  # noqa: PLR0913 - what is rehearsed, each part once
    tools: Tools,
    slot: ProviderSlot,
    authority: AuthorityRow,
    signer: SignerRow,
    bundles: Iterable[Bundle],
    crosses: Iterable[CrossRow] = (),
    *,
    anchors: Iterable[x509.Certificate] = (),
) -> None:
    """Have a leaf signed and judged as any other, and its chain held against bundles.

    Args:
        tools: the server's parts.
        slot: the provider that is to sign.
        authority: whose signer it is.
        signer: which one.
        bundles: fingerprints of the anchors that somebody holds, one set per holder.
        crosses: cross-certificates of the authority.
        anchors: certificates of old anchors, in which cross-certificates end.

    Raises:
        GuardError: the leaf or its chain breaks a rule, or a bundle holds no anchor for it.
        Error: it cannot be signed.
    """
    known = Signer(signer.id, signer.certificates)
    chain = TrustChain(authority.certificates)
    ways = _ways(crosses, tuple(anchors))
    held = tuple(bundles)
    await slot.call(lambda guard: guard.check_signer(known, chain, held, crosses=ways))
    request = _request(tools, signer)
    leaf = await _signed_patiently(tools, slot, request)
    await tools.record.raise_ceiling(authority.id, signer.id, leaf.not_valid_after_utc)
    tools.record.add(
        leaf,
        identity=str(request.identity),
        principal=REHEARSAL,
        authority=authority.id,
        signer=signer.id,
    )


async def _signed_patiently(
    tools: Tools, slot: ProviderSlot, request: LeafRequest
) -> x509.Certificate:
    """Return the leaf of a backend that may answer later; nobody can come back for it.

    Raises:
        PendingError: it takes longer than the leaf would live.
        UnavailableError: the leaf ended while it was made.
    """
    while True:
        try:
            return await slot.call(partial(_sign, slot.pace, request))
        except GuardError as refused:
            if tools.clock.now() < request.not_after:
                raise
            raise UnavailableError("the machine slept during the rehearsal") from refused
        except PendingError as pending:
            if tools.clock.now() + pending.poll_after >= request.not_after:
                raise
            request = replace(request, pending=pending.token)
            await tools.clock.sleep(pending.poll_after.total_seconds())
            if tools.clock.now() >= request.not_after:  # the machine slept: begin anew
                raise


def _request(tools: Tools, signer: SignerRow) -> LeafRequest:
    now = tools.clock.now().replace(microsecond=0)
    identity = ServerId(
        trust_domain=tools.opener.trust_domain(), datacenter=tools.opener.datacenter()
    )
    return LeafRequest(
        request_id=new_request_id(),
        deadline=tools.clock.now() + CALL_LIMIT,
        csr=leaf_csr(new_leaf_key(), identity),  # the key is dropped here: nobody can present it
        identity=identity,
        dns_names=(),
        ip_addresses=(),
        not_before=now - BACKDATE,
        not_after=min(now + LIFE, signer.certificates[0].not_valid_after_utc),
        signer=signer.id,
    )


def _ways(
    crosses: Iterable[CrossRow], anchors: tuple[x509.Certificate, ...]
) -> tuple[tuple[x509.Certificate, ...], ...]:
    """Return each cross-certificate with what leads to the anchor that it ends in."""
    found = []
    for cross in crosses:
        links = parsed_chain(cross.certificate)
        found += [(*links, end) for end in anchors if end.subject == links[-1].issuer]
    return tuple(found)


def _sign(pace: SigningPace, request: LeafRequest, provider: GuardedProvider) -> x509.Certificate:
    return pace.timed(lambda: provider.sign_leaf(request))
