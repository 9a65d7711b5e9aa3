"""cfssl's HTTP API: `info` shows the CA, `sign` and `authsign` sign.

Every call is a POST, so it is the call and not the HTTP method that says whether one
whose answer was lost may have done something. Nothing is tried twice: the core repeats.
"""

import hashlib
import hmac
import ssl
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from functools import cache

import httpx
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.contract import (
    ProviderContext,
    RequestError,
    UnavailableError,
    parse_certificates,
)
from ca_provider_cfssl.answers import fault_of, unanswered
from ca_provider_cfssl.config import Settings

NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Certified(msgspec.Struct, frozen=True):
    """What `info`, `sign` and `authsign` have in common: a certificate as PEM."""

    certificate: str


class Answer(msgspec.Struct, frozen=True):
    """What stands around it."""

    result: Certified


@cache
def machine_roots() -> ssl.SSLContext:
    """Read once: it takes 50 ms, and there are as many clients as authorities."""
    return ssl.create_default_context()


class Client:
    """Thread-safe. Connects when it is first asked."""

    def __init__(self, settings: Settings, context: ProviderContext) -> None:
        self._http = httpx.Client(
            base_url=settings.address, verify=machine_roots(), trust_env=False
        )
        self._key = settings.auth_key
        self._timeout = settings.timeout
        self._clock = context.clock

    def ca(self, *, deadline: datetime) -> x509.Certificate:
        """Return the CA's certificate."""
        return self._asked("info", {"label": ""}, deadline)

    def sign(
        self, csr: x509.CertificateSigningRequest, profile: str, *, deadline: datetime
    ) -> x509.Certificate:
        """Have a leaf signed; cfssl takes subject, DNS names and addresses from the CSR."""
        order = {
            "certificate_request": csr.public_bytes(Encoding.PEM).decode(),
            "profile": profile,
        }
        call = "sign" if self._key is None else "authsign"
        body = order if self._key is None else sealed(order, bytes.fromhex(self._key.reveal()))
        return self._asked(call, body, deadline)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _asked(self, call: str, body: Mapping[str, str], deadline: datetime) -> x509.Certificate:
        left = min(self._timeout, deadline - self._clock.now()).total_seconds()
        if left <= 0:
            raise UnavailableError("the deadline has passed")
        try:
            answer = self._http.post(f"/api/v1/cfssl/{call}", json=body, timeout=left)
        except NOTHING_SENT as error:
            raise UnavailableError(f"no connection: {type(error).__name__}") from error
        except httpx.HTTPError as error:
            raise unanswered(call, type(error).__name__) from error
        except RuntimeError as error:  # httpx's word for a client that is closed
            raise UnavailableError("this provider was closed") from error
        if not answer.is_success:
            raise fault_of(call, answer)
        return _certificate(answer.content, call)


def sealed(order: Mapping[str, str], key: bytes) -> dict[str, str]:
    """Return an order for `authsign`: the JSON, and its HMAC-SHA-256 by the key, in Base64."""
    raw = msgspec.json.encode(order)
    token = hmac.new(key, raw, hashlib.sha256).digest()
    return {"token": b64encode(token).decode(), "request": b64encode(raw).decode()}


def _certificate(body: bytes, call: str) -> x509.Certificate:
    try:
        pem = msgspec.json.decode(body, type=Answer).result.certificate
        return parse_certificates(pem)[0]
    except (msgspec.MsgspecError, RequestError) as error:
        raise unanswered(call, "no certificate in it") from error
