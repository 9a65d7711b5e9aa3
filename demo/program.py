"""A program of the mesh: one service that follows its leaf and the bundle, and swaps both live."""

import asyncio
import ssl
from collections.abc import Callable

import httpx
import msgspec
from cryptography import x509

from ca_core.agent.tls import ClientPair, load_pair, verifying_context
from ca_core.identity.certificates import parse_certificates, pem_chain
from ca_core.wire.leaf import IssuedCert
from ca_core.wire.roots import CARoots

LEAF = "/v1/agent/connect/ca/leaf/"
ROOTS = "/v1/agent/connect/ca/roots"

AGAIN = 0.2
"""Seconds after an answer that was none: the agent may be at its limit for a moment."""


async def follow(
    client: httpx.AsyncClient, path: str, take: Callable[[bytes], None], index: str = ""
) -> None:
    """Hand over every new answer of a blocking query, for ever."""
    while True:
        query = {"index": index, "wait": "60s"} if index else {}
        try:
            answer = (await client.get(path, params=query, timeout=90)).raise_for_status()
        except httpx.HTTPError:
            await asyncio.sleep(AGAIN)
            continue
        if answer.headers["x-consul-index"] != index:
            index = answer.headers["x-consul-index"]
            take(answer.content)


class Bundle:
    """The anchors that every program here trusts; each change makes a new ``version``."""

    def __init__(self) -> None:
        self.anchors: tuple[x509.Certificate, ...] = ()
        self.version = 0

    def take(self, raw: bytes) -> None:
        """Trust what the agent's answer names."""
        answer = msgspec.json.decode(raw, type=CARoots)
        pems = "".join(root.root_cert for root in answer.roots)
        self.anchors = parse_certificates(pems, field="roots")
        self.version += 1


class Program:
    """One service; its contexts are those of the newest leaf and bundle."""

    def __init__(self, name: str, bundle: Bundle) -> None:
        self.name = name
        self._bundle = bundle
        self._pair = ClientPair("", "")
        self._contexts: dict[tuple[int, bool], ssl.SSLContext] = {}

    @property
    def signed_by(self) -> str:
        """Return the key id of what signed the leaf that is shown now, hex; '' without one."""
        if not self._pair.cert_pem:
            return ""
        leaf = parse_certificates(self._pair.cert_pem, field="leaf")[0]
        issuer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        return (issuer.key_identifier or b"").hex()

    def take(self, raw: bytes) -> None:
        """Show another leaf from now on."""
        answer = msgspec.json.decode(raw, type=IssuedCert)
        self._pair = ClientPair(answer.cert_pem, answer.private_key_pem)
        self._contexts = {}

    def context(self, *, serving: bool) -> ssl.SSLContext:
        """Return the context of this moment: mutual TLS 1.3, nothing resumed."""
        key = (self._bundle.version, serving)
        if key not in self._contexts:
            self._contexts[key] = self._made(serving=serving)
        return self._contexts[key]

    def _made(self, *, serving: bool) -> ssl.SSLContext:
        if not serving:
            return verifying_context(self._bundle.anchors, self._pair)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=pem_chain(self._bundle.anchors))
        load_pair(context, self._pair)
        return context
