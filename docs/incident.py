"""What a row of the incident list is, and who may answer for it."""

from dataclasses import dataclass
from enum import StrEnum


class Owner(StrEnum):
    """Which part of this project answers for a row."""

    PROVIDER = "any provider"
    STORE = "store"
    VAULT = "Vault provider"
    LIFECYCLE = "lifecycle"
    AGENT = "agent"
    AUTHORIZER = "authorizer"
    SERVER = "server"


CHECKED = frozenset({Owner.PROVIDER, Owner.STORE})
"""Owners whose rows the conformance kit covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One row.

    Attributes:
        id: stable; checks cite it.
        seen: where, as public issue numbers.
        broke: what went wrong, in our words.
        owners: who answers for it here, the first one foremost.
        because: why it is theirs.
        covered: files of this repository that cover it, beside the checks; or what is missing.
    """

    id: str
    seen: str
    broke: str
    owners: tuple[Owner, ...]
    because: str
    covered: tuple[str, ...] = ()
