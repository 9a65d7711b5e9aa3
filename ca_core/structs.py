"""Records made known to msgspec before a second thread decodes them.

What msgspec must know of a type is built when it is first decoded, and in 0.22 two threads that
decode it at that moment end the process with SIGSEGV: one sees what the other has half built.
"""

import threading
from collections.abc import Iterator

import msgspec

_one_at_a_time = threading.Lock()


def make_known(package: str = "") -> int:
    """Build what msgspec must know of records; return of how many.

    It takes milliseconds. Call it before other threads decode them: of all when a process begins,
    of a plugin's when it was imported. What is imported later is not among them.

    Args:
        package: the name of the package whose records they are; of all if it is empty.
    """
    with _one_at_a_time:
        return sum(_built(kind) for kind in _below(msgspec.Struct) if _is_of(kind, package))


def _is_of(kind: type[msgspec.Struct], package: str) -> bool:
    return f"{kind.__module__}.".startswith(f"{package}." if package else "")


def _below(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)


def _built(kind: type[msgspec.Struct]) -> bool:
    try:
        msgspec.json.Decoder(kind)
    except Exception:  # noqa: BLE001 - a hint may raise anything: nobody can decode such a record
        return False
    return True
