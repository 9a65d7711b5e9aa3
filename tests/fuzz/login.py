"""The target of logins: a JWT of anybody's making, and claims that its issuer did sign."""

import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.api_jws import PyJWS

from ca_core.acl.jwks import VerifyingKey
from ca_core.acl.verifying import UnprovenError, proven
from ca_core.testing.clock import START
from tests.unit.acl.jwts import AUDIENCE, ISSUER, body, config, forged

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = (VerifyingKey(KEY.public_key(), "k1"),)
CONFIG = config()
NOW = int(START.timestamp())
SKEW = 60

BY_ANYBODY, BY_ITS_ISSUER = b"?", b"!"
"""The first byte of an input: whether the rest is a whole JWT, or claims to be signed."""


def _signed(claims: bytes) -> str:
    return PyJWS().encode(claims, KEY, algorithm="EdDSA")


CLAIMS = json.dumps(body(sub="web", groups=["a", "b"])).encode()
HONEST = _signed(CLAIMS)
SEEDS = (
    BY_ANYBODY + HONEST.encode(),
    BY_ANYBODY + forged({"alg": "none"}).encode(),
    BY_ANYBODY + forged({"alg": "HS256"}, secret=b"x").encode(),
    BY_ANYBODY + forged({"alg": "EdDSA", "kid": "k2", "crit": ["x"]}, secret=b"x").encode(),
    BY_ANYBODY + b"..",
    BY_ITS_ISSUER + CLAIMS,
    BY_ITS_ISSUER + json.dumps(body(aud=["x", AUDIENCE], exp=1e18, nbf=None)).encode(),
    BY_ITS_ISSUER + json.dumps(body(exp=None)).encode(),
    BY_ITS_ISSUER + CLAIMS[:-1] + b', "iss": "another"}',
    BY_ITS_ISSUER + b'{"exp": 1e999, "aud": {}, "iss": []}',
)
WORDS = (
    ".", "=", "eyJ", '"alg"', '"none"', '"kid"', '"crit"', '"exp"', '"nbf"', '"iat"', '"iss"',
    '"aud"',
    f'"{ISSUER}"', f'"{AUDIENCE}"', "1e400", "-1", "null", "[", "]", "{", "}", "true", "\\ud800",
)  # fmt: skip


def login_jwt(data: bytes) -> None:
    """Nobody but the issuer changes what a JWT says, and what it says must be meant for us, now."""
    text = data[1:].decode("latin-1")
    signed = data[:1] == BY_ITS_ISSUER
    try:
        found = proven(_signed(data[1:]) if signed else text, CONFIG, KEYS, START)
    except UnprovenError:
        return
    if signed:
        _require_meant(json.loads(data[1:]))
    else:
        assert text.rpartition(".")[0] == HONEST.rpartition(".")[0]
    assert found.until.timestamp() > NOW - SKEW


def _require_meant(claims: dict[str, object]) -> None:
    named = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    assert claims["iss"] == ISSUER
    assert AUDIENCE in named
    assert claims["exp"] + SKEW > NOW
    assert all((claims.get(name) or 0) <= NOW + SKEW for name in ("nbf", "iat"))
