"""A real nginx serves a leaf through ``ca-core leaf watch``, and curl presents one to it."""

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509

from ca_core.testing.ports import free_port

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
CURL = shutil.which("curl")
CA_CORE = Path(sys.executable).with_name("ca-core")
LEAPING = Path(__file__).with_name("leaping.py")
NAME = "web.test"

pytestmark = pytest.mark.skipif(
    NGINX is None or CURL is None,
    reason="nginx or curl is missing; `make system-deps` installs them",
)

CONFIG = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {out}/leaf.pem;
    ssl_certificate_key {out}/key.pem;
    ssl_client_certificate {out}/bundle.pem;
    ssl_verify_client on;
    ssl_verify_depth 3;
    location / {{ return 200 "$ssl_client_serial $ssl_client_verify"; }}
  }}
}}
"""


@contextlib.contextmanager
def running(*command):
    """Run a program while the block runs; its standard output is a pipe."""
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def within(seconds, attempt):
    """Return what ``attempt`` returns once it returns something; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = attempt()
        if found:
            return found
        time.sleep(0.05)  # another process's turn
    raise AssertionError(f"{attempt.__name__}: not within {seconds} s")


def listening(port):
    """Return an attempt that succeeds once somebody listens on ``port``."""

    def listens():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    return listens


def ca_core(*arguments):
    """Run a command of ours to its end."""
    return subprocess.run(
        [CA_CORE, *map(str, arguments)], check=True, capture_output=True, text=True
    ).stdout


def serial_in(folder):
    """Return the serial number of the leaf in a folder, as nginx prints it."""
    leaf = x509.load_pem_x509_certificate((folder / "leaf.pem").read_bytes())
    return f"{leaf.serial_number:X}"


def curl(port, out, client=None):
    """Return what curl gets from nginx, with or without a leaf of its own."""
    shown = ["--cert", client / "leaf.pem", "--key", client / "key.pem"] if client else []
    command = [CURL, "-sS", "--max-time", "10", "--cacert", out / "bundle.pem"]
    where = ["--resolve", f"{NAME}:{port}:127.0.0.1", f"https://{NAME}:{port}/"]
    return subprocess.run(
        [*command, *shown, *where], check=True, capture_output=True, text=True
    ).stdout


def served_serial(port, client):
    """Return the serial number of the leaf that nginx shows in a verified handshake."""
    context = ssl.create_default_context(cafile=str(client / "bundle.pem"))
    context.load_cert_chain(client / "leaf.pem", client / "key.pem")
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as secured,
    ):
        shown = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True))
    return f"{shown.serial_number:X}"


def test_nginx_serves_and_curl_presents_a_leaf_across_a_renewal(tmp_path):
    """Before and after a renewal handshakes succeed both ways; the new leaf needs no restart."""
    out, client, later = tmp_path / "web", tmp_path / "client", tmp_path / "later"
    port, agent_port = free_port(), free_port()
    agent = f"http://127.0.0.1:{agent_port}"
    config = tmp_path / "nginx.conf"
    config.write_text(CONFIG.format(folder=tmp_path, out=out, port=port))
    nginx = [NGINX, "-p", tmp_path, "-c", config, "-e", tmp_path / "error.log"]
    reload = " ".join(str(part) for part in [*nginx, "-s", "reload"])
    watch = ["leaf", "watch", "web", "--out", out, "--dns-san", NAME, "--http-addr", agent]
    with running(sys.executable, LEAPING, "dev", "--listen", f"127.0.0.1:{agent_port}") as dev:
        within(20, listening(agent_port))
        ca_core("leaf", "get", "client", "--out", client, "--http-addr", agent)
        with running(CA_CORE, *watch, "--exec", reload) as watching:
            assert watching.stdout.readline()
            first = serial_in(out)
            with running(*nginx):
                within(10, listening(port))
                assert curl(port, out, client) == f"{serial_in(client)} SUCCESS"
                assert "No required SSL certificate" in curl(port, out)
                assert served_serial(port, client) == first
                dev.send_signal(signal.SIGUSR1)
                assert watching.stdout.readline()
                second = serial_in(out)
                assert second != first
                within(10, lambda: served_serial(port, client) == second)
                ca_core("leaf", "get", "client", "--out", later, "--http-addr", agent)
                assert curl(port, out, client) == f"{serial_in(client)} SUCCESS"
                assert curl(port, out, later) == f"{serial_in(later)} SUCCESS"
                assert serial_in(later) != serial_in(client)
