"""Where a host is: its addresses, asked for no longer than there is time."""

import queue
import socket
import threading

Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[object, ...]]
"""As ``socket.getaddrinfo`` gives it."""


def addresses(host: str, port: int, seconds: float) -> list[Address]:
    """Return the addresses of a host; another thread asks, since the resolver knows no deadline.

    Raises:
        TimeoutError: the resolver does not answer in time.
        OSError: there is no such host.
        ValueError: no host has such a name.
    """
    found: queue.SimpleQueue[list[Address] | OSError | ValueError] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            found.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, ValueError) as error:
            found.put(error)

    threading.Thread(target=resolve, name="vault-address", daemon=True).start()
    try:
        answer = found.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer
