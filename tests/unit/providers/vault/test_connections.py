"""A connection is opened and read within its deadline and within bounds, whoever is there."""

import socket
import threading
import time

import pytest
from ca_provider_vault.connections import LostError, Place, connected

from ca_core.contract import Secret
from tests.stopwatch import stopwatch
from tests.unit.providers.vault.peer import Peer, cutting

REQUEST = Secret("GET / HTTP/1.1\r\n\r\n")


def resolving(monkeypatch, resolve) -> None:
    """Let ``resolve`` answer for every host name."""
    monkeypatch.setattr("ca_provider_vault.addresses.socket.getaddrinfo", resolve)


def port_of(peer: Peer) -> int:
    """Return where a peer listens."""
    return int(peer.address.rpartition(":")[2])


def test_a_resolver_that_hangs_does_not_move_the_deadline(monkeypatch):
    """The system's resolver waits for half a minute, whatever the call's deadline."""
    ended = threading.Event()
    resolving(monkeypatch, lambda *_, **__: ended.wait(10) and [])
    with stopwatch() as watch:
        with pytest.raises(TimeoutError):
            connected(Place(host="vault.test", port=8200), time.monotonic() + 0.3)
        assert watch.seconds < 1
    ended.set()


def test_a_dead_address_leaves_time_for_the_next(monkeypatch):
    """A name may stand for several servers, or for two families of which one leads nowhere."""
    kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    with socket.create_server(("127.0.0.1", 0), backlog=0) as dead, Peer(cutting) as peer:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(dead.getsockname())  # its queue is full, so that the next one hangs
        found = [(*kind, dead.getsockname()), (*kind, ("127.0.0.1", port_of(peer)))]
        resolving(monkeypatch, lambda *_, **__: found)
        connected(Place(host="vault.test", port=8200), time.monotonic() + 1).close()
        for each in waiting:
            each.close()


def test_an_answer_without_end_is_given_up():
    """Its chunk has a negative length, which would be read for ever, into memory."""

    def flood(sock, _):
        sock.sendall(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n")
        while not peer.ended.is_set():
            sock.sendall(bytes(1024 * 1024))

    with Peer(flood) as peer:
        deadline = time.monotonic() + 20
        connection = connected(Place(host="127.0.0.1", port=port_of(peer)), deadline)
        with pytest.raises(LostError, match="OSError"):
            connection.exchange("GET", REQUEST, deadline)
        connection.close()
