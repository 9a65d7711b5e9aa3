"""Requests are pooled, end at their deadline, are repeated only where that is safe."""

import socket
import threading
import time

import pytest
from ca_provider_vault.config import VaultConfig
from ca_provider_vault.transport import Transport

from ca_core.contract import OutcomeUnknownError, RequestError, Secret, UnavailableError
from tests.stopwatch import stopwatch
from tests.unit.providers.vault.peer import Peer, answer, cutting, replying

GOOD = answer(200, {"data": 1})


@pytest.fixture
def opened():
    """Return a function that makes a transport, closed in the end."""
    made = []

    def transport(address: str, **more) -> Transport:
        made.append(Transport(VaultConfig(address=address, **more)))
        return made[-1]

    yield transport
    for each in made:
        each.close()


def send(transport: Transport, method: str = "GET", *, seconds: float = 5, **more):
    """Send a request of no importance."""
    body = None if method in {"GET", "LIST"} else Secret("{}")
    return transport.send(
        method, "/v1/x", **({"headers": {}, "body": body, "seconds": seconds} | more)
    )


def first_cut(then: bytes = GOOD):
    """Return the behaviour that cuts the first connection after its request."""
    seen = []

    def behave(sock, heard):
        seen.append(heard)
        if len(seen) == 1:
            return False
        sock.sendall(then)
        return True

    return behave


def test_a_connection_serves_many_requests(opened):
    """Keep-alive is what makes signing fast."""
    with Peer(replying(GOOD)) as peer:
        transport = opened(peer.address)
        for _ in range(20):
            assert send(transport, "POST").body == b'{"data": 1}'
        assert peer.connections == 1


def test_parallel_requests_have_a_connection_each_and_no_more_than_the_limit(opened):
    """The pool's limit holds, and no answer reaches another thread's request."""

    def echo(sock, heard):
        time.sleep(0.001)
        sock.sendall(answer(200, heard.body))
        return True

    with Peer(echo) as peer:
        transport = opened(peer.address, concurrency=3)
        wrong = []

        def ask(number: int) -> None:
            for turn in range(20):
                body = f"{number}:{turn}"
                if send(transport, "POST", body=Secret(body)).body != body.encode():
                    wrong.append(body)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert len(peer.heard) == 240
        assert peer.connections <= 4


def test_a_server_that_trickles_does_not_move_the_deadline(opened):
    """The deadline holds for the whole answer, not for each byte of it."""

    def trickle(sock, _):
        for byte in answer(200, b"x" * 1000):
            sock.sendall(bytes([byte]))
            if peer.ended.wait(0.02):
                break
        return False

    with Peer(trickle) as peer, stopwatch() as watch:
        with pytest.raises(OutcomeUnknownError):
            send(opened(peer.address), "POST", seconds=0.3)
        assert watch.seconds < 1


@pytest.mark.parametrize(
    ("method", "error"), [("GET", UnavailableError), ("POST", OutcomeUnknownError)]
)
def test_silence_ends_at_the_deadline(opened, method, error):
    """A read that failed did nothing; what became of a write is unknown."""
    with Peer(lambda sock, heard: peer.ended.wait(5)) as peer:
        with stopwatch() as watch:
            with pytest.raises(error):
                send(opened(peer.address), method, seconds=0.2)
            assert watch.seconds < 1
        assert len(peer.heard) == 1


def test_waiting_for_a_connection_ends_at_the_deadline(opened):
    """A full pool does not hold a call for longer than it may take; it was not sent."""
    with Peer(lambda sock, heard: peer.ended.wait(5)) as peer:
        transport = opened(peer.address, concurrency=1)

        def wait() -> None:
            with pytest.raises(OutcomeUnknownError):
                send(transport, "POST")

        blocked = [threading.Thread(target=wait) for _ in range(2)]
        for thread in blocked:
            thread.start()
        while len(peer.heard) < 2:
            time.sleep(0.001)
        with pytest.raises(UnavailableError, match="busy"):
            send(transport, "POST", seconds=0.1)
        transport.close()
        for thread in blocked:
            thread.join(5)
            assert not thread.is_alive()


@pytest.mark.parametrize("method", ["GET", "LIST"])
def test_a_read_whose_answer_is_lost_is_sent_once_more(opened, method):
    """Reads may arrive twice."""
    with Peer(first_cut()) as peer:
        assert send(opened(peer.address), method).status == 200
        assert len(peer.heard) == 2


