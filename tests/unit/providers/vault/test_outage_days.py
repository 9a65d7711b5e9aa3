"""A day without the server: attempts and lines are few, and service is back when it is.

Attempts: one per pause of the thread (at least 24 s once it is long: 3600 a day, a few more in the
beginning), or, while somebody calls, one in two seconds (43,200 a day). A login that was refused
is never repeated before its pause is over, whoever calls. Lines: one at the first failure, then
one a minute.
"""

import contextlib
import socket
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from ca_provider_vault.config import parse_config
from ca_provider_vault.lease import CALLERS_PAUSE, LAST_PAUSE
from ca_provider_vault.remote import Server

from ca_core.contract import Error, OutcomeUnknownError, PermissionDeniedError, UnavailableError
from ca_core.testing.lending import provider_context
from tests.unit.providers.vault.keeping import HOUR, LOGIN, MINUTE, SECOND, keeper_of, pass_time
from tests.unit.providers.vault.peer import Peer
from tests.unit.providers.vault.tokenserver import TokenServer

DAY = timedelta(days=1)
BEGINNING = 10
"""Attempts while the pause still grows."""

BY_THE_THREAD = DAY / (LAST_PAUSE * 0.8) + BEGINNING


class Absent(TokenServer):
    """A server that is away in one of several ways: set ``way`` to end or begin it."""

    way = ""

    def send(self, method, path, *, seconds, **more):
        """Answer, or do not."""
        if self.way == "silent":
            self.attempts += 1
            self.clock.advance(timedelta(seconds=seconds))
            raise (UnavailableError if method == "GET" else OutcomeUnknownError)("no answer")
        self.down, self.status = self.way == "refusing", STATUSES.get(self.way, 0)
        return super().send(method, path, seconds=seconds, **more)


STATUSES = {"sealed": 503, "broken": 500, "proxied": 502, "empty": 404, "odd": 405}
WAYS = ("refusing", "silent", *STATUSES)
"""``empty`` and ``odd``: what stands before the server answers in its place."""


@pytest.fixture
def absent(clock):
    """Return a server that can be away."""
    return Absent(clock)


def has_token(keeper):
    """Say whether a call would have a token now."""
    try:
        return bool(keeper.token(1))
    except Error:
        return False


@pytest.mark.parametrize("way", WAYS)
def test_nobody_calls_for_a_day(absent, clock, caplog, way):
    """The thread alone tries, ever more seldom, and renews at the next attempt after the end."""
    keeper = keeper_of(absent)
    keeper.token()
    absent.way, threads = way, threading.active_count()
    pass_time(keeper, clock, DAY)
    assert 1000 < absent.attempts <= 2 * BY_THE_THREAD  # a dead token costs a renewal and a login
    assert 1 < len(caplog.records) <= DAY / MINUTE + 1
    assert threading.active_count() == threads
    absent.way = ""
    pass_time(keeper, clock, LAST_PAUSE)
    assert keeper.standing().failures == 0


@pytest.mark.parametrize(
    ("way", "had_token", "span"),
    [
        ("refusing", False, HOUR),
        *((way, had, 15 * MINUTE) for way in WAYS for had in (True, False)),
        *(pytest.param(way, False, DAY, marks=pytest.mark.soak) for way in WAYS),
    ],
)
def test_a_call_each_second(absent, clock, caplog, way, had_token, span):
    """Callers wait two seconds at most once the server is back, however long it was away."""
    keeper = keeper_of(absent)
    if had_token:
        keeper.token()
        clock.advance(2 * HOUR)
    absent.way, absent.attempts, end = way, 0, clock.now() + span
    while clock.now() < end:
        assert not has_token(keeper)
        clock.advance(SECOND)
    assert 100 < absent.attempts <= span / CALLERS_PAUSE + BEGINNING
    assert len(caplog.records) <= span / MINUTE + 1
    absent.way = ""
    clock.advance(CALLERS_PAUSE)
    assert has_token(keeper)
    assert keeper.standing().failures == 0


@pytest.mark.parametrize("way", WAYS)
def test_the_pause_begins_anew_with_the_next_outage(absent, clock, way):
    """One success forgets a day: the first attempts after it are a second apart again."""
    keeper = keeper_of(absent)
    absent.way = way
    for _ in range(100):
        has_token(keeper)
        clock.advance(CALLERS_PAUSE)
    absent.way = ""
    assert has_token(keeper)
    absent.way = way
    clock.advance(2 * HOUR)
    asked = clock.now()
    keeper.step(asked)
    assert keeper.next_due() - asked <= SECOND


