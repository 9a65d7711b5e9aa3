"""Real servers and agents inside the test's process: each on a loop and a thread of its own."""

import asyncio
import json
import os
import shutil
import socket
import ssl
import tempfile
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.agent.identitystore import IdentityStore
from ca_core.agent.tls import ClientPair, load_pair
from ca_core.api.agentprocess import AGENT_SOCKET, run_agent
from ca_core.api.running import SERVER_SOCKET, run_dev, run_server
from ca_core.config.model import AgentConfig, CAConfig, Config, ServerConfig
from ca_core.identity.certificates import parse_certificates
from ca_core.identity.leafcsr import csr_pem, key_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import AgentId, TrustDomain

ME = os.getuid()
NOBODY = 65534
LIMIT = 20.0


class Running:
    """One of the ``run_…`` coroutines on its own loop, until ``close``."""

    def __init__(self, run, *args, **options):
        self._announced = threading.Event()
        self.started = None
        self.failure = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, args=(run, args, options), daemon=True)
        self._thread.start()
        assert self._announced.wait(LIMIT), "did not start"
        if self.failure is not None:
            self._thread.join(LIMIT)
            raise self.failure

    @property
    def url(self):
        return self.started.url

    def close(self):
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(LIMIT)
        assert not self._thread.is_alive(), "did not stop"
        if self.failure is not None:
            raise self.failure

    def _main(self, run, args, options):
        def announce(started):
            self.started = started
            self._announced.set()

        try:
            self._task = self._loop.create_task(run(*args, announce=announce, **options))
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread
            self.failure = error
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()
            self._announced.set()


