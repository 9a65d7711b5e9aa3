"""How each auth method logs in: the path, and the fields that are sent, hidden on their way."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ca_core.contract import ConfigError, Secret
from ca_provider_vault.client import aws_fields
from ca_provider_vault.config import WHERE, AuthMethod

KUBERNETES_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path
"""Where a pod finds its own token."""

_PARAMS = f"{WHERE}.auth_method.params"


@dataclass(frozen=True, slots=True)
class Login:
    """One login request; ``content`` is its body, JSON as text."""

    path: str
    content: Secret


def login_of(method: AuthMethod) -> Login:
    """Return the login request of a method; files are read now, so that rotated ones count.

    Raises:
        ConfigError: an unknown method, a parameter is missing, or a file cannot be read.
    """
    made = _METHODS.get(method.type)
    if made is None:
        known = ", ".join(sorted(_METHODS))
        hint = "use `token` or `token_file` for a token" if method.type == "token" else ""
        raise ConfigError(
            f"unknown method {method.type!r}; one of {known}",
            where=f"{WHERE}.auth_method.type",
            hint=hint,
        )
    return made(method)


def _approle(method: AuthMethod) -> Login:
    fields = {"role_id": _needed(method, "role_id")}
    secret = _value(method, "secret_id")
    return _plain(method, fields | ({"secret_id": secret} if secret.reveal() else {}))


def _kubernetes(method: AuthMethod) -> Login:
    path = str(method.params.get("token_path", KUBERNETES_TOKEN))
    return _plain(method, {"role": _needed(method, "role"), "jwt": _jwt_of(method, path)})


def _jwt(method: AuthMethod) -> Login:
    role, jwt = _needed(method, "role"), _value(method, "jwt")
    if not jwt.reveal():
        jwt = _read(_needed(method, "path").reveal(), "path")
    return _plain(method, {"role": role, "jwt": jwt})


def _jwt_of(method: AuthMethod, path: str) -> Secret:
    given = _value(method, "jwt")
    return given if given.reveal() else _read(path, "token_path")


def _by_name(method: AuthMethod) -> Login:
    user = quote(_needed(method, "username").reveal(), safe="", errors="replace")
    fields = {"password": _needed(method, "password")}
    return Login(f"auth/{method.mount}/login/{user}", _content(fields))


def _verbatim(method: AuthMethod) -> Login:
    """Send the parameters as they are, those of files by what the files hold now."""
    names = (re.sub("_file(_path)?$", "", name) for name in method.params)
    return _plain(method, {name: _as_given(method, name) for name in names})


def _aws(method: AuthMethod) -> Login:
    """Sign in as Amazon's IAM method wants it, if the keys are given; else send what is given."""
    names = ("access_key", "secret_key", "session_token", "region", "header_value")
    if not {"access_key", "access_key_file"} & set(method.params):
        return _verbatim(method)
    for name in names[:2]:
        _needed(method, name)
    role = _value(method, "role")
    fields = aws_fields({name: _value(method, name) for name in names})
    return _plain(method, fields | ({"role": role} if role.reveal() else {}))


def _plain(method: AuthMethod, fields: Mapping[str, Any]) -> Login:
    return Login(f"auth/{method.mount}/login", _content(fields))


def _content(fields: Mapping[str, Any]) -> Secret:
    """Return the body of a login; it raises nothing, whatever the parameters are."""
    return Secret(json.dumps(dict(fields), default=_revealed))


def _revealed(value: object) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


_METHODS: Mapping[str, Callable[[AuthMethod], Login]] = {
    "alicloud": _verbatim,
    "approle": _approle,
    "aws": _aws,
    "azure": _verbatim,
    "cert": _verbatim,
    "gcp": _verbatim,
    "jwt": _jwt,
    "kubernetes": _kubernetes,
    "ldap": _by_name,
    "userpass": _by_name,
}
"""Clouds' other methods take the signed fields of their own tools; ``…_file`` is read each time."""


def _needed(method: AuthMethod, name: str) -> Secret:
    found = _value(method, name)
    if not found.reveal():
        raise ConfigError(f"is missing (or {name}_file)", where=f"{_PARAMS}.{name}")
    return found


def _value(method: AuthMethod, name: str) -> Secret:
    """Return a parameter: given, or from the file that ``…_file`` or ``…_file_path`` names."""
    for key in (f"{name}_file", f"{name}_file_path"):
        if method.params.get(key):
            return _read(str(method.params[key]), key)
    return Secret(str(method.params.get(name) or ""))


def _as_given(method: AuthMethod, name: str) -> Any:
    """Return a parameter with the type it was given in, or what its file holds."""
    return method.params[name] if name in method.params else _value(method, name)


def _read(path: str, key: str) -> Secret:
    try:
        found = Secret(Path(path).read_text(encoding="utf-8-sig", errors="replace").strip())
    except OSError as error:
        reason = f"{path} cannot be read ({type(error).__name__})"
        raise ConfigError(reason, where=f"{_PARAMS}.{key}") from error
    if not found.reveal() or "\ufffd" in found.reveal():
        raise ConfigError(f"{path} holds no text", where=f"{_PARAMS}.{key}")
    return found
