"""Many connections to one program: ``python -m bench.crowd ADDRESS``, in a process of its own.

``ADDRESS`` is a port of 127.0.0.1 or the path of a unix socket. Each line is one order, and one
line of JSON says how it went; times are seconds of the machine's monotonic clock.

    park NUMBER PATH     send so many GETs, each over a connection of its own
    answers              wait until every one of them is answered
    stall NUMBER BYTES   open so many connections, and send only these bytes (JSON) over each
    dropped              wait until the other side has ended each of those
    part                 close everything
"""

import json
import resource
import select
import socket
import sys
import time
from collections.abc import Callable, Sequence

PATIENCE = 120.0
"""Seconds after which those that are still waited for are given up."""
AT_ONCE = 256
"""Connections opened before looking whether the other side keeps up."""


def raise_limit(needed: int) -> None:
    """Let this process have so many files open.

    Raises:
        RuntimeError: the machine's hard limit is lower.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < needed:
        raise RuntimeError(f"{needed} open files are needed, and the hard limit is {most}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Crowd:
    """Connections that wait."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._parked: dict[int, socket.socket] = {}
        self._stalled: dict[int, socket.socket] = {}

    def park(self, number: str, path: str) -> dict[str, object]:
        """Send requests whose answers are not waited for."""
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self._opened(self._parked, int(number), request)
        return {"parked": len(self._parked)}

    def stall(self, number: str, text: str) -> dict[str, object]:
        """Begin requests that are never finished."""
        self._opened(self._stalled, int(number), json.loads(text).encode())
        return {"stalled": len(self._stalled)}

    def answers(self) -> dict[str, object]:
        """Return when the first and the last answer came, and how many were none."""
        return self._told(self._parked, lambda found: found.startswith(b"HTTP/1.1 200"))

    def dropped(self) -> dict[str, object]:
        """Return when the first and the last connection was ended by the other side."""
        found = self._told(self._stalled, lambda found: not found)
        self._stalled.clear()
        return found

    def part(self) -> dict[str, object]:
        """Close everything."""
        for one in (*self._parked.values(), *self._stalled.values()):
            one.close()
        self._parked.clear()
        self._stalled.clear()
        return {}

    def _opened(self, crowd: dict[int, socket.socket], number: int, sent: bytes) -> None:
        raise_limit(len(self._parked) + len(self._stalled) + number + 64)
        for count in range(number):
            one = self._connected()
            one.sendall(sent)
            crowd[one.fileno()] = one
            if count % AT_ONCE == AT_ONCE - 1:
                time.sleep(0.02)

    def _connected(self) -> socket.socket:
        if not self._address.isdigit():
            one = socket.socket(socket.AF_UNIX)
            one.connect(self._address)
            return one
        return socket.create_connection(("127.0.0.1", int(self._address)))

    def _told(
        self, crowd: dict[int, socket.socket], is_right: Callable[[bytes], bool]
    ) -> dict[str, object]:
        """Wait until something has come over each of them, an end counts too."""
        left, times, wrong = set(crowd), [], 0
        gives_up = time.monotonic() + PATIENCE
        with select.epoll() as waiting:
            for number in left:
                waiting.register(number, select.EPOLLIN)
            while left and time.monotonic() < gives_up:
                for number, _ in waiting.poll(1.0):
                    waiting.unregister(number)
                    left.discard(number)
                    wrong += not is_right(_received(crowd[number]))
                    times.append(time.monotonic())
        first, last = (min(times), max(times)) if times else (0.0, 0.0)
        return {"came": len(times), "wrong": wrong, "first": first, "last": last}


def _received(one: socket.socket) -> bytes:
    try:
        return one.recv(65536)
    except ConnectionError:
        return b""


def main(arguments: Sequence[str]) -> None:
    """Carry out orders until there are no more."""
    crowd = Crowd(arguments[0])
    for line in sys.stdin:
        order, *words = line.strip().split(" ", 2)
        print(json.dumps(getattr(crowd, order)(*words)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
