"""From a connection to a principal; and which hosts a browser may not trick us with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography import x509

from ca_core.acl.principal import Anonymous, Node, Peer, Principal
from ca_core.errors import DeniedError, RequestError
from ca_core.identity.certificates import spki_digest, uri_sans
from ca_core.identity.spiffe import SpiffeId, TrustDomain, parse_spiffe_id

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the kernel and TLS say about a connection.

    Attributes:
        certificate: DER of the peer's leaf, verified by TLS against the bundle; None without mTLS.
        peer: uid, gid, pid of a unix socket's other end; None over TCP.
        hosts: names under which this listener may be addressed; None for "any" (TLS, unix).
    """

    certificate: bytes | None = None
    peer: tuple[int, int, int] | None = None
    hosts: frozenset[str] | None = None


def principal_of(link: Link, trust_domain: TrustDomain | None, now: datetime) -> Principal:
    """Return who is at the other end.

    TLS looked at the certificate when the connection was made; it may have expired since.

    Raises:
        DeniedError: the certificate has expired, or holds no SPIFFE ID of this trust domain.
    """
    if link.peer is not None:
        uid, gid, pid = link.peer
        return Peer(uid=uid, gid=gid, pid=pid)
    if link.certificate is None:
        return Anonymous(loopback=link.hosts is not None)
    node, not_after = _node_of(link.certificate)
    if now > not_after:
        raise DeniedError("the client certificate has expired since this connection was made")
    if trust_domain is None or node.identity.trust_domain != trust_domain:
        raise DeniedError("the client certificate is of another trust domain")
    return node


@lru_cache(maxsize=1024)
def _node_of(der: bytes) -> tuple[Node, datetime]:
    """Return a certificate's holder and end; remembered: a connection carries many requests."""
    certificate = x509.load_der_x509_certificate(der)
    identity = _identity_of(certificate)
    node = Node(identity=identity, key_digest=spki_digest(certificate.public_key()))
    return node, certificate.not_valid_after_utc


def _identity_of(certificate: x509.Certificate) -> SpiffeId:
    uris = uri_sans(certificate)
    if len(uris) != 1:
        raise DeniedError("the client certificate must hold exactly one SPIFFE ID")
    try:
        return parse_spiffe_id(uris[0])
    except RequestError:
        raise DeniedError("the client certificate holds no SPIFFE ID") from None


def refuse_rebinding(headers: Mapping[str, str], hosts: frozenset[str] | None) -> None:
    """Refuse a request that a web page made a browser send (DNS rebinding, cross-site).

    A browser always sends ``Origin`` with what a page could misuse, and ``Host`` names the page's
    own domain after rebinding; no client of ours sends either.

    Raises:
        RequestError: an ``Origin`` header, or a ``Host`` that is not this listener's.
    """
    if "origin" in headers:
        raise RequestError("requests from web pages are refused", field="Origin")
    host = headers.get("host", "")
    if hosts is not None and host.lower() not in hosts:
        raise RequestError(f"this listener is not {host[:80]!r}", field="Host")


def hosts_of(host: str, port: int) -> frozenset[str]:
    """Return the ``Host`` values a loopback listener answers to, with and without its port."""
    shown = f"[{host}]" if ":" in host else host
    names = LOOPBACK_HOSTS | {shown.lower()}
    return frozenset(names) | frozenset(f"{name}:{port}" for name in names)


def header_map(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return ASGI headers as text; of a repeated one the last value."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


def link_of(scope: Mapping[str, Any]) -> Link:
    """Return what our protocol class stored about the connection."""
    link = scope["ca_core.link"]
    assert isinstance(link, Link)  # noqa: S101 - our own protocol class put it there
    return link
