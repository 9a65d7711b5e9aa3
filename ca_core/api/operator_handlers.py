"""What operators ask of a running server: how the CA stands, a backup, a new key-encryption key."""

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path

import msgspec

from ca_core.acl.access import Action
from ca_core.api.http import Request, Response, json_response, text_response
from ca_core.api.leftover_handlers import shown_leftovers
from ca_core.api.rooms import ServerRoom, require
from ca_core.authority.ceilings import ceiling_of
from ca_core.authority.manager import CAManager
from ca_core.authority.rows import authorities, current_signer
from ca_core.contract.answers import Health
from ca_core.errors import NotFoundError
from ca_core.identity.certificates import fingerprint, parse_certificates
from ca_core.lifecycle import installing
from ca_core.state.backup import records_of, write_backup
from ca_core.telemetry.credentials import hours_left
from ca_core.telemetry.logs import redacted
from ca_core.wire.leftovers import LeftoverAnswer
from ca_core.wire.times import wire_time


class AuthorityStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One authority: phase, leaves on record, and the moment after which none is alive.

    ``complete`` says that no server died since it began to sign, so that the count is exact.
    """

    id: str = msgspec.field(name="ID")
    provider: str = msgspec.field(name="Provider")
    phase: str = msgspec.field(name="Phase")
    root_fingerprint: str = msgspec.field(name="RootFingerprint")
    not_after: str = msgspec.field(name="NotAfter")
    leaves: int = msgspec.field(name="Leaves")
    complete: bool = msgspec.field(name="Complete")
    ceiling: str = msgspec.field(name="Ceiling")


class ReviewPluginStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One review plugin: who it is, and why it is asked no more; empty while it is."""

    name: str = msgspec.field(name="Name")
    package: str = msgspec.field(name="Package")
    version: str = msgspec.field(name="Version")
    switched_off: str = msgspec.field(name="SwitchedOff")


class CredentialStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's credential at its backend: its end and the hours left, null if it has none.

    ``failures``: how often it could not be renewed or replaced, in a row.
    """

    ends: str | None = msgspec.field(name="Ends")
    hours_left: float | None = msgspec.field(name="HoursLeft")
    failures: int = msgspec.field(name="Failures")
    last_error: str = msgspec.field(name="LastError")


class CAStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the CA stands: trust domain, what signs, and why not if nothing does.

    ``drift`` says how the configuration file differs from what was applied last; empty if it does
    not. ``overdue`` says what should have been replaced by now and why it was not; empty if all is
    well.
    """

    trust_domain: str = msgspec.field(name="TrustDomain")
    datacenter: str = msgspec.field(name="Datacenter")
    ready: bool = msgspec.field(name="Ready")
    reason: str = msgspec.field(name="Reason")
    provider_ok: bool = msgspec.field(name="ProviderOK")
    provider_message: str = msgspec.field(name="ProviderMessage")
    credential: CredentialStatus | None = msgspec.field(name="Credential")
    signer: str = msgspec.field(name="Signer")
    signer_not_after: str = msgspec.field(name="SignerNotAfter")
    authorities: tuple[AuthorityStatus, ...] = msgspec.field(name="Authorities")
    leftovers: tuple[LeftoverAnswer, ...] = msgspec.field(name="Leftovers", default=())
    review_plugins: tuple[ReviewPluginStatus, ...] = msgspec.field(name="ReviewPlugins")
    drift: str = msgspec.field(name="Drift")
    overdue: str = msgspec.field(name="Overdue")


async def ca_status(room: ServerRoom, request: Request) -> Response:
    """Return how the CA stands: authorities, signer, provider's health, counts."""
    require(room.may, request, Action.OPERATOR_READ)
    view, manager = room.store.snapshot, room.manager
    counts = await asyncio.to_thread(manager.record.counts)
    health, reason = await manager.pulse.taken(), manager.why_not_ready()
    current = current_signer(view)
    listed = tuple(
        AuthorityStatus(
            id=row.id,
            provider=row.provider,
            phase=row.phase.value,
            root_fingerprint=fingerprint(row.anchor_certificate),
            not_after=wire_time(row.anchor_certificate.not_valid_after_utc),
            leaves=counts.get(row.id, 0),
            complete=row.complete,
            ceiling=wire_time(ceiling) if (ceiling := ceiling_of(view, row.id)) else "",
        )
        for row in authorities(view)
    )
    answer = CAStatus(
        trust_domain=manager.trust_domain.name,
        datacenter=manager.datacenter,
        ready=not reason,
        reason=reason,
        provider_ok=health.ok,
        provider_message=health.message,
        credential=_credential(health, room.clock.now()),
        signer=current[1].id if current else "",
        signer_not_after=wire_time(current[1].certificates[0].not_valid_after_utc)
        if current
        else "",
        authorities=listed,
        leftovers=shown_leftovers(view),
        review_plugins=_reviewers(manager),
        drift=await asyncio.to_thread(room.drift),
        overdue=room.lifecycle.schedule.overdue,
    )
    return json_response(answer)


def _credential(health: Health, now: datetime) -> CredentialStatus | None:
    found = health.credential
    if found is None:
        return None
    return CredentialStatus(
        ends=wire_time(found.ends) if found.ends else None,
        hours_left=hours_left(found, now),
        failures=found.failures,
        last_error=redacted(found.last_error),
    )


def _reviewers(manager: CAManager) -> tuple[ReviewPluginStatus, ...]:
    return tuple(
        ReviewPluginStatus(
            name=one.origin.name,
            package=one.origin.distribution,
            version=one.origin.version,
            switched_off=one.why_off,
        )
        for one in manager.reviewers()
    )


class ExternalChain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``PUT /v1/cluster/ca/chain``: PEM, the primary CA first, the corporate root last."""

    chain: str = msgspec.field(name="Chain")


async def waiting_csr(room: ServerRoom, request: Request) -> Response:
    """Return the CSR of the primary CA that waits for a corporate CA's signature, as PEM."""
    require(room.may, request, Action.OPERATOR_READ)
    csr = room.manager.waiting_csr() or installing.waiting_csr(room.store.snapshot)
    if not csr:
        raise NotFoundError("no authority waits for a signature from outside")
    return text_response(csr, content_type="application/x-pem-file")


async def install_chain(room: ServerRoom, request: Request) -> Response:
    """Install the primary CA's certificate as a corporate CA signed it, with its issuers."""
    require(room.may, request, Action.OPERATOR_WRITE)
    chain = parse_certificates(request.json(ExternalChain).chain, field="Chain")
    if room.manager.waiting_csr():
        await room.manager.install_chain(chain)
    else:
        await installing.install_chain(room.lifecycle.tools, chain)
    return json_response(value=True)


async def backup(room: ServerRoom, request: Request) -> Response:
    """Return a backup of everything stored: one file, secrets in it stay encrypted."""
    require(room.may, request, Action.OPERATOR_WRITE)
    body = await asyncio.to_thread(_backup_bytes, room)
    return Response(body=body, content_type="application/zip")


async def rekey(room: ServerRoom, request: Request) -> Response:
    """Make a new key-encryption key and rewrap every secret with it."""
    require(room.may, request, Action.OPERATOR_WRITE)
    return json_response(await asyncio.to_thread(room.rekey))


def _backup_bytes(room: ServerRoom) -> bytes:
    room.store.flush()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "backup.zip"
        snapshot = room.store.snapshot.snapshot()
        write_backup(snapshot, records_of(room.store), file, now=room.clock.now())
        return file.read_bytes()
