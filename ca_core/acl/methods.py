"""Auth methods as rows: whose JWTs are believed, and what of them has a name here.

Table ``acl-auth-methods``: name → ``AuthMethodRow``.
"""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from ca_core.state.rows import decoded, read
from ca_core.state.view import View

AUTH_METHODS = "acl-auth-methods"

JWT_TYPE = "jwt"
"""The one type there is."""


class JwtConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the JWTs of a method are verified; exactly one of the three sources of keys.

    Attributes:
        jwks_file: absolute path of a JWKS, or ''.
        jwks_url: or ''; ``jwks_ca_cert`` is PEM of the roots it is verified with, '' for the
            system's.
        public_keys: PEM.
        algorithms: those that are accepted; asymmetric, all of them.
        issuer: what ``iss`` must be.
        audiences: one of them must be in ``aud``.
        values: claim → name, for texts; ``lists`` for lists of texts.
        skew: how far the issuer's clock and ours may differ.
    """

    jwks_file: str = ""
    jwks_url: str = ""
    jwks_ca_cert: str = ""
    public_keys: tuple[str, ...] = ()
    algorithms: tuple[str, ...]
    issuer: str
    audiences: tuple[str, ...]
    values: Mapping[str, str] = msgspec.field(default_factory=dict)
    lists: Mapping[str, str] = msgspec.field(default_factory=dict)
    skew: timedelta

    @property
    def names(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return the names that selectors may use: of texts, of lists."""
        return frozenset(self.values.values()), frozenset(self.lists.values())


class AuthMethodRow(msgspec.Struct, frozen=True, kw_only=True):
    """One auth method; ``max_ttl`` bounds the life of the tokens that its logins make."""

    name: str
    display_name: str = ""
    description: str = ""
    max_ttl: timedelta
    config: JwtConfig


def auth_method(view: View, name: str) -> AuthMethodRow | None:
    """Return the auth method of that name, or None."""
    return read(view, AuthMethodRow, AUTH_METHODS, name)


def auth_methods(view: View) -> tuple[AuthMethodRow, ...]:
    """Return every auth method, by name."""
    rows = (decoded(AuthMethodRow, row.value) for row in view.table(AUTH_METHODS).values())
    return tuple(sorted(rows, key=lambda row: row.name))
