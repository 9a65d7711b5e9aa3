"""Who gets what, with real users of this machine and real certificates."""

import asyncio
import json
import os
import random
import ssl
from datetime import timedelta

import httpx
import pytest
from cryptography import x509

from ca_core.agent.identitystore import IdentityStore
from ca_core.agent.joining import join
from ca_core.agent.tls import ClientPair
from ca_core.api.routes import SERVER_ROUTES
from ca_core.api.running import SERVER_SOCKET, run_dev
from ca_core.clock import SystemClock
from ca_core.config.model import Config
from ca_core.errors import ConfigError, DeniedError, Error
from ca_core.identity.certificates import pem_chain
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import AgentId, GatewayId, ServerId, ServiceId
from tests.integration.api.recording import Recorder
from tests.integration.api.world import (
    NOBODY,
    agent_csr,
    as_user,
    joining,
    mesh,
    over_tls,
    over_unix,
    pair_of,
    raw_get,
)

LEAF = "/v1/agent/connect/ca/leaf"
SIGN, JOIN, REJOIN = "/v1/cluster/sign", "/v1/cluster/join", "/v1/cluster/rejoin"
ACKNOWLEDGE = "/v1/cluster/acknowledgement"
STRANGER = 54321
OPEN = {"/v1/connect/ca/roots", "/v1/connect/ca/crl/{authority}", "/v1/status/leader"}
AGENTS = {SIGN, JOIN, REJOIN, ACKNOWLEDGE} | {
    f"/v1/cluster/{call}" for call in ("crls", "grant", "registered", "watch")
}
OPERATORS_ONLY = [
    (route.method, route.path.replace("{node}", "n1").replace("{id}", "op-1"), route.accepts)
    for route in SERVER_ROUTES
    if route.path.startswith(("/v1/connect/ca/", "/v1/cluster/"))
    and route.path not in OPEN | AGENTS
]

needs_root = pytest.mark.skipif(
    os.getuid() != 0, reason="NOT CHECKED: becoming another user of this machine needs root"
)


@needs_root
class TestOtherUsers:
    """An agent outside ``dev``, asked by other users of its machine."""

    def test_another_user_gets_no_key_over_the_socket(self, cluster):
        """A uid that is not listed is denied, also when the leaf is in memory already."""
        socket = cluster.agent_socket("n1")
        for _ in range(2):
            assert raw_get(socket, f"{LEAF}/web")[0] == 200
            status, body = as_user(STRANGER, lambda: raw_get(socket, f"{LEAF}/web"))
            assert status == 403
            assert "service:write" in body
            assert "PRIVATE" not in body

    def test_nobody_at_all_gets_a_key_over_loopback_tcp(self, cluster):
        """Over TCP nobody is known, so nobody is served, not even root or a listed user."""
        port = int(cluster.agents["n1"].url.rpartition(":")[2])
        assert raw_get(cluster.agent_socket("n1"), f"{LEAF}/web")[0] == 200
        for uid in (STRANGER, NOBODY, 0):
            status, body = as_user(uid, lambda: raw_get(("127.0.0.1", port), f"{LEAF}/web"))
            assert (status, "PRIVATE" in body) == (403, False)

    def test_each_listed_user_has_a_key_of_its_own(self, cluster):
        """Two users of one service get two keys; neither sees the other's."""
        socket = cluster.agent_socket("n1")
        ours = raw_get(socket, f"{LEAF}/web")
        theirs = as_user(NOBODY, lambda: raw_get(socket, f"{LEAF}/web"))
        assert ours[0] == theirs[0] == 200
        assert json.loads(ours[1])["PrivateKeyPEM"] != json.loads(theirs[1])["PrivateKeyPEM"]

    def test_root_is_not_every_service(self, cluster):
        """Even root gets only the services that are listed for it."""
        status, _ = raw_get(cluster.agent_socket("n1"), f"{LEAF}/db")
        assert status == 403

    def test_a_listed_user_gets_no_foreign_names(self, cluster):
        """Who may be ``web`` may not have a leaf that names ``bank.example`` or an address."""
        socket = cluster.agent_socket("n1")
        for query in ("dns-san=bank.example", "dns-san=webx", "ip-san=192.0.2.1"):
            status, _ = as_user(NOBODY, lambda q=query: raw_get(socket, f"{LEAF}/web?{q}"))
            assert status == 403
        good = as_user(NOBODY, lambda: raw_get(socket, f"{LEAF}/web?dns-san=web.example"))
        assert good[0] == 200

    def test_the_agent_tells_everybody_what_is_no_secret(self, cluster):
        """Roots and ``self`` are for every user; no key is in them."""
        socket = cluster.agent_socket("n1")
        for path in ("/v1/agent/connect/ca/roots", "/v1/agent/self", "/metrics", "/healthz"):
            status, body = as_user(STRANGER, lambda p=path: raw_get(socket, p))
            assert status == 200, path
            assert "PRIVATE KEY" not in body

    def test_other_users_open_neither_keys_nor_the_operators_socket(self, cluster):
        """The agent's files, the state, its key and ``server.sock`` are closed to other users."""
        home = cluster.home
        closed = [
            *(path for path in (home / "n1").rglob("*") if path.is_file()),
            *(path for path in (home / "server").rglob("*") if path.is_file()),
            *home.glob("*.kek"),
        ]
        assert any(path.name == "agent.key" for path in closed)
        assert any(path.suffix == ".kek" for path in closed)
        for path in closed:
            assert as_user(STRANGER, lambda p=path: _readable(p)) is False, path
        socket = home / "server" / SERVER_SOCKET
        assert as_user(STRANGER, lambda: _connects(socket)) is False


