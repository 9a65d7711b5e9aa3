"""What an author may use: values and functions of the contract, and the testing package."""

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from ca_core import contract, testing
from ca_core.contract import Clock, Kept
from docs.contract import own, signature
from docs.options import type_of
from docs.tables import summary, table

_VALUES = (
    "KeySpec",
    "KeyType",
    "TrustDomain",
    "ServiceId",
    "AgentId",
    "ServerId",
    "GatewayId",
    "SigningId",
    "Secret",
    "KeyPair",
    "Held",
    "RevokedEntry",
)


def values() -> str:
    """Return a table of the values that stand in requests, as they are made and read."""
    kinds = [getattr(contract, name) for name in _VALUES]
    rows = ((f"`{_made(kind)}`", summary(kind)) for kind in kinds)
    return table(("value", "is"), rows)


def toolbox() -> str:
    """Return tables of the functions of the contract, of ``Kept``, and of the clock."""
    functions = table(("function", "does"), sorted(_functions(contract)))
    kept = table(("of `Kept(context)`", "does"), _methods(Kept, "kept"))
    clock = table(("of `context.clock`", "does"), _methods(Clock, "clock"))
    return f"{functions}\n{kept}\n{clock}"


def testing_names() -> str:
    """Return a table of what ``ca_core.testing`` exports."""
    named = ((name, getattr(testing, name)) for name in testing.__all__)
    rows = ((f"`{name}{_called(thing)}`", summary(thing)) for name, thing in named)
    return table(("of `ca_core.testing`", "is"), rows)


def _made(kind: type) -> str:
    """Return the class with its fields, or an enumeration with its members."""
    if issubclass(kind, Enum):
        return f"{kind.__name__}: {', '.join(member.name for member in kind)}"
    if not dataclasses.is_dataclass(kind):
        return f"{kind.__name__}{signature(kind)}".removesuffix(" -> None")
    fields = dataclasses.fields(kind)
    return f"{kind.__name__}({', '.join(f'{f.name}: {type_of(f)}' for f in fields if f.init)})"


def _functions(module: object) -> Iterator[tuple[str, str]]:
    for name in contract.__all__:
        found = getattr(module, name)
        if inspect.isfunction(found) and not name.startswith("ca_provider"):
            yield f"`{name}{signature(found)}`", summary(found)


def _methods(kind: type, receiver: str) -> Iterator[tuple[str, str]]:
    for name, method in own(kind):
        yield f"`{receiver}.{name}{signature(method)}`", summary(method)


def _called(thing: Callable[..., Any]) -> str:
    return signature(thing) if inspect.isfunction(thing) else ""
