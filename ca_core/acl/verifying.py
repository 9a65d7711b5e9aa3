"""Whether a JWT is what an auth method believes: pure, given the keys and the time.

1. It is short, and its header is a plain object with an algorithm that the method accepts; all of
   them are asymmetric, so no public key is ever taken for a secret, and ``none`` is unknown.
2. The keys are those of the method alone; what the header offers (``jwk``, ``jku``, ``x5u``,
   ``x5c``) is not looked at, and ``crit`` is refused, since nothing critical is understood.
3. A ``kid`` chooses among the method's keys; a key must be of the algorithm's kind.
4. The signature verifies.
5. ``iss`` is the method's; ``aud`` holds one of its audiences.
6. ``exp`` is there and not over; ``nbf`` and ``iat`` are not in the future; within the skew.

Source: RFC 7519, RFC 7517, RFC 8725 (best current practices).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from itertools import islice
from typing import Any

import jwt

from ca_core.acl.jwks import ALGORITHMS, PublicKey, VerifyingKey, fits
from ca_core.acl.methods import JwtConfig
from ca_core.acl.selectors import Claims
from ca_core.errors import DeniedError

MOST_JWT = 16_384
"""Characters of a JWT; those of clouds and clusters have one or two thousand."""

MOST_TRIED = 8
"""Keys that are tried for a JWT without ``kid``: each costs a verification."""

MOST_ITEMS = 256
"""Texts of a list claim; a JWT has no room for many more."""


class UnprovenError(DeniedError):
    """A login is refused; what the caller sees is the same whatever was wrong.

    ``reason`` is for the server's log; it holds no part of the JWT but names and claims.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            "Permission denied: the login was not accepted", hint="the server's log says why"
        )
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Proven:
    """What a JWT that was believed says, and when it ends, the skew included."""

    claims: Claims
    until: datetime


@dataclass(frozen=True, slots=True)
class JwtHeader:
    """What a JWT says of itself before anything is verified; ``kid`` '' for none."""

    algorithm: str
    kid: str


def header_of(token: str, config: JwtConfig) -> JwtHeader:
    """Return the header of a JWT that may go on: steps 1 and 2.

    Raises:
        UnprovenError: it may not.
    """
    if len(token) > MOST_JWT:
        raise UnprovenError(f"{len(token)} characters, at most {MOST_JWT}")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError, TypeError):
        raise UnprovenError("no JWT") from None
    algorithm, kid = header.get("alg"), header.get("kid", "")
    if algorithm not in config.algorithms or algorithm not in ALGORITHMS:
        raise UnprovenError(f"the algorithm {_shown(algorithm)} is not accepted")
    if "crit" in header or not isinstance(kid, str):
        raise UnprovenError("the header is not understood")
    return JwtHeader(algorithm, kid)


def proven(token: str, config: JwtConfig, keys: Iterable[VerifyingKey], now: datetime) -> Proven:
    """Return what a JWT says, once everything in the module's list is so.

    Raises:
        UnprovenError: something is not.
    """
    header = header_of(token, config)  # (1) (2)
    body = _verified(token, header.algorithm, _candidates(header, keys))  # (3) (4)
    _require_party(body, config)  # (5)
    until = _require_time(body, config.skew, now)  # (6)
    return Proven(_claims(body, config), until)


def _candidates(header: JwtHeader, keys: Iterable[VerifyingKey]) -> list[VerifyingKey]:
    """Return the keys that may have signed: of that ``kid``, or without one a few of the kind."""
    fitting = [key for key in keys if fits(key, header.algorithm)]
    if header.kid:
        fitting = [key for key in fitting if key.kid in ("", header.kid)]
    if len(fitting) > MOST_TRIED:
        raise UnprovenError("too many keys could be meant; name one as kid")
    return fitting


def _verified(token: str, algorithm: str, keys: list[VerifyingKey]) -> Mapping[str, Any]:
    for key in keys:
        body = _signed_by(key.key, token, algorithm)
        if body is not None:
            return body
    raise UnprovenError(f"no key verifies it ({len(keys)} tried)")


_SIGNATURE_ALONE: Any = {
    "verify_signature": True,
    **dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss"), False),
    **dict.fromkeys(("verify_sub", "verify_jti"), False),
}
"""The library looks at the signature; times need our clock, and one rule for every claim."""


def _signed_by(key: PublicKey, token: str, algorithm: str) -> Mapping[str, Any] | None:
    try:
        body = jwt.decode(token, key, algorithms=[algorithm], options=_SIGNATURE_ALONE)
    except jwt.InvalidSignatureError:
        return None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise UnprovenError("no JWT with claims") from None
    return body


def _require_party(body: Mapping[str, Any], config: JwtConfig) -> None:
    if body.get("iss") != config.issuer:
        raise UnprovenError(f"its issuer is {_shown(body.get('iss'))}")
    audience = body.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not set(config.audiences) & set(_texts(named)):
        raise UnprovenError(f"its audience is {_shown(audience)}")


def _require_time(body: Mapping[str, Any], skew: timedelta, now: datetime) -> datetime:
    until = _moment(body, "exp")
    if until is None:
        raise UnprovenError("it never ends (no exp)")
    if now >= until + skew:
        raise UnprovenError("it has expired")
    for claim in ("nbf", "iat"):
        begins = _moment(body, claim)
        if begins is not None and begins > now + skew:
            raise UnprovenError(f"it is not valid yet ({claim})")
    return until + skew


def _moment(body: Mapping[str, Any], claim: str) -> datetime | None:
    value = body.get(claim)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnprovenError(f"{claim} is no time")
    try:
        found = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise UnprovenError(f"{claim} is no time") from None
    if found.year == MAXYEAR:
        raise UnprovenError(f"{claim} is no time")
    return found


def _claims(body: Mapping[str, Any], config: JwtConfig) -> Claims:
    values = {
        name: body[claim]
        for claim, name in config.values.items()
        if isinstance(body.get(claim), str)
    }
    lists = {
        name: _texts(body[claim])
        for claim, name in config.lists.items()
        if isinstance(body.get(claim), list)
    }
    return Claims(values=values, lists=lists)


def _texts(items: Iterable[object]) -> tuple[str, ...]:
    return tuple(item for item in islice(items, MOST_ITEMS) if isinstance(item, str))


def _shown(value: object) -> str:
    """Return a claim for the log: bounded, and nothing in it steers a terminal."""
    return ascii(value)[:80]
