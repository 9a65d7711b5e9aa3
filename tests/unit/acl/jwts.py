"""Keys, JWKS and JWTs, honest and forged; nothing of PyJWT makes them but what is honest."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms
from jwt.api_jws import PyJWS

from ca_core.acl.jwks import ALGORITHMS
from ca_core.acl.methods import JwtConfig
from ca_core.testing.clock import START

ISSUER = "https://ci.example"
AUDIENCE = "mesh"


@cache
def key(name="one", kind="ES256"):  # noqa: ARG001 - it is what the cache knows it by
    """Return the private key of that name; made once."""
    match kind:
        case "RS256":
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case _:
            return Ed25519PrivateKey.generate()


def pem(private):
    """Return its public half."""
    return (
        private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    )


def jwk(private, algorithm="ES256", **more):
    """Return its public half as a JWKS has it."""
    plain = get_default_algorithms()[algorithm].to_jwk(private.public_key(), as_dict=True)
    return {key: value for key, value in plain.items() if key != "key_ops"} | more


def jwks(*entries):
    """Return a JWKS."""
    return json.dumps({"keys": list(entries)}).encode()


def body(**claims):
    """Return the claims of an honest JWT, an hour long; None leaves one out."""
    now = int(START.timestamp())
    honest = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 3600}
    return {name: value for name, value in (honest | claims).items() if value is not None}


def signed(private=None, algorithm="ES256", headers=None, **claims):
    """Return a JWT of these claims."""
    inner = json.dumps(body(**claims)).encode()
    return PyJWS().encode(inner, private or key(), algorithm=algorithm, headers=headers)


def part(value):
    """Return JSON, or bytes, as a part of a JWT."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header, claims=None, secret=None):
    """Return a JWT put together by hand, signed with HMAC if there is a secret."""
    inner = claims if isinstance(claims, bytes) else body(**(claims or {}))
    text = f"{part(header)}.{part(inner)}"
    mac = hmac.new(secret, text.encode(), hashlib.sha256).digest() if secret else b""
    return f"{text}.{part(mac)}" if mac else f"{text}."


def config(**more):
    """Return the configuration of an auth method that believes ``ISSUER``."""
    plain = {
        "algorithms": ALGORITHMS, "issuer": ISSUER, "audiences": (AUDIENCE,),
        "values": {"sub": "sub", "env": "env"}, "lists": {"groups": "groups"},
        "skew": timedelta(seconds=60), "public_keys": (pem(key()),),
    }  # fmt: skip
    return JwtConfig(**(plain | more))
