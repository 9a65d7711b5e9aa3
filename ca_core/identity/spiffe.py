"""SPIFFE IDs: parsed once into a closed union, printed in exactly one way.

Source: SPIFFE-ID standard §2 (trust domain, path, 2,048 bytes), Consul's path shapes. Refused
although Consul's parser lets them pass: percent-encoding, user info, port, query, fragment, upper
case in scheme or trust domain, partitions other than ``default``.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import assert_never

from ca_core.errors import RequestError

MAX_ID_BYTES = 2048
"""SPIFFE-ID §2.3: implementations must support URIs of up to this length."""

MAX_TRUST_DOMAIN = 255
"""SPIFFE-ID §2.1: the longest trust domain name."""

DEFAULT_NAMESPACE = "default"

_SCHEME = "spiffe://"
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}\Z")
_SEGMENT = re.compile(r"[a-zA-Z0-9._-]+\Z")
_FORBIDDEN = {"%": "percent-encoding", "?": "a query", "#": "a fragment"}


@dataclass(frozen=True, slots=True)
class TrustDomain:
    """The name in the host part of every ID: ``[a-z0-9._-]``, 1 to 255 characters.

    Raises:
        RequestError: any other text.
    Source: SPIFFE-ID §2.1.
    """

    name: str

    def __post_init__(self) -> None:
        if not _TRUST_DOMAIN.match(self.name):
            raise RequestError(
                f"{self.name[:80]!r} is not a trust domain: 1 to 255 of a-z, 0-9, '.', '-', '_'",
                field="trust_domain",
            )

    def __str__(self) -> str:
        return self.name


def _checked_segment(value: str, what: str) -> None:
    """Refuse a path segment that SPIFFE-ID §2.2 does not allow."""
    if not _SEGMENT.match(value) or value in {".", ".."}:
        raise RequestError(
            f"{value[:80]!r} is not a {what}: letters, digits, '.', '-', '_', and not '.' or '..'",
            field=what,
        )


def _checked_length(identity: object) -> None:
    """Refuse an ID that would not be parsed again."""
    if len(str(identity)) > MAX_ID_BYTES:
        raise RequestError(f"longer than {MAX_ID_BYTES} bytes", field="uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceId:
    """A service: ``spiffe://TD/ns/NAMESPACE/dc/DATACENTER/svc/SERVICE``.

    Raises:
        RequestError: a segment is empty or has a forbidden character, or the ID is too long.
    Source: SPIFFE-ID §2.
    """

    trust_domain: TrustDomain
    namespace: str = DEFAULT_NAMESPACE
    datacenter: str
    service: str

    def __post_init__(self) -> None:
        _checked_segment(self.namespace, "namespace")
        _checked_segment(self.datacenter, "datacenter")
        _checked_segment(self.service, "service")
        _checked_length(self)

    def __str__(self) -> str:
        path = f"/ns/{self.namespace}/dc/{self.datacenter}/svc/{self.service}"
        return f"{_SCHEME}{self.trust_domain}{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentId:
    """An agent on a node: ``spiffe://TD/agent/client/dc/DATACENTER/id/NODE``.

    Raises:
        RequestError: a segment is empty or has a forbidden character, or the ID is too long.
    Source: SPIFFE-ID §2.
    """

    trust_domain: TrustDomain
    datacenter: str
    node: str

    def __post_init__(self) -> None:
        _checked_segment(self.datacenter, "datacenter")
        _checked_segment(self.node, "node")
        _checked_length(self)

    def __str__(self) -> str:
        return f"{_SCHEME}{self.trust_domain}/agent/client/dc/{self.datacenter}/id/{self.node}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerId:
    """The servers of a datacenter: ``spiffe://TD/agent/server/dc/DATACENTER``.

    Raises:
        RequestError: a segment is empty or has a forbidden character, or the ID is too long.
    Source: SPIFFE-ID §2.
    """

    trust_domain: TrustDomain
    datacenter: str

    def __post_init__(self) -> None:
        _checked_segment(self.datacenter, "datacenter")
        _checked_length(self)

    def __str__(self) -> str:
        return f"{_SCHEME}{self.trust_domain}/agent/server/dc/{self.datacenter}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayId:
    """The mesh gateways of a datacenter: ``spiffe://TD/gateway/mesh/dc/DATACENTER``.

    Raises:
        RequestError: a segment is empty or has a forbidden character, or the ID is too long.
    Source: SPIFFE-ID §2.
    """

    trust_domain: TrustDomain
    datacenter: str

    def __post_init__(self) -> None:
        _checked_segment(self.datacenter, "datacenter")
        _checked_length(self)

    def __str__(self) -> str:
        return f"{_SCHEME}{self.trust_domain}/gateway/mesh/dc/{self.datacenter}"


@dataclass(frozen=True, slots=True)
class SigningId:
    """A signing CA: the path-less ``spiffe://TD``."""

    trust_domain: TrustDomain

    def __str__(self) -> str:
        return f"{_SCHEME}{self.trust_domain}"


