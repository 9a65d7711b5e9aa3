"""Starts that fail again and again: they leave nothing behind, and do not storm the server."""

import pytest

from ca_core.contract import ConfigError, Error
from ca_core.testing.conformance.leaking import files, growth, threads
from ca_core.testing.ports import free_port

TIMES = 100
CYCLES = 9
"""``growth`` repeats what it is given so often."""


def failing(arena, config, error=Error):
    """Return a function that opens, asks and closes ``TIMES / CYCLES`` times, in vain."""
    tried = arena.subject.make_config(None) | config

    def start():
        for _ in range(TIMES // CYCLES + 1):
            with pytest.raises(error):
                arena.unmade_with(tried)

    return start


@pytest.fixture
def starts(arena):
    """Return an arena that can start a provider, which fails, and close it as the core does."""

    def unmade_with(config):
        mesh = arena.cluster().server(config=config)
        try:
            mesh.probe()
            mesh.ensure()
        finally:
            mesh.provider.close()

    arena.unmade_with = unmade_with
    return arena


WRONG = {
    "an unknown token": lambda: {"token": "s.unknownunknownunknown"},
    "nobody at the address": lambda: {"address": f"http://127.0.0.1:{free_port()}"},
    "no such mount for logins": lambda: {
        "token": None,
        "auth_method": {"type": "approle", "mount_path": "none", "params": {"role_id": "r"}},
    },
}


@pytest.mark.parametrize("wrong", WRONG)
def test_s11_a_hundred_failed_starts_leave_no_thread_and_no_socket(starts, tail, wrong):
    """Each start costs the server a handful of requests at most, and this process nothing."""
    start = failing(starts, WRONG[wrong]())
    assert growth(lambda: threads() | files(), start) < CYCLES
    tries = CYCLES * (TIMES // CYCLES + 1)
    slow = tries // 10  # one that takes seconds, on a busy machine, may log in once more
    assert len(tail.arrivals()) <= 3 * tries + slow


def test_s11_a_hundred_configurations_that_cannot_be_opened_leave_nothing(starts, tail, tmp_path):
    """A CA file that is not there is told by its key; the server hears nothing."""
    secure = {"address": "https://127.0.0.1:1", "ca_file": str(tmp_path / "none.pem")}
    start = failing(starts, secure, ConfigError)
    assert growth(lambda: threads() | files(), start) < CYCLES
    assert tail.arrivals() == []


def test_s11_one_object_that_is_asked_in_a_loop_asks_the_server_rarely(arena, mounts, tail):
    """A token that the server does not know is not shown to it with every call."""
    mesh = arena.cluster().server(config=mounts.config(token="s.unknownunknownunknown"))
    for _ in range(TIMES):
        with pytest.raises(Error):
            mesh.provider.ensure_authority(mesh.ask.authority())
    assert len(tail.arrivals()) <= 5


def test_s11_a_lasting_refusal_costs_one_request_for_each_call(vault, arena, mounts, tail):
    """Where the policy is wrong, a call is one request: no retry, and no login each time."""
    made = vault.call("POST", "auth/token/create", {"policies": ["default"], "ttl": "1h"})
    mesh = arena.cluster().server(config=mounts.config(token=made["auth"]["client_token"]))
    before = len(tail.arrivals())
    for _ in range(TIMES):
        with pytest.raises(Error):
            mesh.provider.ensure_authority(mesh.ask.authority())
    assert len(tail.arrivals()) - before <= TIMES + 2
