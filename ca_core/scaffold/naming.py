"""What a new provider is called, everywhere it has a name."""

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ca_core.errors import ConflictError, RequestError

MAX_NAME = 32

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")


@dataclass(frozen=True, slots=True)
class PluginName:
    """A name that will do, and the names made from it.

    Raises:
        RequestError: it is none; the hint shows one that is.
    """

    name: str

    def __post_init__(self) -> None:
        if keyword.iskeyword(self.name.replace("-", "_")):
            raise _refused(self.name, "a word of Python itself")
        if len(self.name) > MAX_NAME:
            raise _refused(self.name, f"longer than {MAX_NAME} characters")
        if not _NAME.match(self.name):
            raise _refused(self.name, "not lower-case letters, digits and single dashes")

    @property
    def distribution(self) -> str:
        """Return the name of the package that is installed."""
        return f"ca-provider-{self.name}"

    @property
    def package(self) -> str:
        """Return the name by which Python imports it."""
        return f"ca_provider_{self.name.replace('-', '_')}"

    @property
    def class_prefix(self) -> str:
        """Return how its classes begin, for example ``AcmeCorp``."""
        return "".join(part.capitalize() for part in self.name.split("-"))


def refuse_taken(name: PluginName, taken: Mapping[str, str]) -> None:
    """Refuse a name that somebody has.

    Args:
        name: of the new provider.
        taken: name → who has it.

    Raises:
        ConflictError: it is there.
    """
    for wanted in (name.name, name.distribution):
        if wanted in taken:
            raise ConflictError(
                f"{wanted!r} is taken by {taken[wanted]}",
                field="NAME",
                hint=f"choose another: ca-core plugin new my-{name.name}",
            )


def _refused(name: str, why: str) -> RequestError:
    words = re.findall(r"[a-z0-9]+", name.lower().removeprefix("ca-provider-"))
    better = "-".join(words)[: MAX_NAME - 3].strip("-")
    if not _NAME.match(better) or keyword.iskeyword(better.replace("-", "_")):
        better = f"my-{better}".strip("-")
    return RequestError(
        f"{name[:80]!r} is {why}",
        field="NAME",
        hint=f"for example: ca-core plugin new {better}",
    )
