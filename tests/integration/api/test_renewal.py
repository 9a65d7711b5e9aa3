"""Leaves that live seconds: both sides renew their own, and nobody notices."""

import asyncio
import contextlib
import ssl
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ca_core.agent.tls import ClientPair, load_pair
from ca_core.api.listeners import Listener
from ca_core.config.listen import TcpListen
from ca_core.identity.certificates import pem_of
from ca_core.identity.leafcsr import csr_pem, key_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import ServiceId
from tests.integration.api.world import ME, agent_csr, mesh, over_tls, over_unix, serial_seen

SIGN, REJOIN = "/v1/cluster/sign", "/v1/cluster/rejoin"
TTL = timedelta(seconds=3)
PATIENCE = 15.0


def until(condition):
    """Return once ``condition`` holds; fails after a while."""
    ends = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < ends, "nothing happened"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def hasty():
    """Return a mesh whose leaves live three seconds, with an agent on ``n1``."""
    with mesh(ttl=TTL, short=True) as built:
        built.join("n1", web=(ME,), db=(ME,))
        yield built


@pytest.fixture(scope="module")
def sleeper(hasty):
    """Return an agent that never renews, and a connection that it opened in time."""
    admitted = hasty.admit("sleeper")
    with over_tls(hasty.url, admitted.pair) as client:
        assert client.get("/healthz").status_code == 200
        yield admitted, client


@pytest.mark.usefixtures("sleeper")
def test_both_own_leaves_are_renewed_without_a_restart(hasty):
    """New connections show a new serial, old ones go on, and the agent still gets leaves."""
    server_before, agent_before = serial_seen(hasty.url), hasty.identity("n1").chain[0]
    with hasty.anonymous() as open_before:
        assert open_before.get("/healthz").status_code == 200
        until(lambda: serial_seen(hasty.url) != server_before)
        until(lambda: hasty.identity("n1").chain[0] != agent_before)
        until(lambda: datetime.now(UTC) > agent_before.not_valid_after_utc)
        assert open_before.get("/healthz").status_code == 200
    with over_unix(hasty.agent_socket("n1")) as client:
        answer = client.get("/v1/agent/connect/ca/leaf/db")
        assert answer.status_code == 200, answer.text
        known = client.get("/v1/agent/connect/ca/roots")
    assert known.headers["x-consul-knownleader"] == "true"
    after = hasty.identity("n1")
    assert after.chain[0].serial_number != agent_before.serial_number
    assert after.key.public_key() != agent_before.public_key()


def test_an_expired_leaf_opens_nothing_and_its_key_rejoins(hasty, sleeper):
    """Neither a new nor an old connection lets an expired agent sign; its key may return."""
    old, open_before = sleeper
    web = ServiceId(trust_domain=hasty.trust_domain, datacenter="dc1", service="web")
    csr = {"CSR": csr_pem(leaf_csr(new_leaf_key(), web))}
    until(lambda: open_before.post(SIGN, json=csr).status_code != 200)
    refused = open_before.post(SIGN, json=csr)
    assert (refused.status_code, "expired" in refused.text) == (403, True)
    with over_tls(hasty.url, old.pair) as opened_after, pytest.raises(httpx.TransportError):
        opened_after.post(SIGN, json=csr)
    with hasty.anonymous() as client:
        for key, status in ((new_leaf_key(), 403), (old.key, 200)):
            back, _ = agent_csr(hasty.trust_domain, "sleeper", key)
            answer = client.post(REJOIN, json={"Node": "sleeper", "CSR": back})
            assert answer.status_code == status, answer.text


def fresh_context(number):
    """Return a server's context with a certificate of this serial."""
    key, moment = new_leaf_key(), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(moment)
        .not_valid_after(moment + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_pair(context, ClientPair(pem_of(certificate), key_pem(key)))
    return context


async def test_no_connection_is_lost_while_leaves_are_swapped():
    """Clients connect without a pause through many swaps: each handshake succeeds."""
    listener = Listener(None, TcpListen("127.0.0.1", 0), tls=fresh_context(1))
    await listener.start()
    swapping = True
    seen = []

    async def connect():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        while swapping:
            _, writer = await asyncio.open_connection(
                "127.0.0.1", listener.address.port, ssl=context, ssl_handshake_timeout=3
            )
            der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            seen.append(x509.load_der_x509_certificate(der).serial_number)
            writer.close()
            with contextlib.suppress(OSError):  # the other side may cut the goodbye short
                await writer.wait_closed()

    try:
        clients = [asyncio.create_task(connect()) for _ in range(8)]
        for number in range(2, 42):
            await listener.replace_tls(fresh_context(number))
            before = len(seen)
            while len(seen) < before + 8 and not any(client.done() for client in clients):
                await asyncio.sleep(0)
        swapping = False
        await asyncio.gather(*clients)
    finally:
        await listener.close()
    assert len(set(seen)) > 30
