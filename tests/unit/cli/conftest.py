"""A small HTTP API that answers what a test tells it to, and certificates made on the spot."""

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from typer.testing import CliRunner, Result

from ca_core.cli.main import app
from ca_core.identity.certificates import pem_of
from ca_core.identity.leafcsr import key_pem, new_leaf_key

NOW = datetime.now(UTC).replace(microsecond=0)
IDENTITY = "spiffe://x.consul/ns/default/dc/dc1/svc/web"


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch) -> None:
    """Run every test in an empty folder, without variables of the machine, and keep its logs."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(("CA_CORE_", "CONSUL_")):
            monkeypatch.delenv(name)


@pytest.fixture
def run() -> Callable[..., Result]:
    """Return a function that runs the program in this process."""

    def invoke(*arguments: str, text: bytes | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=text, prog_name="ca-core")

    return invoke


@dataclass
class FakeApi:
    """Answers by (method, path); remembers requests as (method, path, headers, body)."""

    url: str = ""
    answers: dict[tuple[str, str], tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    turns: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def answer(
        self,
        method: str,
        path: str,
        value: Any,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Answer ``path`` (without query) with JSON, or with bytes as they are."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.answers[method, path] = (status, headers or {}, body)

    def answer_in_turn(self, method: str, path: str, values: list[Any]) -> None:
        """Answer ``path`` with one JSON value after the other; the last one stays."""
        self.turns[method, path] = list(values)

    def bodies(self, method: str, path: str) -> list[Any]:
        """Return the JSON bodies that were sent to ``path``, oldest first."""
        return [
            json.loads(body)
            for sent, where, _, body in self.requests
            if (sent, where.partition("?")[0]) == (method, path)
        ]

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        length = int(handler.headers.get("content-length") or 0)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        sent = handler.rfile.read(length)
        self.requests.append((handler.command, handler.path, headers, sent))
        key = (handler.command, handler.path.partition("?")[0])
        if self.turns.get(key):
            self.answer(*key, self.turns[key].pop(0))
        status, extra, body = self.answers.get(key, (404, {}, b"no such path"))
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **extra}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """Run a fake API on a free port of loopback."""
    fake = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def __getattr__(self, name: str) -> Any:
            """Answer every method alike; the server asks for ``do_`` and its name."""
            if name.startswith("do_"):
                return lambda: fake.respond(self)
            raise AttributeError(name)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its name there
            """Stay quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing: clients of these tests may hang up in the middle."""

    server = Server(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


CertificateMaker = Callable[..., x509.Certificate]


@pytest.fixture(scope="session")
def ca_key() -> ec.EllipticCurvePrivateKey:
    """Return the key of the CA that signs the certificates of these tests."""
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def make_leaf(ca_key) -> CertificateMaker:
    """Return a maker of leaves that follow the profile, except where a test says otherwise."""

    def make(**changes: Any) -> x509.Certificate:
        return _leaf_builder(changes).sign(ca_key, changes.get("hash", hashes.SHA256()))

    return make


def _leaf_builder(changes: dict[str, Any]) -> x509.CertificateBuilder:
    key = changes.get("key") or ec.generate_private_key(ec.SECP256R1())
    names = [x509.UniformResourceIdentifier(uri) for uri in changes.get("uris", (IDENTITY,))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(changes.get("subject", x509.Name([])))
        .issuer_name(x509.Name.from_rfc4514_string("CN=test CA"))
        .public_key(key.public_key())
        .serial_number(changes.get("serial", x509.random_serial_number()))
        .not_valid_before(NOW - timedelta(minutes=1) + changes.get("shift", timedelta()))
        .not_valid_after(NOW + timedelta(hours=72) + changes.get("shift", timedelta()))
    )
    wanted = {
        "san": (x509.SubjectAlternativeName([*names, *changes.get("names", ())]), True),
        "constraints": (x509.BasicConstraints(ca=False, path_length=None), True),
        "usage": (key_usage(), True),
        "purposes": (
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            False,
        ),
    } | changes.get("extensions", {})
    for extension in wanted.values():
        if extension is not None:
            builder = builder.add_extension(*extension)
    return builder


def key_usage(**more: bool) -> x509.KeyUsage:
    """Return digitalSignature, and what is asked for besides."""
    off = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        False,
    )  # fmt: skip
    return x509.KeyUsage(**{"digital_signature": True, **off, **more})


@pytest.fixture(scope="session")
def make_ca(ca_key) -> CertificateMaker:
    """Return a maker of self-signed CA certificates by the key that signs the leaves."""

    def make(*, days: int = 3650, shift: timedelta = timedelta()) -> x509.Certificate:
        name = x509.Name.from_rfc4514_string("CN=test CA")
        usage = key_usage(key_cert_sign=True, crl_sign=True)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(ca_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=1) + shift)
            .not_valid_after(NOW + timedelta(days=days) + shift)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(ca_key, hashes.SHA256())
        )

    return make


@pytest.fixture
def roots_answer(make_ca) -> dict[str, Any]:
    """Return the answer of the roots endpoint for one fresh root."""
    root = {
        "ID": "aa:bb", "Name": "test CA", "SerialNumber": 7, "SerialNumberHex": "07",
        "SigningKeyID": "cc", "ExternalTrustDomain": "x", "NotBefore": "2026-01-01T00:00:00Z",
        "NotAfter": "2066-01-01T00:00:00Z", "RootCert": pem_of(make_ca()),
        "IntermediateCerts": None, "Active": True, "PrivateKeyType": "ec", "PrivateKeyBits": 256,
        "CreateIndex": 5, "ModifyIndex": 5,
    }  # fmt: skip
    return {"ActiveRootID": "aa:bb", "TrustDomain": "x.consul", "Roots": [root]}


@pytest.fixture
def leaf_answer(make_leaf) -> dict[str, Any]:
    """Return the answer of the leaf endpoint for ``web``."""
    key = new_leaf_key()
    return {
        "SerialNumber": "08", "CertPEM": pem_of(make_leaf(key=key)), "PrivateKeyPEM": key_pem(key),
        "Service": "web", "ServiceURI": IDENTITY, "ValidAfter": "2026-11-22T18:00:00Z",
        "ValidBefore": "2026-11-25T18:00:00Z", "CreateIndex": 5, "ModifyIndex": 5,
    }  # fmt: skip


@pytest.fixture
def operation() -> Callable[..., dict[str, Any]]:
    """Return a maker of operations on the wire: a swap that is active, except where told."""
    progress = {"Counted": 3, "Acknowledged": 3, "Missing": [], "Leaves": 0, "Reissued": 0}
    phases = ("planned", "prepared", "distributed")
    history = [
        {"Phase": phase, "At": f"2026-11-23T01:00:0{second}Z"}
        for second, phase in enumerate(phases)
    ]

    def make(**changes: Any) -> dict[str, Any]:
        phase = changes.get("Phase", "active")
        last = [] if phase in phases else [{"Phase": phase, "At": "2026-11-23T01:00:09Z"}]
        until_now = history[: phases.index(phase) + 1] if phase in phases else history
        return {
            "ID": "op-1", "Kind": "swap", "Phase": phase, "Actor": "root", "OldAuthority": "ca-1",
            "NewAuthority": "ca-2", "OldSigner": "s-1", "NewSigner": "s-2",
            "OldProvider": "builtin", "NewProvider": "vault", "CrossSigned": True, "Forced": False,
            "Deadline": "", "OnDeadline": "wait", "NotBefore": "", "WaitsFor": "", "Reason": "",
            "LeftBehind": [], "History": [*until_now, *last],
            "CanAbort": phase in phases, "CanRollBack": phase == "active",
        } | changes | {"Progress": progress | changes.get("Progress", {})}  # fmt: skip

    return make


@pytest.fixture
def plan() -> Callable[..., dict[str, Any]]:
    """Return a maker of plans on the wire: a swap that would go, except where told."""

    def make(**changes: Any) -> dict[str, Any]:
        return {
            "Kind": "swap", "Changes": ["provider: builtin \N{RIGHTWARDS ARROW} vault"],
            "NewRoot": True, "Why": "another provider has another root",
            "Phases": ["planned", "prepared", "distributed", "active"], "CrossSigned": True,
            "MissingCapabilities": [], "MissingPermissions": [], "Blockers": [], "TTLRules": [],
            "Warnings": [], "Leaves": 1204, "SigningRate": 50.0, "ReissueSeconds": 24,
            "SettleSeconds": 600, "Acknowledge": ["web-1", "web-2", "db-1"], "Counted": 3,
            "Unreachable": [],
        } | changes  # fmt: skip

    return make
