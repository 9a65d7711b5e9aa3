"""How each auth method logs in: the path, and the fields that are sent."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ca_core.contract import ConfigError
from ca_provider_vault.client import aws_fields
from ca_provider_vault.config import WHERE, AuthMethod

KUBERNETES_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path
"""Where a pod finds its own token."""

_PARAMS = f"{WHERE}.auth_method.params"


@dataclass(frozen=True, slots=True)
class Login:
    """One login request; ``fields`` hold secrets and stay out of every repr."""

    path: str
    fields: Mapping[str, Any] = field(repr=False)


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
    params = method.params
    fields = {"role_id": _needed(params, "role_id")}
    secret = _value(params, "secret_id")
    return _plain(method, fields | ({"secret_id": secret} if secret else {}))


def _kubernetes(method: AuthMethod) -> Login:
    params = method.params
    path = str(params.get("token_path", KUBERNETES_TOKEN))
    jwt = _value(params, "jwt") or _read(path, "token_path")
    return _plain(method, {"role": _needed(params, "role"), "jwt": jwt})


def _jwt(method: AuthMethod) -> Login:
    params = method.params
    jwt = _value(params, "jwt") or _read(str(_needed(params, "path")), "path")
    return _plain(method, {"role": _needed(params, "role"), "jwt": jwt})


def _by_name(method: AuthMethod) -> Login:
    params = method.params
    user = _needed(params, "username")
    fields = {"password": _needed(params, "password")}
    return Login(f"auth/{method.mount}/login/{quote(user, safe='')}", fields)


def _verbatim(method: AuthMethod) -> Login:
    """Send the parameters as they are, those of files by what the files hold now."""
    names = (re.sub("_file(_path)?$", "", name) for name in method.params)
    return _plain(method, {name: _as_given(method.params, name) for name in names})


def _aws(method: AuthMethod) -> Login:
    """Sign in as Amazon's IAM method wants it, if the keys are given; else send what is given."""
    names = ("access_key", "secret_key", "session_token", "region", "header_value")
    if not {"access_key", "access_key_file"} & set(method.params):
        return _verbatim(method)
    for name in names[:2]:
        _needed(method.params, name)
    role = _value(method.params, "role")
    fields = aws_fields({name: _value(method.params, name) for name in names})
    return _plain(method, fields | ({"role": role} if role else {}))


def _plain(method: AuthMethod, fields: Mapping[str, Any]) -> Login:
    return Login(f"auth/{method.mount}/login", fields)


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


def _needed(params: Mapping[str, Any], name: str) -> str:
    found = _value(params, name)
    if not found:
        raise ConfigError(f"is missing (or {name}_file)", where=f"{_PARAMS}.{name}")
    return found


def _value(params: Mapping[str, Any], name: str) -> str:
    """Return a parameter: given, or from the file that ``…_file`` or ``…_file_path`` names."""
    for key in (f"{name}_file", f"{name}_file_path"):
        if params.get(key):
            return _read(str(params[key]), key)
    return str(params.get(name) or "")


def _as_given(params: Mapping[str, Any], name: str) -> Any:
    """Return a parameter with the type it was given in, or what its file holds."""
    return params[name] if name in params else _value(params, name)


def _read(path: str, key: str) -> str:
    try:
        found = Path(path).read_text(errors="replace").strip()
    except OSError as error:
        reason = f"{path} cannot be read ({type(error).__name__})"
        raise ConfigError(reason, where=f"{_PARAMS}.{key}") from error
    if not found or "\ufffd" in found:
        raise ConfigError(f"{path} holds no text", where=f"{_PARAMS}.{key}")
    return found
