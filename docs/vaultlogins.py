"""The table of auth methods in ``docs/vault.md``: what is sent, and what each is tested against.

What is sent is what the code makes of an example; what it is tested against is read from the
tests: a method that no test logs in with says so by itself.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ca_provider_vault.config import AuthMethod
from ca_provider_vault.logins import login_of

from docs.tables import table

ROOT = Path(__file__).parents[1]
REAL = ROOT / "tests/vaults"
FAKE = ROOT / "tests/unit/providers/vault/test_logins.py"

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "approle": {"role_id": "…", "secret_id": "…"},
    "kubernetes": {"role": "…", "jwt": "…"},
    "jwt": {"role": "…", "jwt": "…"},
    "userpass": {"username": "USER", "password": "…"},
    "cert": {"name": "…"},
    "ldap": {"username": "USER", "password": "…"},
    "aws": {"role": "…", "access_key": "…", "secret_key": "…", "region": "us-east-1"},
    "azure": {
        "role": "…",
        "jwt": "…",
        "subscription_id": "…",
        "resource_group_name": "…",
        "vm_name": "…",
    },
    "gcp": {"role": "…", "jwt": "…"},
    "alicloud": {"role": "…", "identity_request_url": "…", "identity_request_headers": "…"},
}
"""Method → parameters; what is sent for them is asked of the code."""

NOTES: Mapping[str, str] = {
    "approle": "`secret_id` may be left out, if the role asks for none",
    "kubernetes": "instead of `jwt` mostly nothing: the pod's own token is read at each login, or "
    "`token_path`",
    "jwt": "instead of `jwt` mostly `path`, a file that is read at each login",
    "cert": "needs `cert_file` and `key_file`; `name` may be left out",
    "aws": "also `session_token`, `header_value`; a signed question to STS is sent, never the "
    "secret key; without `access_key` everything is sent as it is given",
    "azure": "everything is sent as it is given; `jwt_file` for a token that you fetch",
    "gcp": "everything is sent as it is given; `jwt_file` likewise",
    "alicloud": "everything is sent as it is given: the signed request of Alibaba's own tools",
}
"""What the example does not say."""


def auth_methods() -> str:
    """Return a table of every auth method."""
    return table(
        ("`type`", "`params`", "sent to `auth/MOUNT/…`", "tested against", "note"),
        (_row(kind, params) for kind, params in EXAMPLES.items()),
    )


def tested(kind: str) -> str:
    """Return what a method is tested against, as the tests have it."""
    if kind in logged_in_for_real():
        return "a real server"
    if kind in heard_by_a_fake():
        return "**a fake endpoint only**: what is sent, and never that a server accepts it"
    return "nothing"


@cache
def logged_in_for_real() -> frozenset[str]:
    """Return the methods with which a test logs in on a real server."""
    found: set[str] = set()
    for path in sorted(REAL.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            found.update(_second_of_logged_in(node))
            found.update(_type_of_auth_method(node))
    return frozenset(found)


@cache
def heard_by_a_fake() -> frozenset[str]:
    """Return the methods whose request arrives at a fake endpoint, as its test lists them."""
    for node in ast.walk(ast.parse(FAKE.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name == (
            "test_a_method_sends_its_own_fields_to_its_own_path"
        ):
            return frozenset(_first_of_each_case(node))
    return frozenset()


def _row(kind: str, params: Mapping[str, Any]) -> tuple[str, ...]:
    login = login_of(AuthMethod(type=kind, params=dict(params)))
    path = login.path.removeprefix(f"auth/{kind}/")
    fields = ", ".join(f"`{name}`" for name in json.loads(login.content.reveal()))
    given = ", ".join(f"`{name}`" for name in params)
    return f"`{kind}`", given, f"`{path}`: {fields}", tested(kind), NOTES.get(kind, "")


def _second_of_logged_in(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id="logged_in"), args=[_, ast.Constant(value=str(kind)), *_]):
            yield kind


def _type_of_auth_method(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                match key, value:
                    case ast.Constant(value="auth_method"), ast.Dict() as inner:
                        yield from _constants(inner, "type")


def _constants(node: ast.Dict, name: str) -> Iterator[str]:
    for key, value in zip(node.keys, node.values, strict=True):
        match key, value:
            case ast.Constant(value=found), ast.Constant(value=str(text)) if found == name:
                yield text


def _first_of_each_case(node: ast.FunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        match decorator:
            case ast.Call(args=[_, ast.List(elts=cases)]):
                for case in cases:
                    match case:
                        case ast.Tuple(elts=[ast.Constant(value=str(kind)), *_]):
                            yield kind