@contextmanager
def folder():
    """Lend a folder that other users may pass through; pytest's own are closed to them."""
    path = Path(tempfile.mkdtemp(prefix="cac-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path)


class Mesh:
    """A server, and the agents that joined it, in one folder."""

    def __init__(self, home, *, ttl=timedelta(hours=72), short=False, rate=0.0, **more):
        self.home = home
        ca = CAConfig(leaf_ttl=ttl, unsafe_short_ttls=short, csr_max_per_second=rate)
        self.config = Config(
            server=ServerConfig(data_dir=home / "server", listen=("127.0.0.1:0",)), ca=ca, **more
        )
        self.server = Running(run_server, self.config)
        self.agents = {}

    @property
    def url(self):
        return self.server.url

    @property
    def trust_domain(self):
        return TrustDomain(self.server.started.trust_domain)

    def operator(self):
        """Return a client of the operator's socket."""
        return over_unix(self.home / "server" / SERVER_SOCKET)

    def token(self, node, ttl="1h"):
        with self.operator() as client:
            answer = client.put("/v1/cluster/join-token", json={"Node": node, "TTL": ttl})
        assert answer.status_code == 200, answer.text
        return answer.json()["Token"]

    def join(self, node, **workloads):
        """Start an agent on ``node``; ``workloads``: service = uids."""
        config = self.agent_config(node, **workloads)
        self.agents[node] = Running(run_agent, config, join_token=self.token(node))
        return self.agents[node]

    def agent_config(self, node, **workloads):
        """Return the configuration of an agent of this server."""
        agent = AgentConfig(
            server=self.url,
            data_dir=self.home / node,
            listen=("127.0.0.1:0",),
            node=node,
            workloads=workloads,
        )
        return msgspec.structs.replace(self.config, agent=agent)

    def agent_socket(self, node):
        return self.home / node / AGENT_SOCKET

    def identity(self, node):
        """Return the agent's identity as it lies on disk: what root on that host can steal."""
        return IdentityStore(self.home / node).current

    def admit(self, node):
        """Join ``node`` by hand, as a program of an attacker would; return its certificate."""
        csr, key = agent_csr(self.trust_domain, node)
        with self.anonymous() as client:
            answer = client.post("/v1/cluster/join", json=joining(self.token(node), node, csr))
        assert answer.status_code == 200, answer.text
        return Admitted(node, key, pair_of(answer.json(), key))

    def roots(self):
        with self.anonymous() as client:
            pem = client.get("/v1/connect/ca/roots?pem").text
        return parse_certificates(pem, field="roots")

    def anonymous(self):
        """Return a TLS client without a certificate."""
        return over_tls(self.url)

    def as_agent(self, node):
        """Return a TLS client that shows the agent's leaf."""
        return over_tls(self.url, self.identity(node).pair)

    def close(self):
        for agent in self.agents.values():
            agent.close()
        self.server.close()


@dataclass(frozen=True)
class Admitted:
    """A node that joined by hand: its key, and its leaf with that key."""

    node: str
    key: ec.EllipticCurvePrivateKey
    pair: ClientPair


def joining(token, node, csr):
    """Return the body of a join."""
    _, token_id, secret, _ = token.split(".")
    return {"TokenID": token_id, "Secret": secret, "Node": node, "CSR": csr}


@contextmanager
def mesh(**options):
    """Run a server; every agent that joins it stops with it."""
    with folder() as home:
        built = Mesh(home, **options)
        try:
            yield built
        finally:
            built.close()


@contextmanager
def dev(**options):
    """Run ``dev`` on a free port; yields an HTTP client of it."""
    running = Running(run_dev, Config(**options), listen="127.0.0.1:0", data_dir=None)
    try:
        with httpx.Client(base_url=running.url, timeout=LIMIT, trust_env=False) as client:
            yield client
    finally:
        running.close()


def over_unix(path):
    """Return a client of a unix socket."""
    transport = httpx.HTTPTransport(uds=str(path))
    return httpx.Client(transport=transport, base_url="http://localhost", timeout=LIMIT)


def over_tcp(url):
    """Return a client of plain HTTP."""
    return httpx.Client(base_url=url, timeout=LIMIT, trust_env=False)


def over_tls(url, pair=None):
    """Return a client that looks at nothing of the server: what is tested is the server's side."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if pair is not None:
        load_pair(context, pair)
    kept = httpx.Limits(keepalive_expiry=60)
    return httpx.Client(base_url=url, verify=context, timeout=LIMIT, trust_env=False, limits=kept)


def agent_csr(trust_domain, node, key=None, **names):
    """Return a CSR for an agent, and its key."""
    key = key or new_leaf_key()
    identity = AgentId(trust_domain=trust_domain, datacenter="dc1", node=node)
    return csr_pem(leaf_csr(key, identity, *names.values())), key


def pair_of(signed, key):
    """Return what a server's answer and our key make: a client certificate."""
    return ClientPair(signed["CertPEM"], key_pem(key))


def serial_seen(url, pair=None):
    """Return the serial of the certificate that a fresh connection shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if pair is not None:
        load_pair(context, pair)
    host, _, port = url.removeprefix("https://").rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=LIMIT) as raw,
        context.wrap_socket(raw) as tls,
    ):
        return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True)).serial_number


def as_user(uid, action):
    """Run ``action`` in a child process of another user; return what it returns (JSON)."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons: fork beside threads
        child = os.fork()
    if not child:
        _child(uid, action, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    found = json.loads(said)
    assert "failed" not in found, found
    return found["returned"]


def _child(uid, action, writing):
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        said = {"returned": action()}
    except BaseException as error:  # noqa: BLE001 - told to the parent
        said = {"failed": f"{type(error).__name__}: {error}"}
    os.write(writing, json.dumps(said).encode())
    os._exit(0)


def raw_get(address, path):
    """Return (status, body) of one GET over a plain socket: a unix path or (host, port)."""
    family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(LIMIT)
        sock.connect(address if isinstance(address, tuple) else str(address))
        host = f"127.0.0.1:{address[1]}" if isinstance(address, tuple) else "localhost"
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        said = b""
        while part := sock.recv(65536):
            said += part
    head, _, body = said.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()
