"""Marks by which providers know that an id is dead: few are kept, or every change would leave one.

A mark stops whoever was slow from making what was removed meanwhile. Only a server that slept
through ``KEPT_MARKS`` changes could come so late, and what it makes is under an id that no row
names.
"""

import re

from ca_core.authority.rows import AUTHORITIES, SIGNERS
from ca_core.lifecycle.rows import LEFTOVERS
from ca_core.state.providerstate import PROVIDER_STATE
from ca_core.state.view import View

KEPT_MARKS = 20
"""Marks of authorities and signers that the store knows no more."""

_AT_ONCE = 10
"""Marks that one commit drops at most; a commit holds few changes."""

_MARK = re.compile(r"[^/]+/authority/([a-z0-9-]+)(?:/signer/([a-z0-9-]+))?/retired")
"""A mark's key in ``PROVIDER_STATE``, as ``ca_core.contract.keeping`` writes it."""

_CLAIM = re.compile(r"[^/]+/adopted/[^/]+")
"""A claim's key there, as ``ca_core.contract.adopting`` writes it; its value is the owner's id."""


def outlived_marks(view: View) -> tuple[str, ...]:
    """Return the keys of marks in ``PROVIDER_STATE`` that may be dropped now, oldest first."""
    table = view.table(PROVIDER_STATE)
    dead = sorted((row.version, key) for key, row in table.items() if _is_of_the_dead(view, key))
    return tuple(key for _, key in dead[: -KEPT_MARKS or None])[:_AT_ONCE]


def left_claims(view: View, authority: str) -> tuple[str, ...]:
    """Return the keys of the claims to existing CAs in ``PROVIDER_STATE`` of an authority.

    A provider that was given up released none. Once the mark of its owner is dropped, nobody could
    tell a claim that counts from one that was left.
    """
    table, owner = view.table(PROVIDER_STATE), authority.encode()
    return tuple(key for key, row in table.items() if row.value == owner and _CLAIM.fullmatch(key))


def _is_of_the_dead(view: View, key: str) -> bool:
    """Say whether a key is a mark, and the store knows what it names no more."""
    found = _MARK.fullmatch(key)
    if found is None:
        return False
    authority, signer = found.groups()
    if signer is None:
        return not _is_known(view, AUTHORITIES, authority, authority)
    return not _is_known(view, SIGNERS, signer, f"{authority}/{signer}")


def _is_known(view: View, table: str, key: str, leftover: str) -> bool:
    return view.get(table, key) is not None or view.get(LEFTOVERS, leftover) is not None
