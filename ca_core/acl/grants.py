"""Grants: the cluster's word that one agent was shown one token. Pure.

A grant is ``TERMS.MAC``, both base64url: the terms as canonical JSON, and their HMAC-SHA256 under a
key that the cluster's servers share. Whoever holds one without being that agent has nothing.
"""

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from ca_core.errors import DeniedError

GRANT_LIFE: Final = timedelta(hours=1)
"""How long an agent that hears nothing may go on with a token it was shown."""

KEY_BYTES: Final = 32
"""As long as what SHA-256 gives; a longer key would gain nothing (RFC 2104 §3)."""

MAX_GRANT: Final = 4096
"""Characters; a SPIFFE ID has 2,048 at most."""

_PURPOSE = b"ca-core grant 1\n"
"""Comes before the terms: the key's MACs of anything else are no grants."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a grant says.

    Attributes:
        accessor: of which token.
        agent: SPIFFE ID of the agent that may use it.
        expires: seconds since 1970 UTC; from then on it is worth nothing.
    """

    accessor: str
    agent: str
    expires: int


def new_terms(accessor: str, agent: str, now: datetime, ends: datetime | None) -> Terms:
    """Return the terms of a grant made now; it never outlives its token, which ends at ``ends``."""
    latest = now + GRANT_LIFE
    until = latest if ends is None else min(latest, ends)
    return Terms(accessor=accessor, agent=agent, expires=int(until.timestamp()))


def life_left(terms: Terms, now: datetime) -> timedelta:
    """Return how long it is good for, from ``now``; negative if it no longer is."""
    return datetime.fromtimestamp(terms.expires, UTC) - now


def sealed(terms: Terms, key: bytes) -> str:
    """Return the grant."""
    said = msgspec.json.encode(terms, order="sorted")
    return f"{_text(said)}.{_text(_mac(said, key))}"


def opened(grant: str, key: bytes, *, agent: str, now: datetime) -> Terms:
    """Return the terms of a grant that this agent may use now.

    1. The MAC is the cluster's; nothing is read before.
    2. It was made for this agent.
    3. It has not expired.

    Raises:
        DeniedError: any of these does not hold.
    """
    said, mac = _parts(grant)
    if not hmac.compare_digest(mac, _mac(said, key)):  # (1)
        raise DeniedError("this grant is not of this cluster")
    terms = msgspec.json.decode(said, type=Terms)
    if terms.agent != agent:  # (2)
        raise DeniedError("this grant was made for another agent")
    if life_left(terms, now) <= timedelta():  # (3)
        raise DeniedError("this grant has expired")
    return terms


def _mac(said: bytes, key: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + said, hashlib.sha256)


def _parts(grant: str) -> tuple[bytes, bytes]:
    said, dot, mac = grant.partition(".")
    if not dot or len(grant) > MAX_GRANT:
        raise DeniedError("this is no grant")
    try:
        return _bytes(said), _bytes(mac)
    except (ValueError, binascii.Error):
        raise DeniedError("this is no grant") from None


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii"))