def _readable(path):
    try:
        path.read_bytes()
    except PermissionError:
        return False
    return True


def _connects(socket):
    try:
        raw_get(socket, "/healthz")
    except PermissionError:
        return False
    return True


def _body(kind):
    return {"Node": "n1"} if kind is not None else None


class TestOperators:
    """Routes that are for operators alone."""

    @pytest.mark.parametrize("who", ["anonymous", "agent", "service"])
    def test_operator_routes_are_refused_over_the_network(self, cluster, who):
        """Neither strangers, nor agents, nor services reach what only operators may."""
        assert {path for _, path, _ in OPERATORS_ONLY} >= {
            "/v1/cluster/backup",
            "/v1/cluster/rekey",
        }
        pair = None
        if who == "agent":
            pair = cluster.identity("n1").pair
        if who == "service":
            pair = _service_pair(cluster)
        with over_tls(cluster.url, pair) as client:
            for method, path, kind in OPERATORS_ONLY:
                answer = client.request(method, path, json=_body(kind))
                assert answer.status_code == 403, (method, path, answer.text)
            assert client.get("/metrics").status_code == 403
            assert client.get("/v1/connect/ca/roots").status_code == 200

    @needs_root
    def test_operator_routes_are_refused_to_other_uids(self, cluster):
        """The socket's mode is not the only lock: the kernel's word about the peer decides too."""
        socket = cluster.home / "server" / SERVER_SOCKET
        closed = [(path, path.stat().st_mode & 0o777) for path in (socket.parent, socket)]
        socket.parent.chmod(0o711)
        socket.chmod(0o666)  # what a careless operator might do
        try:
            for path in (
                "/v1/connect/ca/configuration",
                "/v1/cluster/agents",
                "/v1/cluster/backup",
            ):
                status, said = as_user(STRANGER, lambda p=path: raw_get(socket, p))
                assert (status, "operator:" in said) == (403, True)
        finally:
            for path, mode in closed:
                path.chmod(mode)

    def test_the_operator_reaches_them(self, cluster):
        """The same routes answer the operator, so the refusals above are about who asks."""
        with cluster.operator() as client:
            assert client.get("/v1/connect/ca/configuration").status_code == 200
            agents = client.get("/v1/cluster/agents").json()
        assert [row["Node"] for row in agents if row["Node"] == "n1"] == ["n1"]


