"""A TLS server that claims any roots and writes down every byte it is told."""

import contextlib
import socket
import ssl
import threading

from ca_core.agent.tls import load_pair


class Recorder:
    """Answers ``GET …/roots?pem`` with ``roots_pem``, everything else with 500."""

    def __init__(self, pair, roots_pem):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_pair(self._context, pair)
        self._roots = roots_pem.encode()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.heard = b""
        self._thread.start()

    @property
    def url(self):
        """Where it pretends to be a server."""
        return f"https://127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self):
        """Stop, once everything that was sent is written down."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                raw, _ = self._socket.accept()
                with contextlib.suppress(OSError), raw:
                    raw.settimeout(2)
                    self._answer(raw)

    def _answer(self, raw):
        with self._context.wrap_socket(raw, server_side=True) as tls:
            while said := tls.recv(65536):
                self.heard += said
                if b"\r\n\r\n" in said:
                    found = b"roots?pem" in said
                    body = self._roots if found else b"no"
                    status = b"200 OK" if found else b"500 No"
                    head = b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
                    tls.sendall(head + body)
