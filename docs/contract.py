"""The reference part of ``plugins.md``, written from the contract itself."""

import ast
import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from ca_core import contract
from ca_core.contract import Capability, CapabilityUnsupportedError, Error, Provider, plugin
from docs.tables import as_line, summary, table

_ANSWERS = ("TrustChain", "Signer", "Findings", "Health", "ProviderContext", "ProviderPlugin")
_LENT = ("ProviderState", "SecretStore")


def methods() -> str:
    """Return a table of the provider's methods in the order of the contract."""
    return table(
        ("method", "without it", "does"),
        (
            (f"`{name}{_signature(method)}`", _default_of(name, method), summary(method))
            for name, method in _own(Provider)
        ),
    )


def requests() -> str:
    """Return a table of the request classes and the fields each adds."""
    found = [
        kind
        for kind in vars(contract).values()
        if isinstance(kind, type)
        and issubclass(kind, contract.Request)
        and kind is not contract.Request
    ]
    shared = {field.name for field in dataclasses.fields(contract.Request)}
    return table(
        ("request", "fields", "asks"),
        ((f"`{kind.__name__}`", _fields(kind, shared), summary(kind)) for kind in found),
    )


def answers() -> str:
    """Return tables of what is returned, and of what the core lends."""
    values = table(
        ("type", "fields", "is"),
        (
            (
                f"`{name}`",
                _fields(getattr(contract, name), set()),
                summary(getattr(contract, name)),
            )
            for name in _ANSWERS
        ),
    )
    lent = table(
        ("lent", "does"),
        (
            (f"`{name}.{method}{_signature(call)}`", summary(call))
            for name in _LENT
            for method, call in _own(getattr(contract, name))
        ),
    )
    return f"{values}\n{lent}"


def capabilities() -> str:
    """Return a table of the capabilities and the methods that refuse without each."""
    needing: dict[str, list[str]] = {capability: [] for capability in Capability}
    for name, method in _own(Provider):
        refused = _refusal(name, method)
        if refused is not None:
            needing[refused].append(f"`{name}`")
    meanings = _member_docs(Capability)
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
        ((f"`{name}{_signature(function)}`", summary(function)) for name, function in named),
    )


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


def _own(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
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


def _signature(method: Callable[..., Any]) -> str:
    plain = inspect.signature(method)
    kept = [p for p in plain.parameters.values() if p.name != "self"]
    shown = str(plain.replace(parameters=kept))
    return re.sub(r"\b(?:[a-z_]+\d*\.)+(?=[A-Z])", "", shown)


def _fields(kind: type, left_out: set[str]) -> str:
    if not dataclasses.is_dataclass(kind):
        return ""
    return ", ".join(
        f"`{field.name}`" for field in dataclasses.fields(kind) if field.name not in left_out
    )


def _member_docs(kind: type) -> dict[str, str]:
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
