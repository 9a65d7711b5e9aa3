"""Tests of the demonstration: what it shows is what happened."""

import asyncio
import re
import socket
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from ca_core.identity.certificates import pem_of
from ca_core.identity.leafcsr import key_pem
from ca_core.wire.leaf import IssuedCert
from ca_core.wire.roots import CARoot, CARoots
from demo import processes
from demo.__main__ import judged
from demo.pairs import Pair, Tally
from demo.processes import CannotStartError, openbao
from demo.program import Bundle, Program
from demo.show import Show, line_of
from tests.vaults.conftest import MISSING
from tests.vaults.process import binary


@pytest.mark.skipif(not (binary() or "").endswith("bao"), reason=MISSING)
def test_no_handshake_fails_while_the_ca_moves_to_openbao_and_back():
    """Both swaps go, every program gets new leaves each time, and nothing is left running."""
    command = [sys.executable, "-m", "demo", "--seconds", "4", "--pairs", "4", "--rate", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"over: [1-9]\d* handshakes, 0 failed", lines[-1])
    for provider in ("vault", "builtin"):
        assert f"  every program shows a leaf that {provider} signed" in lines
    (address,) = {urlsplit(found).netloc for found in re.findall(r"http://[0-9.:]+", done.stdout)}
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


def test_a_missing_openbao_is_told_with_the_next_step(monkeypatch, tmp_path):
    """Nothing is started before the message."""
    monkeypatch.setattr(processes.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotStartError, match="make demo"):
        openbao()


class OneRoot:
    """A root whose key signs leaves for a program, as the agent would answer."""

    def __init__(self):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name.from_rfc4514_string("CN=root")
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self.certificate = (
            self._builder(self._name, self._key)
            .add_extension(constraints, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def _builder(self, subject, key):
        now = datetime.now(UTC)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(issuer, critical=False)
        )

    def bundle(self):
        """Return the answer of the roots endpoint."""
        root = {field.name: "" for field in msgspec.structs.fields(CARoot)} | {
            "serial_number": 7, "intermediate_certs": None, "active": True,
            "private_key_bits": 256, "create_index": 5, "modify_index": 5,
            "root_cert": pem_of(self.certificate),
        }  # fmt: skip
        answer = CARoots(active_root_id="", trust_domain="x", roots=(CARoot(**root),))
        return msgspec.json.encode(answer)

    def leaf(self, name):
        """Return the answer of the leaf endpoint for a service."""
        key = ec.generate_private_key(ec.SECP256R1())
        uri = x509.UniformResourceIdentifier(f"spiffe://x.consul/ns/default/dc/dc1/svc/{name}")
        leaf = (
            self._builder(x509.Name([]), key)
            .add_extension(x509.SubjectAlternativeName([uri]), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        answer = IssuedCert(
            serial_number="07", cert_pem=pem_of(leaf), private_key_pem=key_pem(key),
            valid_after="", valid_before="", create_index=5, modify_index=5,
        )  # fmt: skip
        return msgspec.json.encode(answer)


async def tally_of(pair_of):
    """Return what a pair counted once it has counted something."""
    tally = Tally()
    task = asyncio.create_task(pair_of(tally).run())
    async with asyncio.timeout(30):
        while not (tally.done or tally.failed):
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return tally


def program(name, leaf_of, trusted, called=""):
    """Return a program that shows a leaf of one root and trusts another, or the same."""
    bundle = Bundle()
    bundle.take(trusted.bundle())
    made = Program(name, bundle)
    made.take(leaf_of.leaf(called or name))
    return made


async def test_a_handshake_counts_once_a_byte_came_back():
    """Two programs of one root find each other."""
    root = OneRoot()
    ask, serve = (program(name, root, root) for name in ("ask-0", "serve-0"))
    tally = await tally_of(lambda tally: Pair(ask, serve, tally, pause=0.01))
    assert (tally.done > 0, tally.failed) == (True, 0)


async def test_a_root_that_is_not_trusted_is_a_failure():
    """A leaf whose root one side does not know fails, and is counted with its reason."""
    root, other = OneRoot(), OneRoot()
    ask, serve = program("ask-0", root, other), program("serve-0", root, root)
    tally = await tally_of(lambda tally: Pair(ask, serve, tally, pause=0.01))
    assert tally.done == 0
    assert "verify failed" in " ".join(tally.failures)


async def test_a_client_that_the_server_does_not_know_is_a_failure():
    """In TLS 1.3 the client hears of it last; no byte comes back, so nothing is counted."""
    root, other = OneRoot(), OneRoot()
    ask, serve = program("ask-0", other, root), program("serve-0", root, root)
    tally = await tally_of(lambda tally: Pair(ask, serve, tally, pause=0.01))
    assert (tally.done, tally.failed > 0) == (0, True)


async def test_another_service_is_a_failure():
    """A good chain for somebody else is not the peer that was called."""
    root = OneRoot()
    ask, serve = program("ask-0", root, root), program("serve-0", root, root, called="serve-9")
    tally = await tally_of(lambda tally: Pair(ask, serve, tally, pause=0.01))
    assert (tally.done, tally.failed > 0) == (0, True)


@pytest.mark.parametrize(
    ("tally", "code"),
    [
        (Tally(done=9), 0),
        (Tally(done=9, failures=Counter({"verify failed": 1})), 1),
        (Tally(), 1),
    ],
)
def test_one_failed_handshake_is_a_failed_demonstration(tally, code):
    """The exit code says what the line says, and nothing done is nothing shown."""
    written = []
    assert judged(tally, Show(written.append)) == code
    assert ("  1 times verify failed\n" in written) == bool(tally.failed)


def test_the_line_says_how_many_and_how_many_failed():
    """One look is enough."""
    tally = Tally(done=1482)
    assert line_of(tally, 83.9) == "01:23  1,482 handshakes, 0 failed"


def test_without_a_terminal_every_line_stays():
    """A log gets sentences and counts as lines, nothing that steers a screen."""
    written = []
    with Show(written.append) as show:
        show.say("it begins")
        show.count(Tally(done=3))
    assert written == ["it begins\n", "00:00  3 handshakes, 0 failed\n"]
