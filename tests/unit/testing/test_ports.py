"""Ports for programs that tests start."""

import socket

from ca_core.testing.ports import FIRST, LAST, free_port


def test_each_call_gives_another_port_that_can_be_listened_on():
    """Two programs that are started at once do not get the same one."""
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    for port in ports:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


def test_no_port_is_one_that_outgoing_connections_are_given():
    """A server that stops and comes back would find its port taken now and then."""
    assert all(FIRST <= free_port() < LAST < 32_768 for _ in range(50))


def test_a_port_that_is_taken_is_passed_over():
    """Whoever listens there was first."""
    with socket.socket() as listener:
        taken = free_port() + 1
        listener.bind(("127.0.0.1", taken))
        assert taken not in {free_port() for _ in range(3)}
