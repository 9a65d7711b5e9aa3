"""What the commands about policies do; imported when they run."""

import json
import sys
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ca_core.acl.documents import MOST_BYTES, Notation, parse_document
from ca_core.acl.policies import BUILTIN_POLICIES
from ca_core.acl.rights import merged
from ca_core.acl.rules import NAMELESS, Rule, Rules
from ca_core.acl.writing import document_of
from ca_core.cli.client import Answer, Client
from ca_core.cli.options import Output
from ca_core.cli.output import print_facts, print_json, print_lines, print_table
from ca_core.errors import ConfigError, RequestError
from ca_core.wire.acl import PolicyAnswer

POLICY = "/v1/acl/policy"

COLUMNS = ("NAME", "DESCRIPTION", "ID")
RULE_COLUMNS = ("ON", "NAME", "ALLOWS")

_STANDARD_INPUT = Path("-")


def body_of(rules: Path | None, description: str | None) -> dict[str, Any]:
    """Return the body of a write; what was not said is left out.

    Raises:
        ConfigError: the document cannot be read.
        RequestError: it says what no policy may.
    """
    text = None
    if rules is not None:
        text = _document(rules, f"--rules {rules}")
        _rules_in(text, f"--rules {rules}")
    said = {"Rules": text, "Description": description}
    return {name: value for name, value in said.items() if value is not None}


def create(client: Client, body: dict[str, Any], output: Output) -> None:
    """Make a policy, and show it. Raises as ``Client``."""
    _show(client.put(POLICY, body), output)


def list_all(client: Client, output: Output) -> None:
    """Show every policy. Raises as ``Client``."""
    answer = client.get("/v1/acl/policies")
    if output is Output.JSON:
        print_json(answer.json())
        return
    found = answer.decoded(tuple[PolicyAnswer, ...])
    rows = [(each.name, each.description, each.id) for each in found]
    print_table(COLUMNS, rows, empty="There are no policies.")


def read(client: Client, name: str, output: Output) -> None:
    """Show a policy. Raises as ``Client``."""
    _show(client.get(_place(name)), output)


def update(client: Client, name: str, body: dict[str, Any], output: Output) -> None:
    """Change what is said of a policy, and show it. Raises as ``Client``."""
    standing = client.get(_place(name)).decoded(PolicyAnswer)
    kept = {
        "Name": standing.name,
        "Description": standing.description,
        "Rules": standing.rules or "",
    }
    _show(client.put(f"{POLICY}/{standing.id}", kept | body), output)


def delete(client: Client, name: str, output: Output) -> None:
    """Delete a policy that is there. Raises as ``Client``."""
    standing = client.get(_place(name)).decoded(PolicyAnswer)
    client.delete(f"{POLICY}/{standing.id}")
    if output is Output.JSON:
        print_json({"ID": standing.id, "Name": standing.name, "Deleted": True})
        return
    print_lines(f"Policy {standing.name} deleted.")


def check(file: Path, output: Output) -> None:
    """Show what a document means.

    Raises:
        ConfigError: it cannot be read.
        RequestError: it says what no policy may; names the place.
    """
    rules = merged(_rules_in(_document(file, str(file)), str(file)))
    if output is Output.JSON:
        print_json(json.loads(document_of(rules, Notation.JSON)))
        return
    rows = [(rule.resource, _name(rule), rule.level.name.lower()) for rule in rules]
    print_table(RULE_COLUMNS, rows, empty="It says nothing: the default decides everything.")


def _name(rule: Rule) -> str:
    if rule.resource in NAMELESS:
        return ""
    return f"{rule.name}… (prefix)" if rule.prefix else rule.name


def _show(answer: Answer, output: Output) -> None:
    if output is Output.JSON:
        print_json(answer.json())
        return
    policy = answer.decoded(PolicyAnswer)
    facts = [("name", policy.name), ("id", policy.id), ("description", policy.description)]
    rules = policy.rules if isinstance(policy.rules, str) else ""
    print_facts([*facts, ("rules", rules.strip() or "(none: it allows nothing)")])


def _rules_in(text: str, where: str) -> Rules:
    """Return what a document says; what is wrong with it is told with the file's name."""
    try:
        return parse_document(text)
    except RequestError as error:
        message = str(error).removeprefix("rules: ")
        raise RequestError(message, field=where, hint=error.hint) from None


def _document(file: Path, where: str) -> str:
    try:
        if file == _STANDARD_INPUT:
            raw = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with file.open("rb") as opened:
                raw = opened.read(MOST_BYTES + 1)
        return raw.decode()
    except OSError as error:
        raise ConfigError((error.strerror or "cannot be read").lower(), where=where) from None
    except UnicodeDecodeError:
        raise ConfigError("is no UTF-8 text", where=where) from None


def _place(name: str) -> str:
    """Return where a policy is: a UUID is an id, anything else a name.

    Those that every cluster has are asked for by id: a name with a slash is no part of a path.
    """
    builtin = {row.name: row.id for row in BUILTIN_POLICIES.values()}
    if name in builtin:
        return f"{POLICY}/{builtin[name]}"
    try:
        uuid.UUID(name)
    except ValueError:
        return f"{POLICY}/name/{quote(name, safe='')}"
    return f"{POLICY}/{name}"