def test_a_given_token_that_was_refused_is_tried_again_within_two_seconds(clock):
    """Looking it up locks nothing, and the operator who mends its policy does not wait."""
    server = TokenServer(clock)
    token = server.issue(None)
    issued = server.tokens.pop(token)
    keeper = keeper_of(server, token=token)
    for _ in range(600):
        assert not has_token(keeper)
        clock.advance(SECOND)
    assert server.attempts <= 600 / CALLERS_PAUSE.total_seconds() + BEGINNING
    server.tokens[token] = issued
    clock.advance(CALLERS_PAUSE)
    assert has_token(keeper)


def spoiled_login(server, folder):
    """Have a login whose file is missing."""
    params = {"username": "ca", "password_file": str(folder / "none")}
    return keeper_of(server, auth_method={"type": "userpass", "params": params})


def spoiled_renewal(server, _folder):
    """Have a token that is due, and a server that is away."""
    keeper = keeper_of(server)
    keeper.token()
    server.clock.advance(HOUR * 0.7)
    server.down = True
    keeper.step(server.clock.now())
    return keeper


def refused_login(server, _folder):
    """Have a wrong password."""
    params = {"username": "ca", "password": "wrong-password"}
    return keeper_of(server, auth_method={"type": "userpass", "params": params})


FIRST = {
    "renewal": spoiled_renewal,
    "login without server": lambda server, _: setattr(server, "down", True) or keeper_of(server),
    "login that is refused": refused_login,
    "look-up": lambda server, _: keeper_of(server, token="s.unknown-token"),
    "file of a token": lambda server, folder: keeper_of(server, token_file=str(folder / "none")),
    "file of a login": spoiled_login,
}


@pytest.mark.parametrize("way", FIRST)
def test_the_first_failure_is_counted_and_logged_whatever_it_is(server, caplog, tmp_path, way):
    """Once in the log, with the number, the way and the reason; and in what metrics read."""
    keeper = FIRST[way](server, tmp_path)
    if not keeper.standing().failures:
        with contextlib.suppress(Error):
            keeper.token()
    standing = keeper.standing()
    assert standing.failures == 1
    assert standing.last_error
    (line,) = caplog.messages
    assert f"({standing.method}) failed 1 times" in line
    assert standing.last_error in line


def test_a_refused_login_waits_for_its_pause_even_if_somebody_calls(server, clock):
    """Repeating it would lock the account."""
    keeper = refused_login(server, None)
    for _ in range(3):
        with pytest.raises(PermissionDeniedError):
            keeper.token()
        clock.advance(LAST_PAUSE)
    with pytest.raises(PermissionDeniedError):
        keeper.token()
    asked = server.attempts
    clock.advance(CALLERS_PAUSE)
    with pytest.raises(UnavailableError, match="no token"):
        keeper.token()
    assert server.attempts == asked


def open_files():
    """Return how many files and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@contextlib.contextmanager
def nobody():
    """Give the address of a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def mute():
    """Give the address of a server that accepts and says nothing."""
    with Peer(lambda sock, _: sock.recv(1)) as peer:
        yield peer.address


@pytest.mark.parametrize(
    ("where", "calls", "seconds"), [(nobody, 2000, 5), (mute, 30, 0.02)], ids=["refused", "mute"]
)
def test_failing_calls_leave_no_thread_and_no_socket(clock, where, calls, seconds):
    """Thousands of real attempts on real sockets, each with a login of its own."""
    with where() as address:
        config = parse_config({"address": address, "auth_method": LOGIN})
        server = Server(config, provider_context("a1", clock=clock))

        def fail():
            with pytest.raises(UnavailableError):
                server.root.get("x", deadline=clock.now() + timedelta(seconds=seconds))
            clock.advance(CALLERS_PAUSE)

        fail()
        before = threading.active_count(), open_files()
        for _ in range(calls):
            fail()
        served = calls if where is mute else 0  # the peer's own threads and ends of sockets
        after = threading.active_count() - served, open_files()
        assert after[0] <= before[0]
        assert after[1] <= before[1] + 2
        assert server.keeper.standing().failures == calls + 1
        server.close()
