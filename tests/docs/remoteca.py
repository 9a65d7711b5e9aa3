"""A CA behind an HTTP API with two calls, as ``plugins.md`` imagines one: it copies what CSRs ask.

``GET /ca`` answers its certificate as PEM, ``POST /sign`` a leaf; both want a token.
"""

import json
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ca_core.contract import (
    KeyPair,
    KeySpec,
    LeafRequest,
    RequestError,
    generate_key,
    issue_leaf,
    issue_root,
    load_csr,
    pem_chain,
)
from ca_core.identity.csr import check_csr
from ca_core.testing.lending import TRUST_DOMAIN

TOKEN = "open sesame"


class RemoteCA:
    """One root, made at ``now``, that signs what it is asked."""

    def __init__(self, now):
        key = generate_key(KeySpec())
        root = issue_root(
            key, trust_domain=TRUST_DOMAIN, label="corporate", now=now, ttl=timedelta(days=3650)
        )
        self.pair = KeyPair(root, key)

    def signed(self, wanted):
        """Return the leaf that the CSR asks for."""
        csr = load_csr(wanted["csr"])
        asked = check_csr(csr)
        request = LeafRequest(
            request_id=wanted["request_id"],
            deadline=datetime.fromisoformat(wanted["not_after"]),
            csr=csr,
            identity=asked.identity,
            dns_names=asked.dns_names,
            ip_addresses=asked.ip_addresses,
            not_before=datetime.fromisoformat(wanted["not_before"]),
            not_after=datetime.fromisoformat(wanted["not_after"]),
            signer="itself",
        )
        return issue_leaf(self.pair, request)


def _tried(make):
    """Return 200 and a certificate, or 400 and nothing."""
    try:
        return 200, pem_chain([make()]).encode()
    except RequestError:
        return 400, b""


@contextmanager
def served(ca):
    """Serve a CA on loopback and yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            """Answer the CA's own certificate."""
            self._answered(lambda: ca.pair.certificate)

        def do_POST(self):
            """Sign."""
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answered(lambda: ca.signed(body))

        def _answered(self, make):
            status, text = 403, b""
            if self.headers["Authorization"] == f"Bearer {TOKEN}":
                status, text = _tried(make)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_words):
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
