"""From planned to prepared: authority and signer made, cross-signed, rehearsed.

Every step is idempotent by an id that stands in the operation's row before the step begins.
"""

from ca_core.authority.bringup import authority_row
from ca_core.authority.configuration import settings_of
from ca_core.authority.rows import (
    AUTHORITIES,
    SIGNERS,
    AuthorityRow,
    Phase,
    SignerRow,
    read,
    trusted_authorities,
)
from ca_core.authority.rules import same_key
from ca_core.authority.slot import ProviderSlot
from ca_core.authority.slots import Place
from ca_core.contract.answers import Signer, TrustChain
from ca_core.contract.requests import AuthorityRequest, ProbeRequest, SignerRequest
from ca_core.errors import ConfigError, ConflictError, PermissionDeniedError
from ca_core.identity.certificates import fingerprint, pem_chain
from ca_core.lifecycle import commits
from ca_core.lifecycle.commits import Made
from ca_core.lifecycle.crosssigning import crossed
from ca_core.lifecycle.evidence import bundle_of
from ca_core.lifecycle.readiness import opened
from ca_core.lifecycle.rehearsal import rehearse
from ca_core.lifecycle.rows import OperationRow
from ca_core.lifecycle.tools import Tools, new_request_id


async def made(tools: Tools, row: OperationRow) -> Made:
    """Return what the operation needs, made and rehearsed; nothing of it is trusted yet.

    Raises:
        Error: of the provider, or ``GuardError``.
    """
    place = Place(row.new.authority, row.new.configuration)
    slot = tools.slots.hold(place)
    try:
        async with tools.lock(place.authority):
            return await _made(tools, row, await opened(tools, slot))
    finally:
        tools.slots.release(place)


async def _made(tools: Tools, row: OperationRow, slot: ProviderSlot) -> Made:
    if row.makes_signer and not row.touched:
        await _looked(tools, row, slot)
    authority = await _authority(tools, row, slot)
    _require_another_key(tools, row, authority)
    signer = await _signer(tools, row, slot)
    anchor = fingerprint(authority.anchor_certificate)
    coming = bundle_of(tools.view) | {anchor}
    if not row.makes_authority:
        await rehearse(tools, slot, authority, signer, (coming,))
        return Made(signer=signer if row.makes_signer else None)
    cross = await crossed(tools, row, TrustChain(authority.certificates), slot)
    crosses = () if cross is None else (cross,)
    now_held = bundle_of(tools.view)
    bundles = (coming, now_held) if crosses else (coming,)
    anchors = [old.anchor_certificate for old in trusted_authorities(tools.view)]
    await rehearse(tools, slot, authority, signer, bundles, crosses, anchors=anchors)
    return Made(authority=authority, signer=signer, crosses=crosses)


def _require_another_key(tools: Tools, row: OperationRow, made: AuthorityRow) -> None:
    """Refuse a new root that is the old one: a compromised key would stay, under another id.

    Another configuration may well lead to the same key, with another provider or anchor.

    Raises:
        ConfigError: it has the key of the root that it is to replace.
    """
    old = read(tools.view, AuthorityRow, AUTHORITIES, row.old.authority)
    if row.makes_configuration or not row.makes_authority or old is None:
        return
    if same_key(old.certificates[0], made.certificates[0]):
        raise ConfigError(
            "the provider gives the key of the old root for the new one",
            hint="change to another provider, or to another root of this one",
        )


async def _looked(tools: Tools, row: OperationRow, slot: ProviderSlot) -> None:
    """Ask what is missing before anything is made; what fails here leaves nothing to remove.

    Raises:
        PermissionDeniedError: the backend would refuse something on the way.
    """
    request = ProbeRequest(request_id=new_request_id(), deadline=tools.deadline())
    found = await slot.call(lambda provider: provider.probe(request))
    if row.makes_authority and found.missing_permissions:
        raise PermissionDeniedError(
            "the backend refuses what is needed", needed=found.missing_permissions
        )
    await tools.store.commit_async(commits.touched(tools.view, row))


async def _authority(tools: Tools, row: OperationRow, slot: ProviderSlot) -> AuthorityRow:
    standing = read(tools.view, AuthorityRow, AUTHORITIES, row.new.authority)
    if standing is not None:
        return standing
    configuration = tools.opener.configuration(row.new.configuration)
    settings = settings_of(configuration)
    request_id = f"{row.new.authority}.ensure"
    request = AuthorityRequest(
        request_id=request_id,
        deadline=tools.deadline(),
        pending=tools.pending.token(request_id),
        id=row.new.authority,
        key=settings.key,
        ttl=settings.root_ttl,
        trust_domain=tools.opener.trust_domain(),
    )
    chain = await tools.pending.call(slot, request_id, lambda p: p.ensure_authority(request))
    now = tools.clock.now()
    return authority_row(row.new.authority, chain, configuration, Phase.PREPARED, now)


async def _signer(tools: Tools, row: OperationRow, slot: ProviderSlot) -> SignerRow:
    standing = read(tools.view, SignerRow, SIGNERS, row.new.signer)
    if standing is not None:
        return standing
    if not row.makes_signer:
        raise ConflictError(f"signer {row.new.signer} is gone")
    settings = settings_of(tools.opener.configuration(row.new.configuration))
    request_id = f"{row.new.signer}.prepare"
    request = SignerRequest(
        request_id=request_id,
        deadline=tools.deadline(),
        pending=tools.pending.token(request_id),
        id=row.new.signer,
        key=settings.key,
        ttl=settings.intermediate_ttl,
    )
    signer: Signer = await tools.pending.call(slot, request_id, lambda p: p.prepare_signer(request))
    return SignerRow(
        id=signer.id,
        authority=row.new.authority,
        chain=pem_chain(signer.chain),
        created=tools.clock.now(),
    )
