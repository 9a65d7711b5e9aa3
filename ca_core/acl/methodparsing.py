"""From a body to an auth method that cannot be wrong; every rule names its field.

Source: Consul's published page on auth methods of type ``jwt``.
"""

import ipaddress
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from ca_core.acl.jwks import ALGORITHMS, public_key
from ca_core.acl.methods import AuthMethodRow, JwtConfig
from ca_core.acl.methodwriting import require_type
from ca_core.acl.naming import given_description, given_name
from ca_core.durations import parse_duration
from ca_core.errors import RequestError
from ca_core.identity.certificates import parse_certificates
from ca_core.wire.aclmethods import AuthMethodRequest, JwtConfigBody

DEFAULT_TTL = timedelta(hours=1)
SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(hours=24)
"""Bounds of ``MaxTokenTTL``, and what it is where nobody says it."""

DEFAULT_SKEW = timedelta(seconds=60)
LONGEST_SKEW = timedelta(minutes=5)

MOST_ENTRIES = 32
"""Audiences, keys, or mappings of a method."""

MOST_TEXT = 1024
"""Characters of an issuer, an audience, a claim, a path or a URL."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")


def parsed_method(body: AuthMethodRequest, name: str) -> AuthMethodRow:
    """Return what a body asks for, under a name.

    Raises:
        RequestError: a rule is broken, or something is asked for that is not served.
    """
    require_type(body.type)
    _require_supported(body)
    return AuthMethodRow(
        name=given_name(name),
        display_name=given_description(body.display_name),
        description=given_description(body.description),
        max_ttl=_span(body.max_token_ttl, "MaxTokenTTL", DEFAULT_TTL, (SHORTEST, LONGEST)),
        config=_config(body.config),
    )


def _require_supported(body: AuthMethodRequest) -> None:
    absent = {
        "TokenLocality": (body.token_locality not in ("", "global"), "there is one datacenter"),
        "TokenNameFormat": (body.token_name_format, "descriptions of tokens are not formatted"),
        "Namespace": (body.namespace not in ("", "default"), "only 'default' is served here"),
        "NamespaceRules": (body.namespace_rules, "ca-core has no rules by namespace"),
        "Partition": (body.partition not in ("", "default"), "only 'default' is served here"),
    }
    for field, (says, fault) in absent.items():
        if says:
            raise RequestError(f"is not supported: {fault}", field=field)


def _config(body: JwtConfigBody) -> JwtConfig:
    _require_one_source(body)
    _require_mappings(body)
    return JwtConfig(
        jwks_file=_file(body.jwks_file),
        jwks_url=_url(body.jwks_url),
        jwks_ca_cert=_roots(body.jwks_ca_cert),
        public_keys=_keys(body.public_keys),
        algorithms=_algorithms(body.algorithms),
        issuer=_needed(body.bound_issuer, "Config.BoundIssuer"),
        audiences=_audiences(body.bound_audiences),
        values=body.claim_mappings,
        lists=body.list_claim_mappings,
        skew=_span(
            body.clock_skew, "Config.ClockSkewLeeway", DEFAULT_SKEW, (timedelta(), LONGEST_SKEW)
        ),
    )


def _require_one_source(body: JwtConfigBody) -> None:
    sources = (body.jwks_file, body.jwks_url, body.public_keys)
    if sum(bool(source) for source in sources) != 1:
        raise RequestError(
            "give exactly one of JWKSFile, JWKSURL and JWTValidationPubKeys", field="Config"
        )


def _file(path: str) -> str:
    if path and not (PurePosixPath(path).is_absolute() and path.isprintable()):
        raise RequestError("is not an absolute path on the servers", field="Config.JWKSFile")
    return _short(path, "Config.JWKSFile")


def _url(url: str) -> str:
    field = "Config.JWKSURL"
    if not _short(url, field):
        return ""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise RequestError("is no URL", field=field) from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
    if not (secure and host) or parts.username is not None or not url.isprintable():
        raise RequestError("must be https://…, or http:// on loopback; no user info", field=field)
    return url


def _roots(pem: str) -> str:
    field = "Config.JWKSCACert"
    if _short(pem, field, 64 * MOST_TEXT):
        parse_certificates(pem, field=field)
    return pem


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _keys(given: tuple[str, ...]) -> tuple[str, ...]:
    field = "Config.JWTValidationPubKeys"
    _require_few(len(given), field)
    for at, pem in enumerate(given):
        public_key(pem, f"{field}[{at}]")
    return given


def _algorithms(given: tuple[str, ...]) -> tuple[str, ...]:
    for name in given:
        if name not in ALGORITHMS:
            listed = ", ".join(ALGORITHMS)
            raise RequestError(
                f"{name[:80]!r} is not one of {listed}", field="Config.JWTSupportedAlgs"
            )
    return given or tuple(ALGORITHMS)


def _audiences(given: tuple[str, ...]) -> tuple[str, ...]:
    field = "Config.BoundAudiences"
    _require_few(len(given), field)
    if not given:
        raise RequestError("is missing: a JWT for somebody else must not count here", field=field)
    return tuple(_needed(text, field) for text in given)


def _require_mappings(body: JwtConfigBody) -> None:
    for field, mapping in (
        ("Config.ClaimMappings", body.claim_mappings),
        ("Config.ListClaimMappings", body.list_claim_mappings),
    ):
        _require_few(len(mapping), field)
        _require_distinct(mapping, field)
        for claim, name in mapping.items():
            if not _short(claim, field) or claim.startswith("/"):
                fault = "a claim is the name of a top-level one; no pointers are served"
                raise RequestError(fault, field=field)
            if not _VARIABLE.match(name):
                fault = f"{name[:80]!r}: a name has letters, digits and '_', at most 64"
                raise RequestError(fault, field=field)


def _require_distinct(mapping: Mapping[str, str], field: str) -> None:
    if len(set(mapping.values())) < len(mapping):
        raise RequestError("two claims have one name", field=field)


def _require_few(number: int, field: str) -> None:
    if number > MOST_ENTRIES:
        raise RequestError(f"{number}, at most {MOST_ENTRIES}", field=field)


def _needed(text: str, field: str) -> str:
    if not text:
        raise RequestError("is missing: a JWT of somebody else must not count here", field=field)
    return _short(text, field)


def _short(text: str, field: str, most: int = MOST_TEXT) -> str:
    if len(text) > most:
        raise RequestError(f"exceeds maximum length {most}", field=field)
    return text


def _span(
    text: str, field: str, default: timedelta, bounds: tuple[timedelta, timedelta]
) -> timedelta:
    if not text:
        return default
    span = parse_duration(text, field=field)
    if not bounds[0] <= span <= bounds[1]:
        fault = f"must be between {bounds[0]} and {bounds[1]}"
        raise RequestError(fault, field=field)
    return span
