"""Tables of options: a provider's configuration from its schema, a dataclass from its docstring."""

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping

from ca_core.authority.registry import Registry
from ca_core.cli.schema import option_rows, without_keys
from ca_core.testing.conformance import ProviderUnderTest
from docs.tables import as_line, table
from docs.typenames import as_written

_ATTRIBUTES = re.compile(r"^(?:Attributes|Args):\n(?P<body>(?:[ ]{4}.*\n?|\n)+)", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^ {4}(?P<name>\w+): (?P<text>.+(?:\n {8}.+)*)", re.MULTILINE)


def provider_options(name: str) -> str:
    """Return every key of an installed provider's configuration, as its schema has it."""
    schema = Registry().get(name).schema
    rows = option_rows(schema or {})
    if not rows:
        return f"{without_keys(schema)}\n"
    return table(("key", "type", "default", "meaning"), (_marked(row) for row in rows))


def builtin_options() -> str:
    """Return the keys of the built-in provider."""
    return provider_options("builtin")


def chaos_options() -> str:
    """Return the keys of the chaos provider."""
    return provider_options("chaos")


def subject_fields() -> str:
    """Return a table of what an author hands to the kit."""
    described = attributes_of(ProviderUnderTest)
    return table(
        ("field", "type", "means"),
        (
            (f"`{field.name}`", f"`{type_of(field)}`", described[field.name])
            for field in dataclasses.fields(ProviderUnderTest)
        ),
    )


def attributes_of(kind: type) -> Mapping[str, str]:
    """Return name → meaning, as the class's docstring lists its attributes."""
    return dict(_attributes(inspect.getdoc(kind) or ""))


def type_of(field: "dataclasses.Field[object]") -> str:
    """Return a field's type as an author writes it, without the modules it comes from."""
    kind = field.type
    text = kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
    return as_written(text)


def _attributes(documented: str) -> Iterator[tuple[str, str]]:
    found = _ATTRIBUTES.search(documented)
    for one in _ATTRIBUTE.finditer(found["body"] if found else ""):
        yield one["name"], as_line(one["text"])


def _marked(row: tuple[str, ...]) -> tuple[str, ...]:
    key, kind, default, meaning = row
    return f"`{key}`", kind, f"`{default}`" if default else "", meaning
