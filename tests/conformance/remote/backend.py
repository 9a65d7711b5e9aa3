"""A certificate service over HTTP, in a thread: names are unique, and every step is atomic."""

import atexit
import ipaddress
import json
import threading
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ca_core.contract import (
    AuthorityRetiredError,
    KeySpec,
    KeyType,
    LeafRequest,
    RequestError,
    TrustDomain,
    issue_intermediate,
    issue_leaf,
    issue_root,
    load_csr,
    pem_chain,
)
from ca_core.identity.spiffe import parse_spiffe_id
from ca_core.testing.reference_backend import ROOT, ReferenceBackend


class Service:
    """What the requests mean; each answer is a status and a JSON value."""

    def __init__(self):
        self.kept = ReferenceBackend()

    def answer(self, method, path, asked):
        """Do what was asked."""
        try:
            return self._answer(method, path, asked)
        except AuthorityRetiredError:
            return 410, {"error": "retired"}
        except RequestError as error:
            return 409, {"error": str(error)}

    def count(self):
        """Return how many CAs there are."""
        return {"cas": len(self.kept.names())}

    def _answer(self, method, path, asked):
        match method, path.strip("/").split("/"):
            case "GET", ["authorities", authority]:
                return self._chain(authority, ROOT)
            case "PUT", ["authorities", authority]:
                return self._made(authority, ROOT, asked, lambda key: [_root(key, asked)])
            case "PUT", ["authorities", authority, "signers", signer]:
                return self._signer(authority, signer, asked)
            case "POST", ["authorities", authority, "signers", signer, "leaves"]:
                return self._leaf(authority, signer, asked)
            case "DELETE", ["authorities", authority, *signer]:
                self.kept.retire(authority, signer[1] if signer else ROOT)
                return 200, {}
        return 404, {"error": "no such place"}

    def _chain(self, authority, name):
        entry = self.kept.get(authority, name)
        if entry is None or not entry.chain:
            return 404, {"error": "no such CA"}
        return 200, {"chain": pem_chain(entry.chain)}

    def _made(self, authority, name, asked, issue):
        self.kept.ensure(authority, name, KeySpec(KeyType(asked["key_type"]), asked["key_bits"]))
        return 200, {"chain": pem_chain(self.kept.certified(authority, name, issue))}

    def _signer(self, authority, signer, asked):
        root = self.kept.get(authority, ROOT)
        if root is None or not root.chain:
            return 404, {"error": "no such authority"}

        def issue(key):
            now = datetime.now(UTC)
            life = min(timedelta(seconds=asked["ttl"]), root.pair.ends - now)
            domain = TrustDomain(asked["trust_domain"])
            signed = issue_intermediate(
                root.pair,
                key.public_key(),
                trust_domain=domain,
                label=signer,
                now=now,
                ttl=life,
            )
            return [signed, *root.chain]

        return self._made(authority, signer, asked, issue)

    def _leaf(self, authority, signer, asked):
        entry = self.kept.get(authority, signer)
        if entry is None or not entry.chain:
            return 404, {"error": "no such signer"}
        request = LeafRequest(
            request_id="",
            deadline=datetime.now(UTC),
            csr=load_csr(asked["csr"]),
            identity=parse_spiffe_id(asked["identity"]),
            dns_names=tuple(asked["dns_names"]),
            ip_addresses=tuple(map(ipaddress.ip_address, asked["ip_addresses"])),
            not_before=datetime.fromisoformat(asked["not_before"]),
            not_after=datetime.fromisoformat(asked["not_after"]),
            signer=signer,
        )
        return 200, {"certificate": pem_chain([issue_leaf(entry.pair, request)])}


def _root(key, asked):
    return issue_root(
        key,
        trust_domain=TrustDomain(asked["trust_domain"]),
        label=asked["label"],
        now=datetime.now(UTC),
        ttl=timedelta(seconds=asked["ttl"]),
    )


class Handler(BaseHTTPRequestHandler):
    """JSON in, JSON out."""

    def log_message(self, *_arguments):
        """Say nothing."""

    def _serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, found = self.server.service.answer(
            self.command, self.path, json.loads(body) if body else {}
        )
        text = json.dumps(found).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - names that the library looks for


class Server(ThreadingHTTPServer):
    """One service on a free port."""

    daemon_threads = True

    def handle_error(self, *_arguments):
        """Say nothing of clients that went away."""


@lru_cache(maxsize=1)
def running():
    """Start the service, once for all tests of this process; return it and its URL."""
    server = Server(("127.0.0.1", 0), Handler)
    server.service = Service()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    atexit.register(server.server_close)
    return server.service, f"http://127.0.0.1:{server.server_address[1]}"
