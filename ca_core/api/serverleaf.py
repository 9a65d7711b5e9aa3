"""The server's own API leaf: issued by its own CA, renewed, swapped without a restart."""

import ipaddress
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random

from cryptography import x509

from ca_core.acl.principal import Node
from ca_core.agent.renewal import drawn, renewal_window
from ca_core.agent.tls import ClientPair, load_pair
from ca_core.authority.manager import CAManager
from ca_core.authority.rows import ROOTS_TOPIC, bundle
from ca_core.authority.slot import retry_pause
from ca_core.clock import Clock
from ca_core.errors import Error
from ca_core.identity.certificates import pem_chain, spki_digest
from ca_core.identity.csr import IPAddress, check_csr
from ca_core.identity.leafcsr import key_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import ServerId
from ca_core.state.store import Store

CHECK_EVERY = 600.0
"""Seconds after which the loop looks at the clock again, whatever else happens."""

_log = logging.getLogger("ca_core.api")

Install = Callable[[ssl.SSLContext], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerNames:
    """Names in the server's leaf besides its SPIFFE ID, for clients that check host names."""

    dns_names: tuple[str, ...]
    addresses: tuple[IPAddress, ...]


def server_names(advertise: tuple[str, ...], trust_domain: str, datacenter: str) -> ServerNames:
    """Return loopback, ``server.DC.TRUST_DOMAIN``, and what the operator advertises."""
    addresses: list[IPAddress] = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    names = ["localhost", f"server.{datacenter}.{trust_domain}"]
    for text in advertise:
        try:
            addresses.append(ipaddress.ip_address(text))
        except ValueError:
            names.append(text)
    return ServerNames(
        dns_names=tuple(dict.fromkeys(names)), addresses=tuple(dict.fromkeys(addresses))
    )


class ServerLeaf:
    """Keeps a valid leaf under the API. Lives on the event loop."""

    def __init__(
        self,
        manager: CAManager,
        store: Store,
        clock: Clock,
        random: Random,
        advertise: tuple[str, ...] = (),
    ) -> None:
        self._manager = manager
        self._store = store
        self._clock = clock
        self._random = random
        self._advertise = advertise
        self.not_after: datetime | None = None

    async def keep(self, install: Install) -> None:
        """Issue a leaf and install it, again whenever it is due or the roots change; for ever."""
        await self._manager.opened()
        failures = 0
        while True:
            try:
                index = self._store.snapshot.topic_index(ROOTS_TOPIC)
                leaf, context = await self._issued()
                await install(context)
                failures = 0
                await self._until_due(leaf, index)
            except Error as error:
                failures += 1
                _log.log(
                    logging.DEBUG if self.not_after is None else logging.WARNING,
                    "the server's own leaf cannot be issued, trying again: %s",
                    error,
                )
                await self._pause(failures)

    async def _pause(self, failures: int) -> None:
        """Wait, but no longer than until something about the CA changes."""
        index = self._store.snapshot.topic_index(ROOTS_TOPIC)
        await self._store.wait((ROOTS_TOPIC,), index, retry_pause(failures).total_seconds() / 4)

    async def _issued(self) -> tuple[x509.Certificate, ssl.SSLContext]:
        manager, key = self._manager, new_leaf_key()
        domain, datacenter = manager.trust_domain, manager.datacenter
        identity = ServerId(trust_domain=domain, datacenter=datacenter)
        names = server_names(self._advertise, domain.name, datacenter)
        csr = check_csr(leaf_csr(key, identity, names.dns_names, names.addresses))
        caller = Node(identity=identity, key_digest=spki_digest(key.public_key()))
        issued = await manager.sign(csr, principal=caller, replaces=self.not_after)
        self.not_after = issued.certificate.not_valid_after_utc
        pair = ClientPair(cert_pem=issued.pem, key_pem=key_pem(key))
        return issued.certificate, server_context(pair, bundle(self._store.snapshot))

    async def _until_due(self, leaf: x509.Certificate, index: int) -> None:
        now = self._clock.now()
        due = drawn(renewal_window(now, leaf.not_valid_after_utc), self._random.random())
        while (left := (due - self._clock.now()).total_seconds()) > 0:
            if await self._store.wait((ROOTS_TOPIC,), index, min(left, CHECK_EVERY)):
                return


def server_context(pair: ClientPair, anchors: tuple[x509.Certificate, ...]) -> ssl.SSLContext:
    """Return the context of the server's API: TLS 1.3, a client certificate welcome, not needed.

    Who needs one is decided by the handlers: a joining agent has none yet. Tickets are off, so that
    every connection is verified anew.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cadata=pem_chain(anchors))
    load_pair(context, pair)
    return context
