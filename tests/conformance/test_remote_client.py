"""The client of the provider behind HTTP keeps nothing of a call that failed."""

import gc
import socket
import threading
import warnings
from datetime import timedelta

import pytest

from ca_core.contract import OutcomeUnknownError, ProbeRequest
from ca_core.testing import SystemClock
from tests.conformance.remote.client import Client

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc"


@pytest.fixture
def stalling():
    """Run a backend that sends three bytes of ten and then nothing; yield its URL."""
    ended = threading.Event()

    def serve(backend):
        connection, _address = backend.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(HEAD)
            ended.wait(20)

    with socket.create_server(("127.0.0.1", 0)) as backend:
        thread = threading.Thread(target=serve, args=(backend,))
        thread.start()
        yield f"http://127.0.0.1:{backend.getsockname()[1]}"
        ended.set()
        thread.join()


def test_an_answer_that_stalls_leaves_no_socket_to_the_collector(stalling):
    """A kept exception holds the answer, and the answer its socket, unless it is closed first."""
    clock = SystemClock()
    request = ProbeRequest(request_id="r", deadline=clock.now() + timedelta(seconds=0.2))
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        with pytest.raises(OutcomeUnknownError) as raised:
            Client(stalling, clock).ask(request, "POST", "x")
        raised.value.kept = raised.value  # as results keep it, in a cycle
        del raised
        gc.collect()
    assert [str(warning.message) for warning in found] == []
