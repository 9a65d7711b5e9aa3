"""One end of a connection: a leaf and a bundle that are replaced while it is under fire."""

import asyncio
import ssl
from contextlib import suppress

from cryptography import x509

from ca_core.acl.principal import Anonymous
from ca_core.agent.leaffiles import BUNDLE, KEY, LEAF
from ca_core.agent.tls import ClientPair, load_pair, verifying_context
from ca_core.identity.certificates import fingerprint, parse_certificates, uri_sans

CALLER = Anonymous()


def serving_context(anchors, pair):
    """Return a server's context: TLS 1.3, a client certificate needed, strict, no tickets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # every connection is verified anew
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cadata="".join(anchors))
    load_pair(context, pair)
    return context


def dialling_context(anchors, pair):
    """Return a client's context, as strict as the server's."""
    context = verifying_context(parse_certificates("".join(anchors), field="bundle"), pair)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def identity_of(connection):
    """Return the one SPIFFE ID that the peer proved."""
    leaf = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True))
    (uri,) = uri_sans(leaf)
    return uri


class Side:
    """A program that follows an agent in memory and swaps its contexts as soon as it hears.

    Attributes:
        agent: who it follows.
        service: who it is.
        anchors: fingerprints of the bundle that it verifies with now.
        signed_under: key id of what signed the leaf that it shows now, hex.
    """

    def __init__(self, agent, service):
        self.agent = agent
        self.service = service
        self.anchors = frozenset()
        self.signed_under = ""
        self._pair = None
        self._bundle = ()
        self._contexts = {}

    async def start(self):
        """Get the first leaf and bundle, and follow both."""
        self._take_roots(await self.agent.roots.known())
        answer = await self.agent.leaves.get(CALLER, self.service)
        self._take_leaf(answer.cert)
        self.agent.roots.subscribe(self._take_roots)
        self._following = asyncio.create_task(self._follow(answer.index))

    async def close(self):
        """Stop following."""
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)

    def context(self, make):
        """Return the context of this moment, made by ``serving_`` or ``dialling_context``."""
        if make not in self._contexts:
            self._contexts[make] = make(self._bundle, self._pair)
        return self._contexts[make]

    async def _follow(self, index):
        while True:
            answer = await self.agent.leaves.get(CALLER, self.service, min_index=index)
            if answer.index != index:
                index = answer.index
                self._take_leaf(answer.cert)

    def _take_leaf(self, cert):
        self._pair = ClientPair(cert.cert_pem, cert.private_key_pem)
        self.signed_under = issuer_of(cert.cert_pem)
        self._contexts = {}

    def _take_roots(self, known):
        bundle = tuple(root.root_cert for root in known.value.roots)
        if bundle != self._bundle:  # else another one signs, and the roots are the same
            self._bundle, self._contexts = bundle, {}
            self.anchors = frozenset(fingerprint(anchor) for anchor in known.anchors)


class FileSide:
    """A program that reads ``leaf.pem``, ``key.pem`` and ``bundle.pem`` when they are replaced.

    A real ``ca-core leaf watch`` process keeps the files; three files of one set are read by
    opening the set once.
    """

    def __init__(self, folder, service):
        self.folder = folder
        self.service = service
        self._set = None
        self._held = {}
        self._contexts = {}

    def context(self, make):
        """Return the context of what the files hold now, as ``Side.context`` does."""
        self._look()
        if make not in self._contexts:
            pair = ClientPair(self._held[LEAF].decode(), self._held[KEY].decode())
            self._contexts[make] = make((self._held[BUNDLE].decode(),), pair)
        return self._contexts[make]

    @property
    def anchors(self):
        """Return the fingerprints of the bundle in the folder."""
        self._look()
        return frozenset(map(fingerprint, parse_certificates(self._held[BUNDLE], field="file")))

    @property
    def signed_under(self):
        """Return the key id of what signed the leaf in the folder, hex."""
        self._look()
        return issuer_of(self._held[LEAF].decode())

    @property
    def is_ready(self):
        """Say whether the files have been written for the first time."""
        return (self.folder / "current").exists()

    def _look(self):
        while (found := (self.folder / "current").resolve(strict=True)) != self._set:
            with suppress(FileNotFoundError):  # replaced twice while it was read
                self._held = {name: (found / name).read_bytes() for name in (LEAF, KEY, BUNDLE)}
                self._set, self._contexts = found, {}


def issuer_of(pem):
    """Return the key id of what signed a leaf, hex."""
    leaf = x509.load_pem_x509_certificate(pem.encode())
    found = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    return found.value.key_identifier.hex()
