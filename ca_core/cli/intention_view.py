"""Intentions as people read them."""

from ca_core.cli.times import relative_text
from ca_core.identity.spiffe import DEFAULT_NAMESPACE
from ca_core.wire.intentions import HeaderBody, IntentionAnswer, PermissionBody

COLUMNS = ("SOURCE", "DESTINATION", "ACTION", "PRECEDENCE", "DESCRIPTION", "ID")


def line_of(intention: IntentionAnswer) -> str:
    """Return ``web => db (deny)``."""
    source, destination = sides_of(intention)
    return f"{source} => {destination} ({says(intention)})"


def row_of(intention: IntentionAnswer) -> tuple[str, ...]:
    """Return its cells under ``COLUMNS``."""
    return (
        *sides_of(intention),
        says(intention),
        str(intention.precedence),
        intention.description,
        intention.id,
    )


def facts_of(intention: IntentionAnswer) -> list[tuple[str, str]]:
    """Return everything there is to say; a permission a line."""
    source, destination = sides_of(intention)
    permissions = "\n".join(map(permission_line, intention.permissions))
    meta = "\n".join(f"{key}={value}" for key, value in sorted(intention.meta.items()))
    facts = [
        ("source", source),
        ("destination", destination),
        ("action", says(intention)),
        ("permissions", permissions),
        ("precedence", str(intention.precedence)),
        ("description", intention.description),
        ("meta", meta),
        ("id", intention.id),
        ("created", relative_text(intention.created_at)),
        ("updated", relative_text(intention.updated_at)),
        ("index", str(intention.modify_index)),
    ]
    return [(name, value) for name, value in facts if value]


def sides_of(intention: IntentionAnswer) -> tuple[str, str]:
    """Return source and destination; the namespace ``default`` is left out."""
    return (
        _short(intention.source_namespace, intention.source_name),
        _short(intention.destination_namespace, intention.destination_name),
    )


def says(intention: IntentionAnswer) -> str:
    """Return ``allow``, ``deny`` or ``2 permissions``, and whether it is only observed."""
    count = len(intention.permissions)
    said = intention.action or f"{count} permission{'' if count == 1 else 's'}"
    return f"{said}, observed only" if intention.observe else said


def permission_line(permission: PermissionBody) -> str:
    """Return one permission: ``allow GET,HEAD path begins /v1/, header x-role contains ops``."""
    http = permission.http
    if http is None:
        return permission.action
    paths = (("is", http.path_exact), ("begins", http.path_prefix), ("matches", http.path_regex))
    parts = [f"path {how} {text}" for how, text in paths if text]
    parts += [_header_words(header) for header in http.header]
    methods = ",".join(http.methods)
    return " ".join(part for part in (permission.action, methods, ", ".join(parts)) if part)


def _header_words(header: HeaderBody) -> str:
    ways = (
        ("is", header.exact),
        ("begins", header.prefix),
        ("ends", header.suffix),
        ("contains", header.contains),
        ("matches", header.regex),
    )
    said = next((f"{how} {text}" for how, text in ways if text), "is there")
    case = " in any case" if header.ignore_case else ""
    return f"{'not: ' if header.invert else ''}header {header.name} {said}{case}"


def _short(namespace: str, name: str) -> str:
    return name if namespace == DEFAULT_NAMESPACE else f"{namespace}/{name}"
