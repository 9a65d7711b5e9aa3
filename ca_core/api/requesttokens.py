"""From a request to its token: where one may stand, and who looks it up."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import parse_qsl

from ca_core.acl.principal import Token
from ca_core.acl.tokens import token_by_secret
from ca_core.clock import Clock
from ca_core.errors import DeniedError, RequestError
from ca_core.state.view import View

TOKEN_HEADER: Final = "x-consul-token"  # noqa: S105 - the name of a header
NOT_FOUND: Final = "ACL not found"
"""What a token that never was, was deleted or has expired is told, as in Consul."""

_BEARER = "bearer"
_TOKEN_HEADERS = {b"x-consul-token": "X-Consul-Token", b"authorization": "Authorization"}


class TokenLookup(Protocol):
    """Knows whose a secret is. Used from one event loop."""

    @property
    def default(self) -> str:
        """Return the secret that counts where neither kernel, TLS nor token names a caller, or ''.

        It is in no log, error or repr.
        """
        ...

    def known(self, secret: str) -> Token | None:
        """Return whose it is, if that can be said at once."""
        ...

    async def asked(self, secret: str) -> Token:
        """Return whose it is.

        Raises:
            DeniedError: nobody's: unknown, deleted or expired.
            Error: nobody could be asked.
        """
        ...


def unknown_token() -> DeniedError:
    """Return the refusal of a secret that is nobody's; the secret is not in it."""
    return DeniedError(
        NOT_FOUND,
        hint="the token is unknown, deleted or expired; `ca-core token list` shows those there are",
    )


class NoTokens:
    """A ``TokenLookup`` where there are none: whoever sends one is mistaken."""

    default: str = ""

    def known(self, secret: str) -> Token | None:
        """Return None."""
        return None

    async def asked(self, secret: str) -> Token:
        """Refuse it."""
        raise unknown_token()


NO_TOKENS: Final = NoTokens()


@dataclass(frozen=True, slots=True)
class StoredTokens:
    """A server's ``TokenLookup``: whatever its newest view says.

    Attributes:
        view: gives the newest view.
        clock: says whether a token has expired.
    """

    view: Callable[[], View]
    clock: Clock
    default: str = ""

    def known(self, secret: str) -> Token | None:
        """Return whose it is, or None."""
        row = token_by_secret(self.view(), secret, self.clock.now())
        return None if row is None else Token(row.accessor)

    async def asked(self, secret: str) -> Token:
        """Return whose it is.

        Raises:
            DeniedError: nobody's.
        """
        found = self.known(secret)
        if found is None:
            raise unknown_token()
        return found


def given_token(headers: Mapping[str, str], query: str) -> str:
    """Return the secret that a request carries, or ''.

    ``X-Consul-Token`` goes before ``Authorization: Bearer``, whose scheme may be in any case; an
    empty one counts as none, another scheme too. Headers have lower-case names.

    Raises:
        RequestError: the token stands in the URL, where every log on the way keeps it.

    Source: Consul's published page on authenticating to its HTTP API.
    """
    if query and ("token" in query or "%" in query):
        _refuse_in_query(query)
    given = headers.get(TOKEN_HEADER)
    if given:
        return given
    authorization = headers.get("authorization")
    if not authorization:
        return ""
    scheme, _, secret = authorization.partition(" ")
    return secret.strip() if scheme.lower() == _BEARER else ""


def refuse_two_tokens(raw: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse a request that names two callers: one on the way may have added the second token.

    Args:
        raw: the headers as they came, names in lower case.

    Raises:
        RequestError: a header that may hold a token is there with two values.
    """
    first: dict[bytes, bytes] = {}
    for name, value in raw:
        if name in _TOKEN_HEADERS and first.setdefault(name, value) != value:
            shown = _TOKEN_HEADERS[name]
            raise RequestError(f"header {shown} is there twice, with two values", field=shown)


def _refuse_in_query(query: str) -> None:
    if any(name == "token" for name, _ in parse_qsl(query, keep_blank_values=True)):
        raise RequestError(
            "a token in the URL ends up in logs; send it in the header X-Consul-Token",
            field="token",
            hint="or as `Authorization: Bearer`; and replace the token that was in this URL",
        )
