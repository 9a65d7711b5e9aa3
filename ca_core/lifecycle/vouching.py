"""Whether the old authority can vouch for a new one: what a plan says in advance."""

from collections.abc import Collection
from datetime import datetime

from ca_core.authority.rows import AuthorityRow
from ca_core.authority.slots import place_of
from ca_core.contract.capabilities import Capability
from ca_core.contract.installing import room_below
from ca_core.lifecycle.tools import Tools

ROOM = 2
"""CA certificates below the old primary CA: the cross-signed one, and a signer below it."""


def why_not_crossed(
    tools: Tools, old: AuthorityRow, new: Collection[Capability] | None, now: datetime
) -> str:
    """Return why the new root cannot be cross-signed; '' if it can.

    Args:
        tools: the server's parts.
        old: the authority that signs now.
        new: what the new provider can do; None if it could not be asked.
        now: aware UTC.
    """
    slot, chain = tools.slots.at(place_of(old)), old.certificates
    if min(certificate.not_valid_after_utc for certificate in chain) <= now:
        return "the present root has expired"
    if not slot.is_open:
        return "the present provider is not open"
    can = slot.provider.capabilities
    if Capability.CROSS_SIGN not in can:
        return f"the present provider ({old.provider}) does not cross-sign"
    needs_csr = Capability.CROSS_SIGN_NEEDS_CSR in can
    if needs_csr and Capability.CROSS_SIGN_CSR not in (new or ()):
        return "the present provider needs a CSR to cross-sign, and the new one makes none"
    room = room_below(chain)
    if room is not None and room < ROOM:
        return "the present root's path length leaves no room below it"
    return ""


def lost_capabilities(
    tools: Tools, old: AuthorityRow, new: Collection[Capability]
) -> tuple[str, ...]:
    """Return by name what the present provider can do, or needs, and the new one cannot."""
    slot = tools.slots.at(place_of(old))
    if not slot.is_open:
        return ()
    wanted = slot.provider.capabilities & _KEPT
    if Capability.CROSS_SIGN_NEEDS_CSR in slot.provider.capabilities:
        wanted |= {Capability.CROSS_SIGN_CSR}
    return tuple(sorted(wanted - set(new)))


_KEPT = frozenset({Capability.CROSS_SIGN, Capability.REVOKE, Capability.SIGN_INTERMEDIATE})
"""Abilities that somebody may rely on; the others are how a provider works."""
