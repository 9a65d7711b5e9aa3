"""The trusted roots as they are shown: Consul's ``CARoots`` from the rows of one view."""

from ca_core.authority.rows import (
    AUTHORITIES,
    ROOTS_TOPIC,
    AuthorityRow,
    SignerRow,
    bundle,
    crosses_of,
    current_signer,
    trust_domain,
    trusted_authorities,
)
from ca_core.errors import NotReadyError
from ca_core.identity.certificates import (
    colon_hex,
    parsed_chain,
    pem_of,
    root_id,
    serial_hex,
    subject_key_id,
)
from ca_core.state.view import View
from ca_core.wire.roots import CARoot, CARoots
from ca_core.wire.times import wire_time

_LOW_64_BITS = 2**64 - 1


def roots_index(view: View) -> int:
    """Return the index of the newest change of roots or of what signs; at least 1."""
    return view.topic_index(ROOTS_TOPIC)


def roots_of(view: View) -> CARoots:
    """Return every trusted root, the active one marked; retired authorities are absent.

    Raises:
        NotReadyError: no authority exists yet.
    """
    domain, current = trust_domain(view), current_signer(view)
    if domain is None or current is None:
        raise NotReadyError("the CA has not finished initializing: no authority signs yet")
    active, signer = current
    trusted = trusted_authorities(view)
    return CARoots(
        active_root_id=root_id(active.anchor_certificate),
        trust_domain=domain.name,
        roots=tuple(_root(view, row, signer if row.id == active.id else None) for row in trusted),
    )


def bundle_pem(view: View) -> str:
    """Return every anchor now trusted as concatenated PEM, oldest authority first."""
    return "".join(pem_of(anchor) for anchor in bundle(view))


def _root(view: View, row: AuthorityRow, signer: SignerRow | None) -> CARoot:
    anchor = row.anchor_certificate
    stored = view.get(AUTHORITIES, row.id)
    return CARoot(
        id=root_id(anchor),
        name=f"{row.provider.capitalize()} CA Primary Cert",
        serial_number=anchor.serial_number & _LOW_64_BITS,
        serial_number_hex=serial_hex(anchor),
        signing_key_id=_signing_key_id(row, signer),
        external_trust_domain=_cluster_id(view),
        not_before=wire_time(anchor.not_valid_before_utc),
        not_after=wire_time(anchor.not_valid_after_utc),
        root_cert=row.anchor,
        intermediate_certs=_intermediates(view, row, signer),
        active=signer is not None,
        private_key_type=row.key_type,
        private_key_bits=row.key_bits,
        create_index=stored.created if stored else 1,
        modify_index=stored.version if stored else 1,
    )


def _cluster_id(view: View) -> str:
    domain = trust_domain(view)
    return domain.name.rpartition(".")[0] or domain.name if domain else ""


def _signing_key_id(row: AuthorityRow, signer: SignerRow | None) -> str:
    """Return the SKI of what signs leaves under this authority, else of its primary CA."""
    certificate = parsed_chain(signer.chain if signer else row.chain)[0]
    return colon_hex(subject_key_id(certificate) or b"")


def _intermediates(
    view: View, row: AuthorityRow, signer: SignerRow | None
) -> tuple[str, ...] | None:
    """Return what a leaf brings beside itself; what signs leaves stands last, as in Consul."""
    if signer is None:
        return None
    own = [pem_of(c) for c in signer.certificates if c != row.anchor_certificate]
    crosses = tuple(cross.certificate for cross in crosses_of(view, row.id))
    return crosses + tuple(reversed(own)) or None
