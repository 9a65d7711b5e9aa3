"""Joining, rejoining and signing over real TLS on loopback: what is sent, to whom, and when."""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography import x509

from ca_core.agent.identitystore import IdentityStore
from ca_core.agent.inturn import published_at, rejoined_at
from ca_core.agent.joining import join, parse_join_string, rejoined
from ca_core.agent.remote import RemoteUpstream
from ca_core.agent.serverlink import MAX_ANSWER_BYTES
from ca_core.agent.tls import ClientPair, VerifyingBackend, load_pair
from ca_core.clock import SystemClock
from ca_core.errors import (
    ConfigError,
    DeniedError,
    NotReadyError,
    OutcomeUnknownError,
    PendingError,
    ProviderError,
    RateLimitedError,
    RequestError,
    UnavailableError,
)
from ca_core.identity.certificates import fingerprint, pem_chain, spki_der, uri_sans
from ca_core.identity.leafcsr import csr_pem, key_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import AgentId, ServerId, ServiceId
from ca_core.wire.cluster import SignedLeaf
from ca_core.wire.watch import RootsFound, WatchAnswer, WatchRequest
from tests.unit.agent.fakes import DATACENTER, TRUST_DOMAIN, FakeUpstream
from tests.unit.agent.tinyserver import TinyServer

SECRET = "s" * 43
SERVER_ID = ServerId(trust_domain=TRUST_DOMAIN, datacenter=DATACENTER)
WEB_ID = ServiceId(trust_domain=TRUST_DOMAIN, datacenter=DATACENTER, service="web")
AGENT_ID = AgentId(trust_domain=TRUST_DOMAIN, datacenter=DATACENTER, node="n1")
HOUR = timedelta(hours=1)


class Cluster:
    """A TLS server with the API that agents use, over a fake authority.

    ``refusals`` are answered by the next POSTs instead of what was asked for.
    """

    def __init__(self, identity=SERVER_ID):
        self.clock = SystemClock()
        self.upstream = FakeUpstream(self.clock)
        self.identity = identity
        self.refusals = []
        self.ttl = 72 * HOUR
        self.datacenter = DATACENTER
        self.tiny = TinyServer(self.answer, self._context())

    @property
    def url(self):
        return f"https://127.0.0.1:{self.tiny.port}"

    def token(self, pin=None, secret=SECRET):
        root = self.upstream.active.root.certificate
        return f"caj1.{'0' * 16}.{secret}.{pin or fingerprint(root)}"

    def _context(self):
        key = new_leaf_key()
        csr = csr_pem(leaf_csr(key, self.identity))
        chain = (
            self.upstream.active.leaf(csr, self.clock.now(), HOUR),
            self.upstream.active.signer.certificate,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=pem_chain(self.upstream.anchors()))
        load_pair(context, ClientPair(pem_chain(chain), key_pem(key)))
        return context

    async def answer(self, asked):
        if asked.path == "/v1/connect/ca/roots" and "pem" in asked.query:
            return 200, {}, pem_chain(self.upstream.anchors()).encode()
        if asked.path == "/v1/connect/ca/roots":
            index = {"X-Consul-Index": str(self.upstream.index)}
            return 200, index, msgspec.json.encode(self.upstream.value())
        if self.refusals:
            refusal = self.refusals.pop(0)
            return await refusal() if callable(refusal) else refusal
        return 200, {}, msgspec.json.encode(self.signed(msgspec.json.decode(asked.body)["CSR"]))

    def signed(self, csr):
        leaf = self.upstream.active.leaf(csr, self.clock.now(), self.ttl)
        return SignedLeaf(
            cert_pem=pem_chain((leaf, self.upstream.active.signer.certificate)),
            index=7,
            trust_domain=str(TRUST_DOMAIN),
            datacenter=self.datacenter,
            roots_pem=pem_chain(self.upstream.anchors()),
        )

    def posts(self):
        return [asked for asked in self.tiny.asked if asked.method == "POST"]


@contextlib.asynccontextmanager
async def cluster(**options):
    """Run a cluster on a free port."""
    built = Cluster(**options)
    await built.tiny.start()
    try:
        yield built
    finally:
        await built.tiny.stop()


@contextlib.asynccontextmanager
async def joined(tmp_path):
    """Run a cluster with one agent that has joined it."""
    async with cluster() as c:
        store = IdentityStore(tmp_path / "agent")
        await join(c.url, c.token(), "n1", store, c.clock, lambda: 0.5)
        remote = RemoteUpstream((c.url,), store, c.clock)
        try:
            yield c, store, remote
        finally:
            await remote.close()


