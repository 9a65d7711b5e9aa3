"""Policy documents: rules as people write them, in TOML, JSON or HCL, and back.

One document, three notations::

    [service.web]              service "web" {            {"service": {"web": {
    policy = "write"             policy     = "write"       "policy": "write",
    intentions = "read"          intentions = "read"        "intentions": "read"}}}
                               }

Source of the words: Consul's published page on ACL rules.
"""

import json
import re
import tomllib
from enum import StrEnum

from ca_core.acl.documentrules import rules_in
from ca_core.acl.hcl import Table, parse_hcl
from ca_core.acl.rules import Rules
from ca_core.errors import RequestError

MOST_BYTES = 65_536
"""A document's size in UTF-8; a thousand rules take about this much."""

MOST_IN_A_LINE = 512
"""Characters of a TOML line: the time its parser takes for a dotted key grows by the square.

A table's head with the longest name is 274.
"""


class Notation(StrEnum):
    """How a document is written."""

    TOML = "toml"
    JSON = "json"
    HCL = "hcl"


_TOML_LINE = re.compile(r"^[ \t]*(?:\[|[A-Za-z0-9_-]+[ \t]*\.)", re.MULTILINE)
"""What HCL never has: a table's head, or a dotted key."""


def parse_document(text: str, notation: Notation | None = None) -> Rules:
    """Return the rules of a document, sorted, each segment once; an empty document has none.

    Args:
        text: the document.
        notation: how it is written; recognised by what it looks like if the caller does not say.

    Raises:
        RequestError: not that notation, too large, too deep; a word that is unknown or about
            something that ca-core does not have; a name twice.
    """
    _require_sane(text)
    return rules_in(_parsed(text, notation or notation_of(text)))


def notation_of(text: str) -> Notation:
    """Return how a document seems to be written; a document without rules is HCL."""
    if text.lstrip().startswith("{"):
        return Notation.JSON
    return Notation.TOML if _TOML_LINE.search(text) else Notation.HCL


def _require_sane(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise RequestError("not Unicode text", field="rules") from None
    if size > MOST_BYTES:
        raise RequestError(f"{size} bytes, at most {MOST_BYTES}", field="rules")


def _parsed(text: str, notation: Notation) -> Table:
    match notation:
        case Notation.HCL:
            return parse_hcl(text)
        case Notation.JSON:
            return _parsed_json(text)
        case Notation.TOML:
            return _parsed_toml(text)


def _parsed_json(text: str) -> Table:
    try:
        parsed = json.loads(text, object_pairs_hook=_table_once)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"not JSON: {_short(error)}", field="rules") from None
    if not isinstance(parsed, tuple):
        raise RequestError('not a JSON object like {"operator": "read"}', field="rules")
    return parsed


def _table_once(pairs: list[tuple[str, object]]) -> Table:
    """Return a JSON object; a key given twice is an error, since readers differ on what it means.

    Raises:
        RequestError: a key twice.
    """
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise RequestError(f"key {key[:80]!r} is given twice in one object", field="rules")
        seen.add(key)
    return tuple(pairs)


def _parsed_toml(text: str) -> Table:
    if max(map(len, text.splitlines()), default=0) > MOST_IN_A_LINE:
        raise RequestError(f"a line of more than {MOST_IN_A_LINE} characters", field="rules")
    try:
        return _table(tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        raise RequestError(f"not TOML: {_short(error)}", field="rules") from None


def _table(parsed: dict[str, object]) -> Table:
    return tuple(
        (key, _table(value) if isinstance(value, dict) else value) for key, value in parsed.items()
    )


def _short(error: Exception) -> str:
    return "too deep" if isinstance(error, RecursionError) else str(error)[:160]
