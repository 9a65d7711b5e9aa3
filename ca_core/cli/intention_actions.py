"""What the commands about intentions do; imported when they run."""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from ca_core.cli.client import Answer, Client
from ca_core.cli.failures import AnsweredError
from ca_core.cli.intention_view import COLUMNS, facts_of, line_of, row_of
from ca_core.cli.options import Output
from ca_core.cli.output import print_facts, print_json, print_lines, print_table
from ca_core.errors import ConfigError
from ca_core.wire.authorize import AuthorizeAnswer
from ca_core.wire.intentions import IntentionAnswer, IntentionCheck

INTENTIONS = "/v1/connect/intentions"
EXACT = f"{INTENTIONS}/exact"

_TAKEN = 409


def action_of(*, allow: bool, deny: bool, permissions: Path | None) -> dict[str, Any]:
    """Return what decides: an action, or the permissions in the file.

    Raises:
        ConfigError: more than one of them, or the file is no JSON list.
    """
    if allow and deny:
        raise ConfigError("Only one of --allow or --deny may be specified.", where="--deny")
    if permissions is None:
        return {"Action": "deny" if deny else "allow"}
    if allow or deny:
        raise ConfigError(
            "permissions say themselves what is allowed",
            where="--permissions",
            hint="leave --allow and --deny out",
        )
    return {"Permissions": _permissions(permissions)}


def body_of(
    action: dict[str, Any], *, description: str, meta: list[str], observe: bool
) -> dict[str, Any]:
    """Return the body of a write; what was not said is left out.

    Raises:
        ConfigError: a note without ``=``.
    """
    notes = dict(_pair(text) for text in meta)
    more = {"Description": description, "Meta": notes, "Observe": observe}
    return action | {key: value for key, value in more.items() if value}


def side_of(*, source: bool, destination: bool) -> str:
    """Return which side of an intention a name is matched with.

    Raises:
        ConfigError: both.
    """
    if source and destination:
        raise ConfigError(
            "Only one of --source or --destination may be specified.", where="--source"
        )
    return "source" if source else "destination"


def create(
    client: Client, pair: tuple[str, str], body: dict[str, Any], output: Output, *, replace: bool
) -> None:
    """Write an intention, and show it.

    Raises:
        AnsweredError: there is one already, and it is not to be replaced; or as ``Client``.
    """
    query = _sides(*pair) | ({} if replace else {"cas": "0"})
    try:
        client.put(f"{EXACT}?{urlencode(query)}", body)
    except AnsweredError as error:
        if error.status != _TAKEN or replace:
            raise
        raise _taken(client, pair) from None
    answer = client.get(EXACT, _sides(*pair))
    if output is Output.JSON:
        print_json(answer.json())
        return
    print_lines(
        f"{'Written' if replace else 'Created'}: {line_of(answer.decoded(IntentionAnswer))}"
    )


def delete(client: Client, source: str, destination: str | None, output: Output) -> None:
    """Remove an intention that is there, by its names or its id. Raises as ``get``."""
    path, query = _place(source, destination)
    _standing(client, path, query)  # a mistyped name must not look like one that is gone
    client.delete(f"{path}?{urlencode(query)}" if query else path)
    if output is Output.JSON:
        print_json({"Source": source, "Destination": destination or "", "Deleted": True})
        return
    print_lines("Intention deleted.")


def get(client: Client, source: str, destination: str | None, output: Output) -> None:
    """Show an intention by its names or its id.

    Raises:
        AnsweredError: there is none; or as ``Client``.
    """
    answer = _standing(client, *_place(source, destination))
    if output is Output.JSON:
        print_json(answer.json())
        return
    print_facts(facts_of(answer.decoded(IntentionAnswer)))


def list_all(client: Client, output: Output) -> None:
    """Show every intention. Raises as ``Client``."""
    answer = client.get(INTENTIONS)
    if output is Output.JSON:
        print_json(answer.json())
        return
    rows = [row_of(each) for each in answer.decoded(tuple[IntentionAnswer, ...])]
    empty = "There are no intentions; `ca-core intention create SRC DST` makes one."
    print_table(COLUMNS, rows, empty=empty)


def match(client: Client, by: str, name: str, output: Output) -> None:
    """Show what counts for a name, in order. Raises as ``Client``."""
    answer = client.get(f"{INTENTIONS}/match", {"by": by, "name": name})
    if output is Output.JSON:
        print_json(answer.decoded(dict[str, Any]).get(name) or [])
        return
    found = answer.decoded(dict[str, tuple[IntentionAnswer, ...] | None]).get(name) or ()
    empty = f"No intention matches {name} as {by}: the default counts."
    print_lines("\n".join(map(line_of, found)) or empty)


def check(client: Client, source: str, destination: str, output: Output) -> bool:
    """Show whether it may, and why; return it. Raises as ``Client``."""
    answer = client.get(f"{INTENTIONS}/check", _sides(source, destination))
    allowed = answer.decoded(IntentionCheck).allowed
    reason = answer.headers.get("x-ca-core-reason", "")
    if output is Output.JSON:
        print_json({"Allowed": allowed, "Reason": reason})
        return allowed
    said = "Allowed" if allowed else "Denied"
    print_lines(f"{said}: {reason}" if reason else said)
    return allowed


def authorize(
    client: Client, target: str, identity: str, chain: Path | None, output: Output
) -> bool:
    """Show what the agent decides, and why; return it.

    Raises:
        ConfigError: the file with the chain cannot be read.
        Error: as ``Client``.
    """
    body = {"Target": target, "ClientCertURI": identity}
    if chain is not None:
        body["ClientCert"] = _text_of(chain)
    answer = client.post("/v1/agent/connect/authorize", body).decoded(AuthorizeAnswer)
    if output is Output.JSON:
        print_json({"Authorized": answer.authorized, "Reason": answer.reason})
    else:
        print_lines(f"{'Allowed' if answer.authorized else 'Denied'}: {answer.reason}")
    return answer.authorized


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise ConfigError(reason.lower(), where=f"--cert {file}") from None


def _standing(client: Client, path: str, query: dict[str, str]) -> Answer:
    try:
        return client.get(path, query)
    except AnsweredError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        hint = "`ca-core intention list` shows all of them"
        raise AnsweredError(str(error), status=error.status, hint=hint) from None


def _sides(source: str, destination: str) -> dict[str, str]:
    return {"source": source, "destination": destination}


def _place(source: str, destination: str | None) -> tuple[str, dict[str, str]]:
    """Return path and query of the intention of these names, or of an id that stands alone."""
    if destination is None:
        return f"{INTENTIONS}/{quote(source, safe='')}", {}
    return EXACT, _sides(source, destination)


def _taken(client: Client, pair: tuple[str, str]) -> AnsweredError:
    standing = client.get(EXACT, _sides(*pair)).decoded(IntentionAnswer)
    return AnsweredError(
        f"there is one already: {line_of(standing)}",
        status=_TAKEN,
        hint="--replace writes over it",
    )


def _permissions(file: Path) -> list[Any]:
    where = f"--permissions {file}"
    try:
        found = json.loads(file.read_bytes())
    except OSError as error:
        raise ConfigError((error.strerror or "cannot be read").lower(), where=where) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"is no JSON: {error}", where=where) from None
    if not isinstance(found, list) or not found:
        raise ConfigError(
            "must be a list of permissions",
            where=where,
            hint="`ca-core intention create --help` shows one",
        )
    return found


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"{text!r} is not KEY=VALUE", where="--meta")
    return key, value