def problem(status, detail, **headers):
    """Return a refusing answer as the API words it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, named, msgspec.json.encode({"status": status, "detail": detail})


def a_csr(identity=WEB_ID):
    """Return a CSR for a service."""
    return csr_pem(leaf_csr(new_leaf_key(), identity))


def test_a_join_string_is_taken_apart():
    """Id, secret and pin are found; the secret does not show itself."""
    token = parse_join_string(f" caj1.{'0a' * 8}.{SECRET}.{'f' * 64}\n")
    assert (token.id, token.secret.reveal(), token.pin) == ("0a" * 8, SECRET, "f" * 64)
    assert SECRET not in repr(token)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f" * 64,
        f"caj1.{'0' * 16}.{SECRET}",
        f"caj1.{'0' * 16}.{SECRET}.{'f' * 63}",
        f"caj1.{'0' * 16}.{SECRET}.{'F' * 64}",
        f"caj1.{'0' * 16}.{SECRET}=.{'f' * 64}",
        f"caj2.{'0' * 16}.{SECRET}.{'f' * 64}",
        f"caj1.{'0' * 16}.{SECRET}.{'f' * 64}.x",
    ],
)
def test_another_text_is_refused_and_not_repeated(text):
    """A cut off or damaged join string is named as such without showing the secret in it."""
    with pytest.raises(RequestError) as caught:
        parse_join_string(text)
    assert SECRET not in str(caught.value)


def test_joining_gives_an_identity_that_survives_a_restart(tmp_path):
    """The agent has its own ID and key, a bundle, and finds all of it again on disk."""

    async def scenario():
        async with joined(tmp_path) as (c, store, _):
            identity = store.current
            assert identity.id == AGENT_ID
            assert uri_sans(identity.chain[0]) == (str(AGENT_ID),)
            body = msgspec.json.decode(c.posts()[0].body)
            assert body["Secret"] == SECRET
            assert body["Node"] == "n1"
            again = IdentityStore(tmp_path / "agent").current
            assert again.renew_at == identity.renew_at
            assert again.chain == identity.chain
            assert spki_der(again.key.public_key()) == spki_der(identity.key.public_key())
            assert again.server == c.url

    asyncio.run(scenario())


def test_the_secret_is_not_sent_to_a_server_with_another_root(tmp_path):
    """A pin that does not match ends the join after one request that told nothing."""

    async def scenario():
        async with cluster() as c:
            store = IdentityStore(tmp_path / "agent")
            with pytest.raises(ConfigError, match="another root") as caught:
                await join(c.url, c.token(pin="0" * 64), "n1", store, c.clock, lambda: 0.5)
            assert SECRET not in str(caught.value)
            assert c.posts() == []
            assert store.joined is None

    asyncio.run(scenario())


def test_the_secret_is_not_sent_to_a_service_of_the_mesh(tmp_path):
    """A service's leaf leads to the right root, but it is no server: not one byte is sent to it."""

    async def scenario():
        async with cluster(identity=WEB_ID) as c:
            store = IdentityStore(tmp_path / "agent")
            with pytest.raises(UnavailableError, match="nothing was sent"):
                await join(c.url, c.token(), "n1", store, c.clock, lambda: 0.5)
            told = c.tiny.bytes_received
            await c.tiny.stop()  # whatever is still on its way arrives now
            assert [asked.path for asked in c.tiny.asked] == ["/v1/connect/ca/roots"]
            assert c.tiny.bytes_received == told < 400  # the first, unverified request
            await c.tiny.start()

    asyncio.run(scenario())


def test_a_server_that_only_shows_the_pinned_root_is_refused(tmp_path):
    """Knowing the root is no proof: a server whose own chain leads elsewhere gets no secret."""

    async def scenario():
        async with cluster() as real, cluster() as c:
            c.upstream.authorities = real.upstream.authorities  # shown, but not the TLS chain
            store = IdentityStore(tmp_path / "agent")
            with pytest.raises(UnavailableError, match="not trusted"):
                await join(c.url, real.token(), "n1", store, c.clock, lambda: 0.5)
            assert c.posts() == []

    asyncio.run(scenario())


def test_a_refused_token_leaves_no_identity(tmp_path):
    """The server's word about a used token reaches the operator."""

    async def scenario():
        async with cluster() as c:
            store = IdentityStore(tmp_path / "agent")
            c.refusals = [problem(403, "this join token was used")]
            with pytest.raises(DeniedError, match="was used"):
                await join(c.url, c.token(), "n1", store, c.clock, lambda: 0.5)
            assert IdentityStore(tmp_path / "agent").joined is None

    asyncio.run(scenario())