def test_a_read_is_not_sent_three_times(opened):
    """One repeat, then the caller decides."""
    with Peer(cutting) as peer:
        with pytest.raises(UnavailableError):
            send(opened(peer.address))
        assert len(peer.heard) == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_write_whose_answer_is_lost_is_never_sent_again(opened, method):
    """It may have been done."""
    with Peer(first_cut()) as peer:
        with pytest.raises(OutcomeUnknownError):
            send(opened(peer.address), method)
        assert len(peer.heard) == 1


def test_a_write_that_may_arrive_twice_is_sent_once_more(opened):
    """The caller knows that a repeat does no harm."""
    with Peer(first_cut()) as peer:
        assert send(opened(peer.address), "POST", repeatable=True).status == 200
        assert len(peer.heard) == 2


def test_a_connection_that_the_server_closed_is_not_used_for_a_write(opened):
    """After a restart the first write succeeds, on a new connection."""
    with Peer(replying(GOOD)) as peer:
        transport = opened(peer.address)
        send(transport)
        peer.cut()
        time.sleep(0.05)
        assert send(transport, "POST").status == 200
        assert [heard.method for heard in peer.heard] == ["GET", "POST"]
        assert peer.connections == 2


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 9_000_000,
    ],
    ids=["body", "chunk", "header", "no-http", "too-large"],
)
def test_an_answer_that_is_not_whole_is_no_answer(opened, cut):
    """Half an answer of a write says nothing about what was done."""

    def behave(sock, _):
        sock.sendall(cut)
        return False

    with Peer(behave) as peer, pytest.raises(OutcomeUnknownError):
        send(opened(peer.address), "POST")


def test_a_chunked_answer_is_read_whole_and_keeps_its_connection(opened):
    """Servers send large answers in chunks."""
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    with Peer(replying(chunked)) as peer:
        transport = opened(peer.address)
        assert [send(transport).body, send(transport).body] == [b"abcde", b"abcde"]
        assert peer.connections == 1


def test_a_server_that_asks_for_it_gets_a_new_connection(opened):
    """``Connection: close`` is obeyed."""
    with Peer(replying(answer(200, {}, headers="Connection: close\r\n"))) as peer:
        transport = opened(peer.address)
        send(transport)
        send(transport)
        assert peer.connections == 2


def test_where_nobody_listens_nothing_was_done(opened):
    """A refused connection is no doubt about a write."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnavailableError, match="ConnectionRefusedError"):
        send(opened(f"http://127.0.0.1:{port}"), "POST")


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "a..b", "nowhere.invalid"])
def test_a_host_that_is_none_is_unavailable(opened, host):
    """Whatever resolving it raises."""
    with pytest.raises(UnavailableError, match="cannot be reached"):
        send(opened(f"http://{host}:8200"), "POST")


def test_a_closed_transport_sends_nothing(opened):
    """Nothing is opened after the provider was closed."""
    with Peer(replying(GOOD)) as peer:
        transport = opened(peer.address)
        transport.close()
        with pytest.raises(UnavailableError, match="closed"):
            send(transport)
        assert not peer.heard


def test_without_time_nothing_is_sent(opened):
    """A deadline that has passed costs the server nothing."""
    with Peer(replying(GOOD)) as peer:
        with pytest.raises(UnavailableError):
            send(opened(peer.address), seconds=0)
        assert peer.connections == 0


@pytest.mark.parametrize("value", ["s.top\r\nX-Evil: 1", "s.to\np", "s.tö", "s.\x00"])
def test_a_header_cannot_hold_another_and_is_not_quoted(opened, value):
    """A spoiled token is refused, and the error does not show it."""
    with Peer(replying(GOOD)) as peer:
        with pytest.raises(RequestError) as caught:
            send(opened(peer.address), headers={"X-Vault-Token": Secret(value)})
        assert "s." not in str(caught.value)
        assert not peer.heard


@pytest.mark.parametrize("path", ["/v1/a b", "/v1/a\r\nHost: b", "/v1/ä"])
def test_a_path_holds_only_what_a_path_may(opened, path):
    """A name in a path cannot become another request."""
    with Peer(replying(GOOD)) as peer, pytest.raises(RequestError):
        opened(peer.address).send("GET", path, headers={}, body=None, seconds=1)


def test_a_prefix_of_the_address_stands_before_every_path(opened):
    """Servers live behind proxies that give them a folder."""
    with Peer(replying(GOOD)) as peer:
        send(opened(f"{peer.address}/vault/"))
        assert peer.heard[0].path == "/vault/v1/x"
