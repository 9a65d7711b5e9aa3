"""How each auth method logs in: the path, and the fields that are sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ca_core.contract import ConfigError
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
    return Login(f"auth/{method.mount}/login/{user}", fields)


def _verbatim(method: AuthMethod) -> Login:
    return _plain(method, dict(method.params))


def _plain(method: AuthMethod, fields: Mapping[str, Any]) -> Login:
    return Login(f"auth/{method.mount}/login", fields)


_METHODS: Mapping[str, Callable[[AuthMethod], Login]] = {
    "alicloud": _verbatim,
    "approle": _approle,
    "aws": _verbatim,
    "azure": _verbatim,
    "cert": _verbatim,
    "gcp": _verbatim,
    "jwt": _jwt,
    "kubernetes": _kubernetes,
    "ldap": _by_name,
    "userpass": _by_name,
}
"""Clouds' methods take the signed fields of their own tools verbatim."""


def _needed(params: Mapping[str, Any], name: str) -> str:
    found = _value(params, name)
    if not found:
        raise ConfigError(f"is missing (or {name}_file)", where=f"{_PARAMS}.{name}")
    return found


def _value(params: Mapping[str, Any], name: str) -> str:
    """Return a parameter: given, or from the file that ``…_file`` (Consul: ``_file_path``) names."""
    for key in (f"{name}_file", f"{name}_file_path"):
        if params.get(key):
            return _read(str(params[key]), key)
    return str(params.get(name) or "")


def _read(path: str, key: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = f"{path} cannot be read ({type(error).__name__})"
        raise ConfigError(reason, where=f"{_PARAMS}.{key}") from error
