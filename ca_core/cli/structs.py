"""Records made known to msgspec while one thread runs.

What msgspec must know of a type is built when it is first decoded, and in 0.22 two threads that
decode it at that moment end the process with SIGSEGV: one sees what the other has half built.
"""

from collections.abc import Iterator

import msgspec


def make_known(kind: type[msgspec.Struct] = msgspec.Struct) -> int:
    """Build what msgspec must know of every record below ``kind``; return of how many.

    Call it before threads begin. It takes milliseconds; what is imported later is not among them.
    """
    return len([msgspec.json.Decoder(below) for below in _below(kind)])


def _below(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)
