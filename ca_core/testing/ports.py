"""Ports of loopback for programs that tests start."""

import itertools
import os
import socket

FIRST, LAST = 15_000, 32_000
"""Below the ports that Linux gives to outgoing connections (ip(7), ``ip_local_port_range``): who
stops and comes back finds the port free."""

_STRIDE = 97
_numbers = itertools.count()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now; another one at each call.

    Processes that ask at the same time begin at different places.

    Raises:
        OSError: no port is free.
    """
    ports = LAST - FIRST
    for _ in range(ports):
        port = FIRST + (os.getpid() * _STRIDE + next(_numbers)) % ports
        with socket.socket() as probe:
            if not _is_taken(probe, port):
                return port
    raise OSError(f"every port of 127.0.0.1 from {FIRST} to {LAST} is taken")


def _is_taken(probe: socket.socket, port: int) -> bool:
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        return True
    return False
