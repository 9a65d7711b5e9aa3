"""Records made known to msgspec before a second thread decodes them.

What msgspec must know of a type is built when it is first decoded, and in 0.22 two threads that
decode it at that moment end the process with SIGSEGV: one sees what the other has half built.
"""

import contextlib
import threading
from collections.abc import Iterator

import msgspec

_one_at_a_time = threading.Lock()


def make_known(package: str = "") -> None:
    """Build what msgspec must know of records.

    It takes milliseconds. Call it before other threads decode them: of all when a process begins,
    of a plugin's when it was imported. What is imported later is not among them.

    Args:
        package: the name of the package whose records they are; of all if it is empty.
    """
    with _one_at_a_time:
        for kind in _below(msgspec.Struct):
            if _is_of(kind, package):
                with contextlib.suppress(Exception):  # of a hint: nobody can decode such a record
                    msgspec.json.Decoder(kind)


def _is_of(kind: type[msgspec.Struct], package: str) -> bool:
    return f"{kind.__module__}.".startswith(f"{package}." if package else "")


def _below(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)
