"""Tokens as rows, and what one may do.

Table ``acl-tokens``: accessor → ``TokenRow``. Table ``acl-token-hashes``: ``secret_hash(secret)`` →
accessor, as UTF-8, written in the same transaction. A secret is stored nowhere.
"""

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from ca_core.acl.identities import node_identity_rules, service_identity_rules
from ca_core.acl.policies import policy, rules_of_policy
from ca_core.acl.rules import Rules
from ca_core.state.rows import decoded, read
from ca_core.state.view import View

TOKENS = "acl-tokens"
TOKEN_HASHES = "acl-token-hashes"  # noqa: S105 - the name of a table

ANONYMOUS_ACCESSOR = "00000000-0000-0000-0000-000000000002"
ANONYMOUS_SECRET = "anonymous"  # noqa: S105 - known to everybody, as in Consul
"""May be sent instead of no token at all."""

SECRET_BYTES = 16
"""128 random bits."""

Draw = Callable[[int], bytes]
"""Gives so many unpredictable bytes; ``secrets.token_bytes`` in the program."""


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """One token; its rights are those of its policies and identities together.

    Attributes:
        accessor: its public id, a UUID in lower case; its key.
        secret_hash: ``secret_hash`` of its secret.
        policies: ids; one that no longer exists gives nothing.
        service_identities, node_identities: names, each for the rules it needs.
        created: aware UTC; None for the anonymous token as the program brings it.
        expires: aware UTC; from then on it is as if it did not exist. None for never.
        method: the auth method whose login made it, or ''.
    """

    accessor: str
    secret_hash: str
    description: str = ""
    policies: tuple[str, ...] = ()
    service_identities: tuple[str, ...] = ()
    node_identities: tuple[str, ...] = ()
    created: datetime | None = None
    expires: datetime | None = None
    method: str = ""

    def alive(self, now: datetime) -> bool:
        """Say whether it has not expired."""
        return self.expires is None or now < self.expires


def secret_hash(secret: str) -> str:
    """Return SHA-256 of a secret in UTF-8, lower-case hex; enough for 128 random bits."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def new_secret(draw: Draw) -> str:
    """Return a fresh secret, shaped like a UUID, as clients of Consul expect.

    All 128 bits are random; a version 4 UUID would have 122 (RFC 9562 §5.4), so it is none.
    """
    return str(UUID(bytes=draw(SECRET_BYTES)))


def new_id(draw: Draw) -> str:
    """Return a fresh version 4 UUID in lower case, for what is public: accessors, policies."""
    return str(UUID(bytes=draw(16), version=4))


ANONYMOUS = TokenRow(
    accessor=ANONYMOUS_ACCESSOR,
    secret_hash=secret_hash(ANONYMOUS_SECRET),
    description="Anonymous Token",
)
"""What a request without a token has, until somebody gives it policies; it cannot be deleted."""


def token(view: View, accessor: str, now: datetime) -> TokenRow | None:
    """Return the living token of that accessor, the anonymous one always, or None."""
    key = accessor.lower()
    row = read(view, TokenRow, TOKENS, key)
    if key == ANONYMOUS_ACCESSOR:
        return row or ANONYMOUS
    return row if row is not None and row.alive(now) else None


def token_by_secret(view: View, secret: str, now: datetime) -> TokenRow | None:
    """Return the living token with that secret, or None; an expired one is as one that never was.

    The search is for the digest, so its time says nothing about a secret.
    """
    if secret == ANONYMOUS_SECRET:
        return token(view, ANONYMOUS_ACCESSOR, now)
    found = view.get(TOKEN_HASHES, secret_hash(secret))
    return None if found is None else token(view, found.value.decode(), now)


def tokens(view: View, now: datetime) -> tuple[TokenRow, ...]:
    """Return every living token, the anonymous one included, oldest first."""
    rows = {row.accessor: row for row in (ANONYMOUS, *_stored(view)) if row.alive(now)}
    return tuple(sorted(rows.values(), key=_age))


def expired_tokens(view: View, now: datetime) -> tuple[TokenRow, ...]:
    """Return the stored tokens that have expired and only take room, by accessor."""
    gone = (row for row in _stored(view) if not row.alive(now))
    return tuple(sorted(gone, key=lambda row: row.accessor))


def rules_of_token(view: View, row: TokenRow) -> Rules:
    """Return the rules of everything it holds; order has no meaning."""
    held = (policy(view, policy_id) for policy_id in row.policies)
    of_policies = (rule for found in held if found is not None for rule in rules_of_policy(found))
    return (*of_policies, *rules_of_identities(row.service_identities, row.node_identities))


def rules_of_identities(services: Iterable[str], nodes: Iterable[str]) -> Rules:
    """Return the rules of service and node identities together."""
    return (
        *(rule for name in services for rule in service_identity_rules(name)),
        *(rule for name in nodes for rule in node_identity_rules(name)),
    )


def _stored(view: View) -> tuple[TokenRow, ...]:
    return tuple(decoded(TokenRow, row.value) for row in view.table(TOKENS).values())


def _age(row: TokenRow) -> tuple[float, str]:
    return (row.created.timestamp() if row.created else 0.0, row.accessor)
