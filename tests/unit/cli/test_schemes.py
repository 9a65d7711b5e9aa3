"""An address with the wrong scheme is answered with the right one."""

import socket
import ssl
import threading
from contextlib import contextmanager, suppress

import pytest

from ca_core.cli.address import parse_address
from ca_core.cli.client import Client
from ca_core.cli.failures import UnreachableError
from ca_core.identity.certificates import pem_of
from ca_core.identity.leafcsr import key_pem, new_leaf_key


@pytest.fixture
def speaking_tls(tmp_path, make_leaf):
    """Return a context of a server; it may ask for a certificate."""
    key = new_leaf_key()
    (tmp_path / "key.pem").write_text(key_pem(key))
    (tmp_path / "leaf.pem").write_text(pem_of(make_leaf(key=key)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "leaf.pem", tmp_path / "key.pem")
    return context


@contextmanager
def listening(answer, connections=2):
    """Run a server whose connections go to ``answer``, one after the other; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def accept():
            with suppress(TimeoutError):
                for _ in range(connections):
                    connection, _ = listener.accept()
                    with connection:
                        answer(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def handshake(context):
    """Return what a server does that speaks TLS alone."""

    def answer(connection):
        try:
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            """No handshake came, or the certificate is none."""

    return answer


def hint_of(url):
    """Return what is told whoever asks there in vain."""
    with Client(parse_address(url)) as client, pytest.raises(UnreachableError) as caught:
        client.get("/v1/x")
    return caught.value.hint


def test_plain_http_where_tls_is_spoken_is_told_so(speaking_tls):
    """The port of a server; starting another process would not help."""
    with listening(handshake(speaking_tls)) as port:
        hint = hint_of(f"http://127.0.0.1:{port}")
    assert hint.startswith(f"it speaks TLS: --http-addr https://127.0.0.1:{port}")
    assert "CA_CORE_CACERT=FILE" in hint


def test_a_handshake_that_is_refused_is_tls_too(speaking_tls):
    """An alert is an answer of TLS."""
    speaking_tls.maximum_version = ssl.TLSVersion.TLSv1_2
    speaking_tls.set_ciphers("PSK")  # nobody has these, so the handshake ends in an alert
    with listening(handshake(speaking_tls)) as port:
        assert hint_of(f"http://127.0.0.1:{port}").startswith("it speaks TLS")


def test_a_server_that_hangs_up_is_not_taken_for_one_of_tls():
    """Whoever breaks off every connection speaks nothing."""
    with listening(lambda _: None) as port:
        assert "TLS" not in hint_of(f"http://127.0.0.1:{port}")


def test_tls_where_plain_http_is_spoken_is_told_so(api):
    """The port of an agent."""
    place = api.url.removeprefix("http://")
    assert hint_of(f"https://{place}") == f"it is not TLS: try --http-addr http://{place}"
