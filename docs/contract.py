"""The reference part of ``plugins.md``, written from the contract itself."""

import ast
import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import pairwise
from typing import Any

from ca_core import contract
from ca_core.contract import (
    EVENT_FIELDS,
    Capability,
    CapabilityUnsupportedError,
    Error,
    EventType,
    Provider,
    plugin,
)
from docs.options import attributes_of, type_of
from docs.tables import as_line, summary, table
from docs.typenames import as_written

_ANSWERS = (
    *("TrustChain", "Signer", "Findings", "Health", "Credential"),
    *("ProviderContext", "ProviderPlugin"),
)
_LENT = ("ProviderState", "SecretStore")


def methods() -> str:
    """Return a table of the provider's methods in the order of the contract."""
    return table(
        ("method", "without it", "does"),
        (
            (f"`{name}{signature(method)}`", _default_of(name, method), summary(method))
            for name, method in own(Provider)
        ),
    )


def requests() -> str:
    """Return a table of the request classes, and one of the fields each adds."""
    found = [
        kind
        for kind in vars(contract).values()
        if isinstance(kind, type)
        and issubclass(kind, contract.Request)
        and kind is not contract.Request
    ]
    shared = {field.name for field in dataclasses.fields(contract.Request)}
    asked = table(("request", "asks"), ((f"`{kind.__name__}`", summary(kind)) for kind in found))
    rows = [*fields_of(contract.Request, set())]
    for kind in found:
        rows += fields_of(kind, shared)
    return f"{asked}\n{table(('field', 'type', 'means'), rows)}"


def answers() -> str:
    """Return tables of what is returned, and of what the core lends."""
    kinds = [getattr(contract, name) for name in _ANSWERS]
    values = table(("type", "is"), ((f"`{kind.__name__}`", summary(kind)) for kind in kinds))
    fields = table(
        ("field", "type", "means"), (row for kind in kinds for row in fields_of(kind, set()))
    )
    values = f"{values}\n{fields}"
    lent = table(
        ("lent", "does"),
        (
            (f"`{name}.{method}{signature(call)}`", summary(call))
            for name in _LENT
            for method, call in own(getattr(contract, name))
        ),
    )
    return f"{values}\n{lent}"


def capabilities() -> str:
    """Return a table of the capabilities and the methods that refuse without each."""
    needing: dict[str, list[str]] = {capability: [] for capability in Capability}
    for name, method in own(Provider):
        refused = _refusal(name, method)
        if refused is not None:
            needing[refused].append(f"`{name}`")
    meanings = member_docs(Capability)
    return table(
        ("capability", "means", "opens"),
        ((f"`{one.name}`", meanings[one.name], ", ".join(needing[one])) for one in Capability),
    )


def hooks() -> str:
    """Return a table of the hooks."""
    named = (
        (name, function)
        for name, function in vars(plugin).items()
        if name.startswith("ca_") and inspect.isfunction(function)
    )
    return table(
        ("hook", "does"),
        ((f"`{name}{signature(function)}`", summary(function)) for name, function in named),
    )


def events() -> str:
    """Return a table of what is told, with every field of it, and of what reviews see and say."""
    meanings = member_docs(EventType)
    told = table(
        ("event", "means", "fields"),
        (
            (
                f"`{one.value}`",
                meanings[one.name],
                "; ".join(f"`{name}`: {meaning}" for name, meaning in EVENT_FIELDS[one].items()),
            )
            for one in EventType
        ),
    )
    kinds = (contract.IssuanceReview, contract.Verdict, contract.Event)
    rows = (row for one in kinds for row in fields_of(one, set()))
    values = table(("field", "type", "means"), rows)
    return f"{told}\n{values}"


def errors() -> str:
    """Return a table of the errors a provider may raise."""
    named = (
        (name, kind)
        for name, kind in vars(contract).items()
        if isinstance(kind, type) and issubclass(kind, Error)
    )
    return table(
        ("error", "is a", "means"),
        ((f"`{name}`", f"`{kind.__mro__[1].__name__}`", summary(kind)) for name, kind in named),
    )


class _Bare(Provider):
    """A provider with nothing but the defaults."""

    ensure_authority = trust_chain = prepare_signer = sign_leaf = Provider.health  # type: ignore[assignment] # never called


def own(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Return the public methods that a class itself defines, in order."""
    for name, member in vars(kind).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            yield name, member


def _default_of(name: str, method: Callable[..., Any]) -> str:
    if getattr(method, "__isabstractmethod__", False):
        return "*write it*"
    refused = _refusal(name, method)
    return "a default answers" if refused is None else f"refused: `{Capability(refused).name}`"


def _refusal(name: str, method: Callable[..., Any]) -> str | None:
    """Return the capability whose absence makes the default refuse, by calling it."""
    wanted = [p for p in inspect.signature(method).parameters.values() if p.name == "request"]
    if getattr(method, "__isabstractmethod__", False) or not wanted:
        return None
    try:
        getattr(_Bare(), name)(None)
    except CapabilityUnsupportedError as error:
        return error.capability
    return None


def signature(method: Callable[..., Any]) -> str:
    """Return a signature as an author writes it, without ``self`` and without modules."""
    plain = inspect.signature(method)
    kept = [p for p in plain.parameters.values() if p.name != "self"]
    shown = re.sub(r"<function (\w+) at 0x[0-9a-f]+>", r"\1", str(plain.replace(parameters=kept)))
    return as_written(shown)


def fields_of(kind: type, left_out: set[str]) -> Iterator[tuple[str, str, str]]:
    """Return a row for each field of a dataclass: its name, its type, what it means."""
    if not dataclasses.is_dataclass(kind):
        return
    means = attributes_of(kind)
    for field in dataclasses.fields(kind):
        if field.name not in left_out:
            default = _default_text(field)
            meaning = means.get(field.name, "")
            yield f"`{kind.__name__}.{field.name}`", f"`{type_of(field)}`{default}", meaning


def _default_text(field: "dataclasses.Field[Any]") -> str:
    if field.default is not dataclasses.MISSING:
        shown = field.default if isinstance(field.default, Enum) else repr(field.default)
        return f" = `{shown}`"
    return "" if field.default_factory is dataclasses.MISSING else ", empty by default"


def member_docs(kind: type) -> dict[str, str]:
    """Return the text that stands below each member of an enumeration, by the member's name."""
    tree = ast.parse(inspect.getsource(kind)).body[0]
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    found = {}
    for member, text in pairwise(body):
        match member, text:
            case (
                ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                found[name] = as_line(words.partition("\n\n")[0])
    return found
