"""The Vault provider's configuration: where the server is, how to log in, which mounts to use."""

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from ca_core.contract import ConfigError, Secret, parse_struct

WHERE = "ca.config"
"""Where these keys stand in the configuration file; prefix of every error."""


_PART = re.compile(r"(?!\.{1,2}\Z)[!-~]+")
"""Of a path: printable ASCII, and not ``.`` or ``..``."""

_PATHS = (
    "namespace",
    "root_pki_namespace",
    "root_pki_path",
    "root_issuer",
    "intermediate_pki_namespace",
    "intermediate_pki_path",
)


def _meta(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


def _secret(text: str) -> msgspec.Meta:
    """Describe a table that may hold secrets: the core encrypts it and shows it to nobody."""
    return msgspec.Meta(description=text, extra_json_schema={"writeOnly": True})


class AuthMethod(msgspec.Struct, frozen=True, kw_only=True):
    """How to log in where there is no token; ``params`` are the method's own."""

    type: Annotated[
        str, _meta("approle, kubernetes, jwt, userpass, cert, ldap, aws, azure, gcp or alicloud")
    ]
    mount_path: Annotated[str, _meta("where the method is mounted; empty: its type")] = ""
    params: Annotated[
        dict[str, Any], _secret("the method's own parameters; `…_file` names a file read each time")
    ] = {}

    def __repr__(self) -> str:
        return f"AuthMethod(type={self.type!r}, mount_path={self.mount_path!r}, params=<hidden>)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show the same to ``rich``, which would look past ``repr``, in tracebacks for one."""
        return [("type", self.type), ("mount_path", self.mount_path), ("params", "<hidden>")]

    @property
    def mount(self) -> str:
        """Return where the method is mounted, without slashes around it."""
        return self.mount_path.strip("/") or self.type


class VaultConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may set; the address, and a token or an auth method, must be."""

    address: Annotated[str, _meta("URL of the server, for example https://vault:8200")]
    token: Annotated[Secret | None, _meta("a token; better in a file or in the environment")] = None
    token_file: Annotated[str, _meta("file with a token; read again when it changes")] = ""
    auth_method: Annotated[AuthMethod | None, _meta("how to log in instead of a token")] = None
    namespace: Annotated[str, _meta("namespace of logins and mounts; empty: the root one")] = ""
    root_pki_path: Annotated[str, _meta("mount of the roots")] = "connect-root"
    root_pki_namespace: Annotated[str, _meta("namespace of that mount; empty: namespace")] = ""
    intermediate_pki_path: Annotated[str, _meta("mount of the signers")] = "connect-intermediate"
    intermediate_pki_namespace: Annotated[
        str, _meta("namespace of that mount; empty: namespace")
    ] = ""
    root_issuer: Annotated[
        str, _meta("an issuer of the root mount to adopt, by name or id, or `default`")
    ] = ""
    manage_mounts: Annotated[
        bool, _meta("make the mounts where there are none; false: the operator has made them")
    ] = True
    ca_file: Annotated[str, _meta("PEM file of the CAs that the server's certificate is from")] = ""
    ca_path: Annotated[str, _meta("folder of such files, hashed as OpenSSL wants it")] = ""
    cert_file: Annotated[str, _meta("PEM file of our own client certificate")] = ""
    key_file: Annotated[str, _meta("PEM file of its private key")] = ""
    tls_server_name: Annotated[str, _meta("name in the server's certificate, if not the host")] = ""
    unsafe_tls_skip_verify: Annotated[
        bool, _meta("believe any server; for tests, never in production")
    ] = False
    concurrency: Annotated[
        int, msgspec.Meta(ge=1, le=64, description="requests at once, on as many connections")
    ] = 8

    @property
    def root_namespace(self) -> str:
        """Return the namespace of the root mount."""
        return self.root_pki_namespace or self.namespace

    @property
    def intermediate_namespace(self) -> str:
        """Return the namespace of the intermediate mount."""
        return self.intermediate_pki_namespace or self.namespace


CONSUL_NAMES: Mapping[str, str] = {
    "address": "Address",
    "token": "Token",
    "token_file": "TokenFile",
    "auth_method": "AuthMethod",
    "namespace": "Namespace",
    "root_pki_path": "RootPKIPath",
    "root_pki_namespace": "RootPKINamespace",
    "intermediate_pki_path": "IntermediatePKIPath",
    "intermediate_pki_namespace": "IntermediatePKINamespace",
    "root_issuer": "RootIssuer",
    "manage_mounts": "ManageMounts",
    "ca_file": "CAFile",
    "ca_path": "CAPath",
    "cert_file": "CertFile",
    "key_file": "KeyFile",
    "tls_server_name": "TLSServerName",
    "unsafe_tls_skip_verify": "TLSSkipVerify",
    "concurrency": "Concurrency",
}
"""Our key → the spelling on Consul's API."""


def parse_config(raw: Mapping[str, Any]) -> VaultConfig:
    """Return the configuration, once its parts fit together; reads no file.

    Raises:
        ConfigError: an unknown key, a wrong type, no way or two ways to log in, half a client
            certificate, an address that is no URL, or one mount for both.
    """
    config = parse_struct(VaultConfig, raw, where=WHERE)
    _check_login(config)
    _check_mounts(config)
    _check_paths(config)
    _check_address(config.address)
    if bool(config.cert_file) != bool(config.key_file):
        raise ConfigError("cert_file and key_file go together", where=f"{WHERE}.cert_file")
    return config


def _check_paths(config: VaultConfig) -> None:
    """Refuse what a URL would take apart: another mount would be asked, or made."""
    paths = {key: str(getattr(config, key)) for key in _PATHS}
    if config.auth_method is not None:
        paths["auth_method.mount_path"] = config.auth_method.mount_path
    for key, path in paths.items():
        inner = path.strip("/")
        parts = inner.split("/") if inner else []
        if set(path) & set("?#%") or not all(map(_PART.fullmatch, parts)):
            raise ConfigError("holds characters or parts that no path has", where=f"{WHERE}.{key}")


def _check_address(address: str) -> None:
    where = f"{WHERE}.address"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"https", "http"} or not host:
        raise ConfigError("must be a URL, http:// or https://", where=where)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError("takes no user, query or fragment", where=where)
    if not address.isascii() or not address.isprintable() or " " in address:
        raise ConfigError("holds characters that a URL does not allow", where=where)


def _check_login(config: VaultConfig) -> None:
    ways = {
        "token": config.token is not None,
        "token_file": bool(config.token_file),
        "auth_method": config.auth_method is not None,
    }
    given = [name for name, there in ways.items() if there]
    if len(given) != 1:
        seen = f"{' and '.join(given)} exclude each other" if given else "nothing to log in with"
        raise ConfigError(
            f"{seen}: give one of {', '.join(ways)}", where=f"{WHERE}.{(given or ['token'])[-1]}"
        )


def _check_mounts(config: VaultConfig) -> None:
    root = (config.root_namespace.strip("/"), config.root_pki_path.strip("/"))
    intermediate = (
        config.intermediate_namespace.strip("/"),
        config.intermediate_pki_path.strip("/"),
    )
    for key, path in (("root_pki_path", root[1]), ("intermediate_pki_path", intermediate[1])):
        if not path:
            raise ConfigError("a mount needs a path", where=f"{WHERE}.{key}")
    if root == intermediate:
        raise ConfigError(
            "roots and signers need a mount each", where=f"{WHERE}.intermediate_pki_path"
        )