@pytest.mark.parametrize("lie", ["key", "identity", "datacenter", "root", "roots"])
def test_a_wrong_answer_to_a_join_is_refused(tmp_path, lie):
    """Another key, ID, datacenter or root than asked for is never kept as the agent's identity."""

    async def scenario():
        async with cluster() as c:
            store = IdentityStore(tmp_path / "agent")
            _lying(c, lie)
            with pytest.raises(ProviderError):
                await join(c.url, c.token(), "n1", store, c.clock, lambda: 0.5)
            assert store.joined is None

    asyncio.run(scenario())


def _lying(c, lie):
    honest = c.signed

    def signed(csr):
        match lie:
            case "key":
                return honest(a_csr(AGENT_ID))
            case "identity":
                other = AgentId(trust_domain=TRUST_DOMAIN, datacenter=DATACENTER, node="n2")
                leaf = c.upstream.active.leaf(csr, c.clock.now(), HOUR, identity=other)
                return msgspec.structs.replace(
                    honest(csr), cert_pem=pem_chain((leaf, c.upstream.active.signer.certificate))
                )
            case "datacenter":
                c.datacenter = "dc2"
                return honest(csr)
            case "root":
                return _signed_elsewhere(c, csr)
            case _:
                return msgspec.structs.replace(honest(csr), roots_pem="")

    c.signed = signed


def _signed_elsewhere(c, csr):
    foreign = c.upstream.active.__class__("evil", datetime.now(UTC))
    leaf = foreign.leaf(csr, datetime.now(UTC), HOUR)
    return SignedLeaf(
        cert_pem=pem_chain((leaf, foreign.signer.certificate)),
        index=1,
        trust_domain=str(TRUST_DOMAIN),
        datacenter=DATACENTER,
        roots_pem=pem_chain((foreign.root.certificate,)),
    )


def test_a_server_that_is_away_is_named_with_the_next_step(tmp_path):
    """Connection refused is an answer a person can act on."""

    async def scenario():
        async with cluster() as c:
            url, token = c.url, c.token()
        with pytest.raises(UnavailableError, match=url) as caught:
            await join(url, token, "n1", IdentityStore(tmp_path / "a"), c.clock, lambda: 0.5)
        assert "curl" in caught.value.hint

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "url", ["http://ca:8501", "ca:8501", "https://", "https://ca/x", "ftp://a"]
)
def test_only_the_address_of_a_server_is_accepted(tmp_path, url):
    """Plain HTTP and paths are refused before anything is sent."""
    with pytest.raises(ConfigError):
        RemoteUpstream((url,), IdentityStore(tmp_path / "a"), SystemClock())


def test_signing_shows_the_agents_own_leaf(tmp_path):
    """Requests go out over mTLS with the agent's certificate; the answer is the leaf."""

    async def scenario():
        async with joined(tmp_path) as (c, store, remote):
            replaces = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
            answer = await remote.sign(a_csr(), replaces=replaces)
            assert answer.index == 7
            asked = c.posts()[-1]
            assert asked.path == "/v1/cluster/sign"
            assert msgspec.json.decode(asked.body)["Replaces"] == "2030-01-02T03:04:05Z"
            assert x509.load_der_x509_certificate(asked.peer) == store.current.chain[0]

    asyncio.run(scenario())


