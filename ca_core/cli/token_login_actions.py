"""What the commands about auth methods and binding rules do; imported when they run."""

from typing import Any
from urllib.parse import quote

import msgspec

from ca_core.cli.client import Answer, Client
from ca_core.cli.leaf_actions import content_of
from ca_core.cli.options import Output
from ca_core.cli.output import print_facts, print_json, print_lines, print_table
from ca_core.errors import ConfigError
from ca_core.wire.aclmethods import AuthMethodAnswer, BindingRuleAnswer, JwtConfigBody

METHOD = "/v1/acl/auth-method"
RULE = "/v1/acl/binding-rule"

METHOD_COLUMNS = ("NAME", "TYPE", "TOKENS LIVE", "DESCRIPTION")
RULE_COLUMNS = ("METHOD", "GIVES", "WHERE", "DESCRIPTION", "ID")


def document(file: str) -> dict[str, Any]:
    """Return the JSON object in a file; ``-`` is standard input.

    Raises:
        ConfigError: it cannot be read, or holds something else.
    """
    try:
        return msgspec.json.decode(content_of(file), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ConfigError(f"not a JSON object: {error}", where=file) from None


def create_method(client: Client, body: dict[str, Any], output: Output) -> None:
    """Make an auth method, and show it. Raises as ``Client``."""
    _show_method(client.put(METHOD, body), output)


def list_methods(client: Client, output: Output) -> None:
    """Show every auth method. Raises as ``Client``."""
    answer = client.get("/v1/acl/auth-methods")
    if output is Output.JSON:
        print_json(answer.json())
        return
    found = answer.decoded(tuple[AuthMethodAnswer, ...])
    rows = [(each.name, each.type, each.max_token_ttl, each.description) for each in found]
    print_table(METHOD_COLUMNS, rows, empty="There are no auth methods: nobody logs in.")


def read_method(client: Client, name: str, output: Output) -> None:
    """Show an auth method. Raises as ``Client``."""
    _show_method(client.get(_place(METHOD, name)), output)


def delete_method(client: Client, name: str, output: Output) -> None:
    """Delete an auth method that is there. Raises as ``Client``."""
    client.get(_place(METHOD, name))  # a mistyped name must not look like a method that is gone
    client.delete(_place(METHOD, name))
    if output is Output.JSON:
        print_json({"Name": name, "Deleted": True})
        return
    print_lines(f"Auth method {name} deleted, with its rules and the tokens of its logins.")


def create_rule(client: Client, body: dict[str, Any], output: Output) -> None:
    """Make a binding rule, and show it. Raises as ``Client``."""
    _show_rule(client.put(RULE, body), output)


def list_rules(client: Client, method: str, output: Output) -> None:
    """Show the binding rules of an auth method, or all. Raises as ``Client``."""
    chosen = {"authmethod": method} if method else None
    answer = client.get("/v1/acl/binding-rules", chosen)
    if output is Output.JSON:
        print_json(answer.json())
        return
    rows = [_row(each) for each in answer.decoded(tuple[BindingRuleAnswer, ...])]
    print_table(RULE_COLUMNS, rows, empty="There are no binding rules: logins get nothing.")


def read_rule(client: Client, rule: str, output: Output) -> None:
    """Show a binding rule. Raises as ``Client``."""
    _show_rule(client.get(_place(RULE, rule)), output)


def delete_rule(client: Client, rule: str, output: Output) -> None:
    """Delete a binding rule that is there. Raises as ``Client``."""
    client.get(_place(RULE, rule))  # as above
    client.delete(_place(RULE, rule))
    if output is Output.JSON:
        print_json({"ID": rule, "Deleted": True})
        return
    print_lines(f"Binding rule {rule} deleted.")


def _show_method(answer: Answer, output: Output) -> None:
    if output is Output.JSON:
        print_json(answer.json())
        return
    method = answer.decoded(AuthMethodAnswer)
    facts = [
        ("name", method.name),
        ("type", method.type),
        ("description", method.description),
        ("tokens live", method.max_token_ttl),
    ]
    if isinstance(method.config, JwtConfigBody):
        facts += _config_facts(method.config)
    print_facts([(name, value) for name, value in facts if value])


def _config_facts(config: JwtConfigBody) -> list[tuple[str, str]]:
    """Return how JWTs are verified."""
    keys = len(config.public_keys)
    source = config.jwks_url or config.jwks_file or f"{keys} public key{'s' * (keys != 1)}"
    mapped = {**config.claim_mappings, **config.list_claim_mappings}
    return [
        ("issuer", config.bound_issuer),
        ("audiences", ", ".join(config.bound_audiences)),
        ("keys from", source),
        ("algorithms", ", ".join(config.algorithms)),
        ("claims", "\n".join(f"{claim} as {name}" for claim, name in mapped.items())),
    ]


def _show_rule(answer: Answer, output: Output) -> None:
    if output is Output.JSON:
        print_json(answer.json())
        return
    rule = answer.decoded(BindingRuleAnswer)
    facts = [
        ("id", rule.id),
        ("method", rule.auth_method),
        ("gives", f"{rule.bind_type} {rule.bind_name}"),
        ("where", rule.selector or "(every login)"),
        ("description", rule.description),
    ]
    print_facts([(name, value) for name, value in facts if value])


def _row(rule: BindingRuleAnswer) -> tuple[str, ...]:
    gives = f"{rule.bind_type} {rule.bind_name}"
    return (rule.auth_method, gives, rule.selector or "(every login)", rule.description, rule.id)


def _place(place: str, name: str) -> str:
    return f"{place}/{quote(name, safe='')}"
