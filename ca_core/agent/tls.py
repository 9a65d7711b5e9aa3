"""TLS towards a server: its chain must lead to our anchors, and it must be a server of ours.

A SPIFFE certificate has no host name to check, so a chain alone says only "somebody of this mesh":
any service could stand in for the server. The SPIFFE ID is therefore checked right after the
handshake, before a byte of a request is sent.
"""

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import httpcore
from cryptography import x509

from ca_core.agent.streams import SocketOption, WrappedStream
from ca_core.agent.unreached import UnreachedError
from ca_core.errors import RequestError
from ca_core.identity.certificates import pem_chain, uri_sans
from ca_core.identity.spiffe import ServerId, SpiffeId, parse_spiffe_id


@dataclass(frozen=True, slots=True)
class ClientPair:
    """A leaf and its key as PEM, shown to the server; ``cert_pem`` is leaf first."""

    cert_pem: str
    key_pem: str

    def __repr__(self) -> str:
        return "ClientPair(…)"


def verifying_context(
    anchors: Sequence[x509.Certificate], pair: ClientPair | None = None
) -> ssl.SSLContext:
    """Return a client context that trusts exactly ``anchors``, TLS 1.3 only.

    Partial chains are accepted: an anchor may itself be issued by somebody we do not trust. Host
    names are not checked; ``VerifyingBackend`` checks the SPIFFE ID instead.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=pem_chain(anchors))
    if pair is not None:
        load_pair(context, pair)
    return context


def unsafe_unverified_context() -> ssl.SSLContext:
    """Return a context that believes any server: only for fetching what a pin then proves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def load_pair(context: ssl.SSLContext, pair: ClientPair) -> None:
    """Give the context a certificate and key without leaving a key file on disk."""
    with _readable_by_name((pair.cert_pem + pair.key_pem).encode()) as path:
        context.load_cert_chain(path)


@contextlib.contextmanager
def _readable_by_name(raw: bytes) -> Iterator[str]:
    """Lend a path whose file holds ``raw``: in memory on Linux, else a 0600 file removed at once.

    Python's ``load_cert_chain`` reads files only.
    """
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("pair", os.MFD_CLOEXEC)
        with os.fdopen(handle, "wb") as memory:
            memory.write(raw)
            memory.flush()
            yield f"/proc/self/fd/{memory.fileno()}"
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(raw)
        file.flush()
        yield file.name


class PeerCheck:
    """Who the server must be: a server of this mesh, or exactly one ID.

    ``seen`` is the ID that was verified last; None before the first handshake.
    """

    def __init__(self, expected: ServerId | None) -> None:
        self._expected = expected
        self.seen: ServerId | None = None

    def check(self, identity: SpiffeId | None) -> None:
        """Accept the ID that the server's certificate holds.

        Raises:
            UnreachedError: it is no server, or another one; nothing was sent to it.
        """
        if not isinstance(identity, ServerId) or self._expected not in (None, identity):
            wanted = self._expected or "a server's SPIFFE ID"
            raise UnreachedError(
                f"the peer is {identity or 'without a SPIFFE ID'}, not {wanted}; nothing was sent",
                hint="check the address of the server (--server)",
            )
        self.seen = identity


class VerifyingBackend(httpcore.AsyncNetworkBackend):
    """Connects for httpcore, and lets no connection out whose peer was not checked."""

    def __init__(self, peer: PeerCheck | None) -> None:
        self._peer = peer
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection; TLS starts on the stream returned."""
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return _VerifyingStream(stream, self._peer)

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts."""
        await self._inner.sleep(seconds)


class _VerifyingStream(WrappedStream):
    """A stream whose ``start_tls`` returns only after the peer's ID was accepted."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, peer: PeerCheck | None) -> None:
        super().__init__(inner)
        self._peer = peer

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        secured = await super().start_tls(ssl_context, server_hostname, timeout)
        if self._peer is None:
            return secured
        try:
            self._peer.check(_peer_identity(secured.get_extra_info("ssl_object")))
        except BaseException:
            await secured.aclose()
            raise
        return secured


def _peer_identity(connection: ssl.SSLObject | None) -> SpiffeId | None:
    """Return the one SPIFFE ID in the peer's certificate, or None."""
    raw = connection.getpeercert(binary_form=True) if connection is not None else None
    if raw is None:
        return None
    uris = uri_sans(x509.load_der_x509_certificate(raw))
    if len(uris) != 1:
        return None
    with contextlib.suppress(RequestError):
        return parse_spiffe_id(uris[0])
    return None