def test_a_question_goes_out_as_it_is(tmp_path):
    """What the server says is handed on."""

    async def scenario():
        async with joined(tmp_path) as (c, _, remote):
            found = WatchAnswer(roots=RootsFound(index=5, value=c.upstream.value()))
            c.refusals = [(200, {}, msgspec.json.encode(found))]
            asked = WatchRequest(roots=0, wait="1m30s")
            assert await remote.watch(asked) == found
            assert c.posts()[-1].path == "/v1/cluster/watch"
            assert msgspec.json.decode(c.posts()[-1].body, type=WatchRequest) == asked

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (problem(400, "bad CSR"), RequestError),
        (problem(403, "not yours"), DeniedError),
        (problem(404, "what?"), UnavailableError),
        (problem(429, "slow down", Retry_After="7"), RateLimitedError),
        (problem(500, "oops"), ProviderError),
        (problem(502, "guard"), ProviderError),
        (problem(503, "sealed", Retry_After="9"), UnavailableError),
        (problem(503, "no CA", X_Ca_Core_Error="NotReadyError"), NotReadyError),
        (problem(503, "queued", X_Ca_Core_Error="PendingError"), PendingError),
        (problem(504, "lost"), OutcomeUnknownError),
        ((503, {}, b"<html>proxy</html>"), UnavailableError),
        ((200, {}, b"<html>welcome</html>"), ProviderError),
        ((200, {}, b'{"CertPEM": 5}'), ProviderError),
        ((302, {"Location": "http://elsewhere"}, b""), RequestError),
    ],
)
def test_every_refusal_becomes_its_typed_error(tmp_path, answer, expected):
    """Status and Retry-After of the API's table read backwards."""

    async def scenario():
        async with joined(tmp_path) as (c, _, remote):
            c.refusals = [answer]
            with pytest.raises(expected) as caught:
                await remote.sign(a_csr())
            assert type(caught.value) is expected
            if answer[1].get("Retry-After"):
                assert caught.value.retry_after == timedelta(seconds=int(answer[1]["Retry-After"]))
            assert (await remote.sign(a_csr())).index == 7

    asyncio.run(scenario())


def test_an_endless_answer_is_cut_off(tmp_path):
    """A server cannot fill the agent's memory, even with a good answer in front."""

    async def scenario():
        async with joined(tmp_path) as (c, _, remote):
            good = msgspec.json.encode(c.signed(a_csr()))
            c.refusals = [(200, {}, good + b" " * MAX_ANSWER_BYTES)]
            with pytest.raises(ProviderError, match="sent more than"):
                await remote.sign(a_csr())

    asyncio.run(scenario())


def test_a_connection_cut_after_the_request_is_an_unknown_outcome(tmp_path):
    """A signature may or may not have been made; a read was simply not answered."""

    async def scenario():
        async with joined(tmp_path) as (c, _, remote):

            async def cut():
                raise ConnectionResetError

            c.refusals = [cut]
            with pytest.raises(OutcomeUnknownError):
                await remote.sign(a_csr())
            await c.tiny.stop()
            with pytest.raises(UnavailableError):
                await remote.crls()

    asyncio.run(scenario())


def test_after_a_renewal_new_requests_show_the_new_leaf(tmp_path):
    """Connections of the old leaf are not used for new requests."""

    async def scenario():
        async with joined(tmp_path) as (c, store, remote):
            await remote.sign(a_csr())
            other = IdentityStore(tmp_path / "other")
            await join(c.url, c.token(), "n1", other, c.clock, lambda: 0.5)
            store.save(other.current)
            await remote.sign(a_csr())
            assert x509.load_der_x509_certificate(c.posts()[-1].peer) == other.current.chain[0]

    asyncio.run(scenario())


def test_a_request_under_way_survives_a_renewal(tmp_path):
    """The old connection ends only when its last request has been answered."""

    async def scenario():
        async with joined(tmp_path) as (c, store, remote):
            gate, reached = asyncio.Event(), asyncio.Event()

            async def slow():
                reached.set()
                await gate.wait()
                return 200, {}, msgspec.json.encode(c.signed(a_csr()))

            c.refusals = [slow]
            waiting = asyncio.create_task(remote.sign(a_csr()))
            await reached.wait()
            store.save(store.current.trusting((*store.current.anchors, *_another_root())))
            await remote.sign(a_csr())
            gate.set()
            assert (await waiting).index == 7

    asyncio.run(scenario())


def _another_root():
    return FakeUpstream(SystemClock()).anchors()


def test_a_server_of_another_datacenter_is_refused(tmp_path):
    """Once joined, the agent talks to servers of its own datacenter only."""

    async def scenario():
        elsewhere = ServerId(trust_domain=TRUST_DOMAIN, datacenter="dc9")
        async with joined(tmp_path) as (c, store, _), cluster(identity=elsewhere) as other:
            other.tiny.context = None
            both = (*store.current.anchors, *other.upstream.anchors())
            store.save(store.current.trusting(both))
            remote = RemoteUpstream((other.url,), store, c.clock)
            with pytest.raises(UnavailableError, match="dc9"):
                await remote.sign(a_csr())
            await remote.close()
            assert other.tiny.asked == []

    asyncio.run(scenario())


def test_an_expired_agent_does_not_even_connect(tmp_path):
    """Its own leaf expired: the reason is told without a handshake that must fail."""

    async def scenario():
        async with cluster() as c:
            c.ttl = timedelta(seconds=-1)
            store = IdentityStore(tmp_path / "agent")
            await join(c.url, c.token(), "n1", store, c.clock, lambda: 0.5)
            remote = RemoteUpstream((c.url,), store, c.clock)
            with pytest.raises(UnavailableError, match="own leaf expired"):
                await remote.sign(a_csr())

    asyncio.run(scenario())