def _service_pair(cluster):
    with over_unix(cluster.agent_socket("n1")) as client:
        leaf = client.get(f"{LEAF}/web").json()
    return ClientPair(leaf["CertPEM"], leaf["PrivateKeyPEM"])


class TestTls:
    """Certificates that are not the mesh's."""

    def test_a_leaf_of_another_ca_is_refused_at_the_handshake(self, cluster):
        """A client certificate that leads to another root gets no HTTP answer at all."""
        with mesh() as other:
            stranger = other.admit("n1")
        with over_tls(cluster.url, stranger.pair) as client, pytest.raises(httpx.TransportError):
            client.get("/v1/connect/ca/roots")

    def test_old_tls_is_refused(self, cluster):
        """The server speaks TLS 1.3 alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with (
            httpx.Client(base_url=cluster.url, verify=context, trust_env=False) as client,
            pytest.raises(httpx.TransportError),
        ):
            client.get("/v1/connect/ca/roots")

    def test_plain_http_is_refused(self, cluster):
        """The server's network port speaks nothing but TLS."""
        with (
            httpx.Client(base_url=cluster.url.replace("https", "http"), trust_env=False) as client,
            pytest.raises(httpx.TransportError),
        ):
            client.get("/healthz")


class TestIdentities:
    """What a joined, hostile agent can have signed."""

    def signed(self, cluster, identity, *names):
        """Return the answer to an agent that asks for ``identity``."""
        csr = csr_pem(leaf_csr(new_leaf_key(), identity, *names))
        with cluster.as_agent("n1") as client:
            return client.post(SIGN, json={"CSR": csr})

    def test_no_leaf_of_another_agent_server_or_gateway(self, cluster):
        """An agent gets leaves of services and of itself; every other identity is refused."""
        place = {"trust_domain": cluster.trust_domain, "datacenter": "dc1"}
        for identity in (AgentId(**place, node="n2"), ServerId(**place), GatewayId(**place)):
            answer = self.signed(cluster, identity)
            assert answer.status_code == 400, answer.text
            assert "only services" in answer.text

    def test_no_leaf_in_another_namespace(self, cluster):
        """The right to be ``web`` is not the right to be ``web`` of another namespace."""
        place = {"trust_domain": cluster.trust_domain, "datacenter": "dc1"}
        answer = self.signed(cluster, ServiceId(**place, namespace="admin", service="web"))
        assert (answer.status_code, "'default'" in answer.text) == (400, True)

    def test_no_foreign_names(self, cluster):
        """Names that do not follow from the service or the node are refused, for both."""
        place = {"trust_domain": cluster.trust_domain, "datacenter": "dc1"}
        for identity in (ServiceId(**place, service="web"), AgentId(**place, node="n1")):
            for name in ("bank.example", "server.dc1." + cluster.trust_domain.name, "webb"):
                answer = self.signed(cluster, identity, (name,))
                assert answer.status_code == 403, answer.text
                assert name in answer.text

    def test_services_and_strangers_sign_nothing(self, cluster):
        """Only agents may ask: neither a service's leaf nor no certificate is enough."""
        place = {"trust_domain": cluster.trust_domain, "datacenter": "dc1"}
        csr = csr_pem(leaf_csr(new_leaf_key(), ServiceId(**place, service="web")))
        for pair in (None, _service_pair(cluster)):
            with over_tls(cluster.url, pair) as client:
                assert client.post(SIGN, json={"CSR": csr}).status_code == 403

    def test_an_old_key_proves_nothing_once_the_new_one_is_used(self, cluster):
        """During a renewal both keys count; the first use of the new one ends the old one."""
        old = cluster.admit("renewing")
        csr, key = agent_csr(cluster.trust_domain, "renewing")
        with over_tls(cluster.url, old.pair) as client:
            new = pair_of(client.post(SIGN, json={"CSR": csr}).json(), key)
            web = csr_pem(leaf_csr(new_leaf_key(), _web(cluster)))
            assert client.post(SIGN, json={"CSR": web}).status_code == 200
            with over_tls(cluster.url, new) as other:
                assert other.post(SIGN, json={"CSR": web}).status_code == 200
            assert client.post(SIGN, json={"CSR": web}).status_code == 403
            back, _ = agent_csr(cluster.trust_domain, "renewing", old.key)
            body = {"Node": "renewing", "CSR": back}
            assert client.post(REJOIN, json=body).status_code == 403

    def test_a_forgotten_agent_is_out(self, cluster):
        """It can neither sign, nor renew, nor rejoin, on the connection it has or on a new one."""
        gone = cluster.admit("gone")
        own, _ = agent_csr(cluster.trust_domain, "gone", gone.key)
        web = csr_pem(leaf_csr(new_leaf_key(), _web(cluster)))
        with over_tls(cluster.url, gone.pair) as open_before:
            assert open_before.post(SIGN, json={"CSR": web}).status_code == 200
            with cluster.operator() as client:
                assert client.delete("/v1/cluster/agents/gone").status_code == 200
                assert client.delete("/v1/cluster/agents/gone").status_code == 404
            with over_tls(cluster.url, gone.pair) as opened_after:
                for connection in (open_before, opened_after):
                    for path, body in (
                        (SIGN, {"CSR": web}),
                        (SIGN, {"CSR": own}),
                        (REJOIN, {"Node": "gone", "CSR": own}),
                    ):
                        answer = connection.post(path, json=body)
                        assert answer.status_code == 403, (path, answer.text)

    def test_only_the_old_key_rejoins(self, cluster):
        """Rejoining needs no leaf, but the key; another key, or another's name, is refused."""
        back = cluster.admit("sleeper")
        with cluster.anonymous() as client:
            for node, key, status in (
                ("sleeper", back.key, 200),
                ("sleeper", new_leaf_key(), 403),
                ("n1", back.key, 403),
                ("never", back.key, 403),
            ):
                csr, _ = agent_csr(cluster.trust_domain, node, key)
                answer = client.post(REJOIN, json={"Node": node, "CSR": csr})
                assert answer.status_code == status, (node, answer.text)
            csr, _ = agent_csr(cluster.trust_domain, "sleeper", back.key)
            mixed = client.post(REJOIN, json={"Node": "n1", "CSR": csr})
            assert mixed.status_code == 400


