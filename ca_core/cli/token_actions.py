"""What the commands about tokens do; imported when they run."""

import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ca_core.cli.client import Answer, Client
from ca_core.cli.options import Output
from ca_core.cli.output import print_facts, print_json, print_lines, print_table
from ca_core.cli.secretfile import kept_secret, read_secret
from ca_core.cli.times import relative_text
from ca_core.cli.token_options import Kind
from ca_core.wire.acl import HIDDEN, TokenAnswer

TOKEN = "/v1/acl/token"  # noqa: S105 - a path

_RIGHTLESS = (
    "warning: no rule gives this token a right; `ca-core token update ACCESSOR` with --service,"
    " --node or --policy does"
)

COLUMNS = ("ACCESSOR", "DESCRIPTION", "POLICIES", "IDENTITIES", "EXPIRES")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a token is to have; None where the command line says nothing."""

    policies: list[str] | None = None
    services: list[str] | None = None
    nodes: list[str] | None = None
    description: str | None = None
    dropped: frozenset[Kind] = frozenset()

    def body(self) -> dict[str, Any]:
        """Return it in the words of the API; what was not said is left out."""
        gone: dict[str, Any] = {name: [] for kind, name in _FIELDS.items() if kind in self.dropped}
        said: dict[str, list[Any] | str | None] = {
            "Policies": _each(_link, self.policies),
            "ServiceIdentities": _each(lambda name: {"ServiceName": name}, self.services),
            "NodeIdentities": _each(lambda name: {"NodeName": name}, self.nodes),
            "Description": self.description,
        }
        return gone | {name: value for name, value in said.items() if value is not None}


_FIELDS = {
    Kind.POLICIES: "Policies",
    Kind.SERVICES: "ServiceIdentities",
    Kind.NODES: "NodeIdentities",
}

_WRITTEN = (*_FIELDS.values(), "Description")


def bootstrap(client: Client, file: Path | None, output: Output, *, reset: bool) -> None:
    """Make the first token, and show it. Raises as ``Client``."""
    path = "/v1/acl/bootstrap?reset" if reset else "/v1/acl/bootstrap"
    with kept_secret(file) as keep:
        _show_made(client.put(path), keep, file, output)


def create(client: Client, held: Held, ttl: str, file: Path | None, output: Output) -> None:
    """Make a token, and show it. Raises as ``Client``."""
    body = held.body() | ({"ExpirationTTL": ttl} if ttl else {})
    with kept_secret(file) as keep:
        _show_made(client.put(TOKEN, body), keep, file, output)
    if not (held.policies or held.services or held.nodes):
        sys.stderr.write(f"{_RIGHTLESS}\n")


def login(client: Client, method: str, jwt: Path, file: Path | None, output: Output) -> None:
    """Exchange a JWT for a token, and show it. Raises as ``Client``."""
    body = {"AuthMethod": method, "BearerToken": read_secret(jwt, "--jwt-file")}
    with kept_secret(file) as keep:
        _show_made(client.post("/v1/acl/login", body), keep, file, output)


def list_all(client: Client, output: Output) -> None:
    """Show every token. Raises as ``Client``."""
    answer = client.get("/v1/acl/tokens")
    if output is Output.JSON:
        print_json(answer.json())
        return
    rows = [row_of(each) for each in answer.decoded(tuple[TokenAnswer, ...])]
    print_table(COLUMNS, rows, empty="There are no tokens; `ca-core token bootstrap` makes one.")


def read(client: Client, accessor: str, output: Output) -> None:
    """Show a token. Raises as ``Client``."""
    _show(client.get(_place(accessor)), output)


def update(client: Client, accessor: str, held: Held, output: Output) -> None:
    """Change what is said of a token, and show it. Raises as ``Client``."""
    standing = client.get(_place(accessor)).decoded(dict[str, Any])
    kept = {name: standing[name] for name in _WRITTEN if name in standing}
    _show(client.put(_place(accessor), kept | held.body()), output)


def delete(client: Client, accessor: str, output: Output) -> None:
    """Revoke a token that is there. Raises as ``Client``."""
    client.get(_place(accessor))  # a mistyped id must not look like a token that is gone
    client.delete(_place(accessor))
    if output is Output.JSON:
        print_json({"AccessorID": accessor, "Deleted": True})
        return
    print_lines(f"Token {accessor} deleted.")


def row_of(token: TokenAnswer) -> tuple[str, ...]:
    """Return its cells under ``COLUMNS``."""
    return (
        token.accessor_id,
        token.description,
        ", ".join(link.name for link in token.policies),
        ", ".join(_identities(token)),
        relative_text(token.expiration_time) if token.expiration_time else "never",
    )


def facts_of(token: TokenAnswer) -> list[tuple[str, str]]:
    """Return everything there is to say but the secret."""
    facts = [
        ("accessor", token.accessor_id),
        ("description", token.description),
        ("policies", "\n".join(link.name for link in token.policies)),
        ("identities", "\n".join(_identities(token))),
        ("auth method", token.auth_method),
        ("created", relative_text(token.create_time)),
        ("expires", relative_text(token.expiration_time) if token.expiration_time else "never"),
    ]
    return [(name, value) for name, value in facts if value]


def _show(answer: Answer, output: Output) -> None:
    if output is Output.JSON:
        print_json(answer.json())
        return
    print_facts(facts_of(answer.decoded(TokenAnswer)))


def _show_made(answer: Answer, keep: Any, file: Path | None, output: Output) -> None:
    """Show a token that was made: its secret in the file, or here, this once."""
    made = answer.decoded(TokenAnswer)
    keep(made.secret_id)
    if output is Output.JSON:
        hidden = {} if file is None else {"SecretID": HIDDEN}
        print_json(answer.json() | hidden)
        return
    where = made.secret_id if file is None else f"in {file}"
    print_facts([*facts_of(made), ("secret", where)])
    if file is None:
        print_lines("\nThe secret is shown this once and stored nowhere: keep it now.")


def _identities(token: TokenAnswer) -> list[str]:
    services = [f"service {each.service_name}" for each in token.service_identities]
    return services + [f"node {each.node_name}" for each in token.node_identities]


def _each(
    shaped: Callable[[str], dict[str, str]], names: list[str] | None
) -> list[dict[str, str]] | None:
    return None if names is None else [shaped(name) for name in names]


def _link(name: str) -> dict[str, str]:
    """Return a policy as it is meant: a UUID is an id, anything else a name."""
    try:
        uuid.UUID(name)
    except ValueError:
        return {"Name": name}
    return {"ID": name}


def _place(accessor: str) -> str:
    return f"{TOKEN}/{quote(accessor, safe='')}"
