"""Who asks a server for leaves, and writes down everything that was released."""

import asyncio
import contextlib
import random
import ssl
import time
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
from cryptography import x509

from ca_core.agent.identitystore import IdentityStore
from ca_core.agent.joining import join
from ca_core.agent.remote import RemoteUpstream
from ca_core.agent.verification import Wanted, verified_chain
from ca_core.clock import SystemClock
from ca_core.errors import Error
from ca_core.identity.certificates import fingerprint, parse_certificates, serial_hex
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import ServiceId
from tests.stopwatch import stopwatch

NODE = "node-1"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Spares httpx the work of loading the web's CAs for a unix socket."""
KEY = new_leaf_key()
"""All leaves here are for one key: what matters is what was released, not to whom."""


class AheadClock(SystemClock):
    """The system's clock and as much ahead as a server's that jumped."""

    def __init__(self, ahead):
        self.ahead = ahead

    def now(self):
        """Return that time."""
        return super().now() + self.ahead


@dataclass
class Released:
    """One leaf that left the server: its chain, and when it came (``time.monotonic()``)."""

    chain: tuple[x509.Certificate, ...]
    at: float

    @property
    def serial(self):
        """Return its serial number as the ledger writes it."""
        return serial_hex(self.chain[0])

    @property
    def not_after(self):
        """Return its end."""
        return self.chain[0].not_valid_after_utc


@dataclass
class Notebook:
    """What the world has seen of one cluster.

    Attributes:
        roots: fingerprints of every root that was ever published.
        released: every leaf that came out.
        asked: requests for leaves of services, answered or not.
        under_way: requests without an answer yet.
    """

    roots: set[str] = field(default_factory=set)
    released: list[Released] = field(default_factory=list)
    asked: int = 0
    under_way: int = 0


def operators(life):
    """Return a client of the operators' unix socket; close it."""
    transport = httpx.AsyncHTTPTransport(uds=str(life.operators), verify=NO_TLS)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=10)


async def asked_operators(life, method, path, **body):
    """Return the answer to one request of an operator."""
    async with operators(life) as client:
        return await client.request(method, path, **body)


async def published_root(client):
    """Return the root that the server publishes; there is exactly one."""
    answer = await client.get("/v1/connect/ca/roots?pem")
    answer.raise_for_status()
    (root,) = parse_certificates(answer.text, field="roots")
    return root


async def watched_roots(life, notebook):
    """Note every root that is published while the server comes up."""
    async with operators(life) as client:
        while not life.has_ended and not life.is_ready:
            with contextlib.suppress(httpx.HTTPError):
                notebook.roots.add(fingerprint(await published_root(client)))
            await asyncio.sleep(0.01)


class Customer:
    """An agent that joined once, and has leaves signed for one service.

    Args:
        home: folder of the agent's identity.
        notebook: where it writes down what it gets.
    """

    def __init__(self, home, notebook):
        self._store = IdentityStore(home)
        self._notebook = notebook
        self._home = home

    async def join(self, life, *, node=NODE, ahead=timedelta()):
        """Become a member, with a token that the operators made. The last one to join counts."""
        body = {"Node": node}
        answer = await asked_operators(life, "PUT", "/v1/cluster/join-token", json=body)
        token = answer.json()["Token"]
        clock = AheadClock(ahead)
        joined = await join(await life.ready(), token, node, self._store, clock, random.random)
        self._notebook.released.append(Released(chain=joined.chain, at=time.monotonic()))

    @property
    def identity(self):
        """Return who the agent is."""
        return self._store.current.id

    @contextlib.asynccontextmanager
    async def calling(self, life):
        """Lend a connection to the server."""
        upstream = RemoteUpstream((await life.ready(),), self._store, SystemClock())
        try:
            yield upstream
        finally:
            await upstream.close()

    async def ask(self, upstream, service="web", *, ahead=timedelta()):
        """Have a leaf signed, check it as an agent does, write it down."""
        own = self.identity
        identity = ServiceId(
            trust_domain=own.trust_domain, datacenter=own.datacenter, service=service
        )
        return await self._asked(upstream, Wanted(key=KEY, identity=identity), ahead)

    async def ask_own(self, upstream, *, ahead=timedelta()):
        """Have the agent's own next leaf signed, for a new key; it is written down, not used."""
        return await self._asked(
            upstream, Wanted(key=new_leaf_key(), identity=self.identity), ahead
        )

    async def _asked(self, upstream, wanted, ahead):
        csr = csr_pem(leaf_csr(wanted.key, wanted.identity))
        self._notebook.asked += 1
        self._notebook.under_way += 1
        try:
            signed = await upstream.sign(csr)
        finally:
            self._notebook.under_way -= 1
        now = AheadClock(ahead).now()
        chain = verified_chain(signed.cert_pem, wanted, self._store.current.anchors, now=now)
        leaf = Released(chain=chain, at=time.monotonic())
        self._notebook.released.append(leaf)
        return leaf

    async def press(self, upstream, workers=8):
        """Ask for leaves without a pause until the server is gone."""

        async def worker():
            with contextlib.suppress(Error):
                while True:
                    await self.ask(upstream)

        await asyncio.gather(*(worker() for _ in range(workers)))


async def ask_until_signed(customer, life, seconds=5.0):
    """Return how long it takes until the server signs; fails after ``seconds``."""
    with stopwatch() as watch:
        async with customer.calling(life) as upstream:
            while True:
                with contextlib.suppress(Error):
                    await customer.ask(upstream)
                    return watch.seconds
                assert watch.seconds < seconds
                await asyncio.sleep(0.02)