def _web(cluster):
    return ServiceId(trust_domain=cluster.trust_domain, datacenter="dc1", service="web")


class TestJoining:
    """Tokens, pins, and hosts that have only one of the two."""

    def joined(self, url, token, node, folder):
        """Join as the agent does."""
        store = IdentityStore(folder)
        return asyncio.run(join(url, token, node, store, SystemClock(), random.random))

    def test_the_fingerprint_alone_lets_nobody_in(self, cluster, tmp_path):
        """Everybody may know the root's pin; without the secret it joins nothing."""
        _, token_id, _, pin = cluster.token("n5").split(".")
        for fake in (f"caj1.{token_id}.{'A' * 43}.{pin}", f"caj1.{'0' * 16}.{'A' * 43}.{pin}"):
            with pytest.raises(DeniedError, match="join token") as refused:
                self.joined(cluster.url, fake, "n5", tmp_path / "n5")
            assert "ca-core token join --node" in refused.value.hint
        assert not (tmp_path / "n5" / "agent.key").exists()

    def test_a_token_is_used_once(self, cluster, tmp_path):
        """The second host with the same token stays out, and the first stays in."""
        token = cluster.token("once")
        first = self.joined(cluster.url, token, "once", tmp_path / "first")
        with pytest.raises(DeniedError, match="join token"):
            self.joined(cluster.url, token, "once", tmp_path / "second")
        with over_tls(cluster.url, first.pair) as client:
            web = csr_pem(leaf_csr(new_leaf_key(), _web(cluster)))
            assert client.post(SIGN, json={"CSR": web}).status_code == 200

    def test_a_token_raced_for_lets_one_in(self, cluster):
        """Twenty hosts use one token at the same moment: exactly one gets a leaf."""
        token = cluster.token("raced")

        async def race():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            async with httpx.AsyncClient(
                base_url=cluster.url, verify=context, trust_env=False
            ) as client:
                bodies = [
                    joining(token, "raced", agent_csr(cluster.trust_domain, "raced")[0])
                    for _ in range(20)
                ]
                return await asyncio.gather(*(client.post(JOIN, json=body) for body in bodies))

        statuses = [answer.status_code for answer in asyncio.run(race())]
        assert sorted(statuses) == [200] + [403] * 19

    def test_a_token_is_for_one_node(self, cluster, tmp_path):
        """Another node cannot use it, and its attempt does not use it up."""
        token = cluster.token("mine")
        with pytest.raises(DeniedError):
            self.joined(cluster.url, token, "yours", tmp_path / "yours")
        csr, _ = agent_csr(cluster.trust_domain, "mine")
        with cluster.anonymous() as client:
            lie = joining(token, "yours", csr)
            assert client.post(JOIN, json=lie).status_code == 400
        assert self.joined(cluster.url, token, "mine", tmp_path / "mine").id.node == "mine"

    def test_the_secret_is_never_sent_to_another_root(self, cluster, tmp_path):
        """Neither a server with its own root nor one that shows ours without its key hears it."""
        token = cluster.token("careful")
        secret = token.split(".")[2].encode()
        with mesh() as other:
            theirs, pair = pem_chain(other.roots()), other.admit("x").pair
        for claimed, error in ((theirs, ConfigError), (pem_chain(cluster.roots()), Error)):
            recorder = Recorder(pair, claimed)
            try:
                with pytest.raises(error):
                    self.joined(recorder.url, token, "careful", tmp_path / "careful")
            finally:
                recorder.close()
            assert b"roots?pem" in recorder.heard
            assert secret not in recorder.heard
            assert b"POST" not in recorder.heard

    def test_the_secret_is_never_sent_to_a_member_that_is_no_server(self, cluster, tmp_path):
        """A service or agent of the very mesh cannot stand in for the server."""
        token = cluster.token("careful")
        for pair in (_service_pair(cluster), cluster.identity("n1").pair):
            recorder = Recorder(pair, pem_chain(cluster.roots()))
            try:
                with pytest.raises(Error, match="nothing was sent"):
                    self.joined(recorder.url, token, "careful", tmp_path / "careful")
            finally:
                recorder.close()
            assert token.split(".")[2].encode() not in recorder.heard


class TestDev:
    """``dev`` gives everything to everybody, so only this machine may ask."""

    def test_dev_listens_on_loopback_only(self):
        """Another address is refused before anything listens."""

        async def attempt():
            await run_dev(Config(), listen="0.0.0.0:0", data_dir=None, announce=print)

        with pytest.raises(ConfigError, match="network"):
            asyncio.run(attempt())

    def test_dev_gives_leaves_that_hold(self, playground):
        """Its leaf has its key, its identity, and three days to live."""
        leaf = playground.get(f"{LEAF}/web").json()
        certificate = x509.load_pem_x509_certificate(leaf["CertPEM"].encode())
        life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        assert timedelta(hours=71) < life < timedelta(hours=73)
        assert leaf["ServiceURI"].endswith("/ns/default/dc/dc1/svc/web")