SpiffeId = ServiceId | AgentId | ServerId | GatewayId | SigningId
"""Every ID there is; dispatch with ``match`` and ``assert_never``."""


def kind_of(identity: SpiffeId) -> str:
    """Return ``service``, ``agent``, ``server``, ``gateway`` or ``signing``."""
    match identity:
        case ServiceId():
            return "service"
        case AgentId():
            return "agent"
        case ServerId():
            return "server"
        case GatewayId():
            return "gateway"
        case SigningId():
            return "signing"
        case _:
            assert_never(identity)


@lru_cache(maxsize=4096)
def parse_spiffe_id(text: str) -> SpiffeId:
    """Return the ID a URI stands for; ``str()`` of the result is the text again.

    Remembered: the same few thousand IDs are parsed for every leaf and every decision.

    A leading ``/ap/default`` (Consul's default partition) is accepted and dropped; that alone
    breaks the round trip.

    Raises:
        RequestError: wrong scheme, a part SPIFFE forbids, or a path of no known shape.
    Source: SPIFFE-ID §2.
    """
    _refuse_foreign_parts(text)
    authority, _, path = text[len(_SCHEME) :].partition("/")
    if any(mark in authority for mark in "@:"):
        raise RequestError(f"a SPIFFE ID has no user info or port: {text[:120]!r}", field="uri")
    trust_domain = TrustDomain(authority)
    if not path and not text.endswith("/"):
        return SigningId(trust_domain)
    return _from_path(trust_domain, path.split("/"), text)


def _refuse_foreign_parts(text: str) -> None:
    if not text.startswith(_SCHEME):
        raise RequestError(f"SPIFFE ID must have 'spiffe' scheme: {text[:120]!r}", field="uri")
    if len(text.encode(errors="replace")) > MAX_ID_BYTES:
        raise RequestError(f"longer than {MAX_ID_BYTES} bytes", field="uri")
    for mark, name in _FORBIDDEN.items():
        if mark in text:
            raise RequestError(f"a SPIFFE ID has no {name}: {text[:120]!r}", field="uri")


def _from_path(trust_domain: TrustDomain, segments: list[str], text: str) -> SpiffeId:
    match segments:
        case ["ap", partition, *rest] if rest and partition == "default":
            return _from_path_without_partition(trust_domain, rest, text)
        case ["ap", partition, *rest] if rest:
            raise RequestError(
                f"partition {partition[:80]!r} is not served, only 'default'", field="uri"
            )
        case _:
            return _from_path_without_partition(trust_domain, segments, text)


def _from_path_without_partition(
    trust_domain: TrustDomain, segments: list[str], text: str
) -> SpiffeId:
    match segments:
        case ["ns", namespace, "dc", datacenter, "svc", service]:
            return ServiceId(
                trust_domain=trust_domain,
                namespace=namespace,
                datacenter=datacenter,
                service=service,
            )
        case ["agent", "client", "dc", datacenter, "id", node]:
            return AgentId(trust_domain=trust_domain, datacenter=datacenter, node=node)
        case ["agent", "server", "dc", datacenter]:
            return ServerId(trust_domain=trust_domain, datacenter=datacenter)
        case ["gateway", "mesh", "dc", datacenter]:
            return GatewayId(trust_domain=trust_domain, datacenter=datacenter)
        case _:
            raise RequestError(
                f"SPIFFE ID is not in the expected format: {text[:160]!r}", field="uri"
            )