def test_rejoining_proves_the_old_key_without_a_certificate(tmp_path):
    """The CSR is signed by the old key, no client certificate is shown, and the ID stays."""

    async def scenario():
        async with joined(tmp_path) as (c, store, _):
            old = store.current
            new = await rejoined(old, c.clock.now(), 0.5)
            asked = c.posts()[-1]
            body = msgspec.json.decode(asked.body)
            csr = x509.load_pem_x509_csr(body["CSR"].encode())
            assert (asked.path, asked.peer, body["Node"]) == ("/v1/cluster/rejoin", None, "n1")
            assert spki_der(csr.public_key()) == spki_der(old.key.public_key())
            assert csr.is_signature_valid
            assert new.id == old.id
            assert new.chain[0].serial_number != old.chain[0].serial_number

    asyncio.run(scenario())


def test_an_old_key_is_not_shown_to_a_service(tmp_path):
    """A rejoin goes to a server of ours or nowhere."""

    async def scenario():
        async with joined(tmp_path) as (c, store, _), cluster(identity=WEB_ID) as evil:
            both = (*store.current.anchors, *evil.upstream.anchors())
            lured = replace(store.current, server=evil.url, anchors=both)
            with pytest.raises(UnavailableError, match="nothing was sent"):
                await rejoined(lured, c.clock.now(), 0.5)
            assert evil.tiny.asked == []

    asyncio.run(scenario())


def test_an_anchor_may_itself_be_issued_by_somebody_we_do_not_trust(tmp_path):
    """Partial chains: the mesh trusts its primary CA, not the corporate root above it."""

    async def scenario():
        async with joined(tmp_path) as (c, store, remote):
            store.save(store.current.trusting((c.upstream.active.signer.certificate,)))
            assert (await remote.sign(a_csr())).index == 7

    asyncio.run(scenario())


def test_an_agent_that_never_joined_says_what_to_do(tmp_path):
    """Without an identity the next two commands are named."""

    async def scenario():
        remote = RemoteUpstream(("https://ca:8501",), IdentityStore(tmp_path / "a"), SystemClock())
        with pytest.raises(ConfigError) as caught:
            await remote.crls()
        assert "token join" in caught.value.hint

    asyncio.run(scenario())


def test_no_key_file_is_left_on_disk(tmp_path, monkeypatch):
    """The client certificate is loaded from memory: no temporary file is ever made."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def refused(*_args, **_kwargs):
        raise AssertionError("a key would have been written to disk")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refused)
    clock = SystemClock()
    key = new_leaf_key()
    chain = (FakeUpstream(clock).active.leaf(csr_pem(leaf_csr(key, WEB_ID)), clock.now(), HOUR),)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    load_pair(context, ClientPair(pem_chain(chain), key_pem(key)))
    assert list(tmp_path.iterdir()) == []


def test_a_dead_network_is_noticed_though_nothing_is_sent(tmp_path, monkeypatch):
    """A question waits in silence: the kernel probes the other end within half a minute."""
    found = []
    connect = VerifyingBackend.connect_tcp

    async def noted(self, host, port, **named):
        stream = await connect(self, host, port, **named)
        found.append(stream.get_extra_info("socket"))
        return stream

    monkeypatch.setattr(VerifyingBackend, "connect_tcp", noted)

    async def scenario():
        async with joined(tmp_path) as (_, _, remote):
            await remote.sign(a_csr())
            assert found[-1].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle = found[-1].getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            every = found[-1].getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
            times = found[-1].getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
            assert idle + every * times <= 30

    asyncio.run(scenario())


def test_an_agent_comes_back_at_whichever_server_answers(tmp_path):
    """It keeps the address of that one; strangers' questions find the way too."""

    async def scenario():
        async with joined(tmp_path) as (c, store, _):
            servers = ["https://127.0.0.1:1", c.url]
            new = await rejoined_at(lambda: servers, lambda: 0.0)(store.current, c.clock.now(), 0.5)
            assert (new.id, new.server) == (store.current.id, c.url)
            anchors = await published_at(lambda: servers, lambda: 0.0)(store.current)
            assert anchors == c.upstream.anchors()
            with pytest.raises(UnavailableError, match="no server at"):
                await published_at(lambda: servers[:1], lambda: 0.0)(store.current)

    asyncio.run(scenario())
