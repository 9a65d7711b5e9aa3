"""Passports: signed statements that one exact distribution was run by the conformance kit.

A passport is a file of JSON, a DSSE envelope (Dead Simple Signing Envelope, version 1)::

    {"payloadType": "application/vnd.ca-core.conformance-passport.v1+json",
     "payload": "<base64 of the statement>",
     "signatures": [{"keyid": "<64 hex digits>", "sig": "<base64 of 64 bytes>"}]}

Each ``sig`` is Ed25519 over ``DSSEv1``, the length of the type, the type, the length of the
payload and the payload, separated by single spaces; ``keyid`` is SHA-256 over the public key's
SubjectPublicKeyInfo in DER. The payload is decoded once, and the bytes that were verified are the
bytes that are read.

The payload is a ``Statement`` as canonical JSON: keys in the order of the fields, no white space,
UTF-8, all fields present. Any other spelling of the same statement is refused, and so is any key
that this version does not know.

A passport does not expire: it speaks of exact bytes, which do not age. To take one back, remove the
file, or the key from ``trusted_keys``.

Source: DSSE 1.0.2, protocol.md and envelope.md; RFC 8032 for Ed25519.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta

from ca_core.authority.passportkeys import key_id
from ca_core.config.model import ConformanceLevel
from ca_core.errors import ConfigError

PAYLOAD_TYPE: Final = "application/vnd.ca-core.conformance-passport.v1+json"

MAX_BYTES = 1024 * 1024
"""A statement of a thousand checks has 80 KiB."""

MAX_SIGNATURES = 8

LEVELS: tuple[ConformanceLevel, ...] = ("L0", "L1", "L2", "L3", "L4")
"""Lowest first; their names sort in the same order."""

Text = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]+\Z", max_length=200)]
"""One line: of two, the second could look like what ``verify-passport`` itself says."""

Outcome = Literal["passed", "failed", "skipped", "not run", "known deviation"]


class StatedResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of one check."""

    id: Text
    level: ConformanceLevel
    outcome: Outcome


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a passport says; all of it is signed.

    Attributes:
        schema: version of this format.
        provider: the entry point's name.
        distribution: the package that brings it.
        version: that package's version.
        distribution_sha256: digest over its RECORD, see ``ca_core.authority.distributions``.
        entry_point: ``module`` or ``module:attribute``.
        contract: the contract version that was tried.
        core: version of ca-core whose checks were run.
        level_asked: up to which level checks were run; all of them were.
        level_reached: the level that it reached, or null.
        run_at: when the run began, UTC.
        keys: the CA keys that were tried, for example ``ec-256``.
        results: what became of each check, by id.
    """

    schema: Literal[1] = 1
    provider: Text
    distribution: Text
    version: Text
    distribution_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
    entry_point: Text
    contract: int
    core: Text
    level_asked: ConformanceLevel
    level_reached: ConformanceLevel | None
    run_at: Annotated[datetime, Meta(tz=True)]
    keys: tuple[Text, ...]
    results: Annotated[tuple[StatedResult, ...], Meta(max_length=10_000)]


class _Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    keyid: Annotated[str, Meta(max_length=200)]
    sig: Annotated[str, Meta(max_length=200)]


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payload_type: Literal["application/vnd.ca-core.conformance-passport.v1+json"] = msgspec.field(
        name="payloadType", default=PAYLOAD_TYPE
    )
    payload: str
    signatures: Annotated[tuple[_Signature, ...], Meta(min_length=1, max_length=MAX_SIGNATURES)]


@dataclass(frozen=True, slots=True)
class Passport:
    """A passport that is well formed; whether to believe it, ``signer_of`` says.

    Attributes:
        statement: what it says.
        payload: the bytes that are signed.
        signatures: ``(key id as claimed, signature)``.
    """

    statement: Statement
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]


def signed_passport(statement: Statement, key: Ed25519PrivateKey) -> bytes:
    """Return the file of a passport with one signature."""
    payload = msgspec.json.encode(statement)
    signature = _Signature(
        keyid=key_id(key.public_key()),
        sig=base64.b64encode(key.sign(pre_authentication_encoding(payload))).decode(),
    )
    envelope = _Envelope(payload=base64.b64encode(payload).decode(), signatures=(signature,))
    return msgspec.json.format(msgspec.json.encode(envelope), indent=1) + b"\n"


def parse_passport(raw: bytes) -> Passport:
    """Return the passport in a file; nothing in it is believed yet.

    Raises:
        ConfigError: it is no passport, or not written exactly as a passport is.
    """
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"larger than {MAX_BYTES} bytes; no passport is")
    try:
        envelope = msgspec.json.decode(raw, type=_Envelope)
        json.loads(raw, object_pairs_hook=_without_repetition)
        payload = _bytes_of(envelope.payload)
        statement = msgspec.json.decode(payload, type=Statement)
        signatures = tuple((one.keyid, _bytes_of(one.sig)) for one in envelope.signatures)
    except ValueError as error:  # msgspec's errors are ValueErrors
        raise ConfigError(f"no passport: {error}") from None
    if msgspec.json.encode(statement) != payload:
        raise ConfigError("no passport: its statement is not canonical JSON")
    _refuse_incoherent(statement)
    return Passport(statement, payload, signatures)


def signer_of(passport: Passport, keys: Iterable[Ed25519PublicKey]) -> str:
    """Return the id of the first of ``keys`` that signed the passport, or empty.

    The key id that the passport claims is a hint for people and decides nothing.
    """
    message = pre_authentication_encoding(passport.payload)
    for key in keys:
        if any(_verifies(key, signature, message) for _, signature in passport.signatures):
            return key_id(key)
    return ""


def pre_authentication_encoding(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return what is signed: type and payload, each behind its length, so neither can be moved."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def level_shown(results: Iterable[StatedResult], asked: ConformanceLevel) -> str | None:
    """Return the highest level that results speak for: up to it all is well and something passed.

    A known deviation is a failure that is admitted, and does not give the level.
    """
    found, best = list(results), None
    for level in LEVELS:
        here = {result.outcome for result in found if result.level == level}
        if level > asked or here & {"failed", "known deviation"}:
            break
        best = level if "passed" in here else best
    return best


def _refuse_incoherent(statement: Statement) -> None:
    """Refuse a statement that contradicts itself, whoever signed it."""
    results = statement.results
    if len({result.id for result in results}) != len(results):
        raise ConfigError("no passport: it names a check twice")
    if level_shown(results, statement.level_asked) != statement.level_reached:
        raise ConfigError("no passport: its results do not give the level that it states")


def _verifies(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _bytes_of(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("a part of it is not base64") from None


def _without_repetition(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    """Refuse an object that has a key twice: two readers would see two passports."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands there twice")
    return dict(pairs)
