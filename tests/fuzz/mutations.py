"""Inputs like others, drawn: what stands in for a fuzzer where none is installed."""

from collections.abc import Iterator, Sequence
from random import Random

MOST = 4096
"""Bytes of an input."""


def mutations(seeds: Sequence[bytes], words: Sequence[str], draw: Random) -> Iterator[bytes]:
    """Yield the seeds, then for ever something like one of them."""
    yield from seeds
    pieces = [word.encode() for word in words]
    while True:
        made = draw.choice(seeds)
        for _ in range(draw.randrange(1, 5)):
            made = _changed(made, seeds, pieces, draw)
        yield made[:MOST]


def _changed(data: bytes, seeds: Sequence[bytes], words: Sequence[bytes], draw: Random) -> bytes:
    """Return the bytes with one place changed."""
    at, until = sorted((draw.randrange(len(data) + 1), draw.randrange(len(data) + 1)))
    match draw.randrange(6):
        case 0:
            return data[:at] + draw.choice(words) + data[at:]
        case 1:
            return data[:at] + draw.choice(words) + data[until:]
        case 2:
            return data[:at] + draw.randbytes(draw.randrange(1, 4)) + data[at + 1 :]
        case 3:
            return data[:at] + data[until:]
        case 4:
            return data[:until] + data[at:]
        case _:
            other = draw.choice(seeds)
            return data[:at] + other[draw.randrange(len(other) + 1) :]
