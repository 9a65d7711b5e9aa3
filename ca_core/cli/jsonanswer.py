"""What a command prints for programs, as a value."""

from dataclasses import dataclass

CONSULS = "Consul's document, as the API answers it"
"""What is said of answers that are Consul's own."""


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """The shape of one command's answer.

    Attributes:
        shape: ``object``, ``list`` of objects, or ``lines`` with one object each.
        keys: of the object, or of each object; where Consul defines them, the most used.
        note: what is not obvious.
        like: the command whose keys these are, if it is told there.
    """

    shape: str
    keys: tuple[str, ...]
    note: str = ""
    like: str = ""
