"""Providers that tell a secret."""

import dataclasses
from base64 import b64encode

from ca_core.contract import ConfigError, Credential, Health, json_schema, key_bytes
from ca_core.testing import ReferenceProvider
from ca_core.testing.reference import ReferenceConfig
from tests.conformance.broken.breaking import Broken
from tests.conformance.broken.spoiling import broken, reference_with

PASSWORD = "hunter2-and-more"
MARKED = {"type": "string", "writeOnly": True, "description": "of the backend"}
BARE = {"type": "string", "description": "of the backend"}


def schema_with(password):
    """Return the reference provider's schema with a password in it."""
    schema = json_schema(ReferenceConfig)
    return {**schema, "properties": {**schema["properties"], "password": password}}


@dataclasses.dataclass(frozen=True)
class Login:
    """A configuration with a password that its text hides."""

    external_issuer: bool
    password: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class LoudLogin:
    """A configuration with a password that its text shows."""

    external_issuer: bool
    password: str


def parsed(raw, kind=Login):
    """Read a configuration with a password."""
    for key, value in raw.items():
        if key not in {"external_issuer", "password"}:
            raise ConfigError("unknown key", where=f"ca.config.{key}")
        if not isinstance(value, bool if key == "external_issuer" else str):
            raise ConfigError("wrong type", where=f"ca.config.{key}")
    return kind(raw.get("external_issuer", False), raw.get("password", ""))


def loud(raw):
    """Read it into a type that shows everything."""
    return parsed(raw, LoudLogin)


def quoting(raw):
    """Quote the configuration in errors."""
    try:
        return parsed(raw)
    except ConfigError as error:
        raise ConfigError(f"{error} in {dict(raw)}") from None


class LoudHealth(ReferenceProvider):
    """Shows with what it logs in."""

    def __init__(self, config, context, backend):
        super().__init__(config, context, backend)
        self._config = config

    def health(self, *, deep=False):
        """Name the password."""
        return Health(ok=True, details={"login": f"admin:{self._config.password}"})


class LoudCredential(LoudHealth):
    """Says with what its login failed."""

    def health(self, *, deep=False):
        """Quote the password in the last error."""
        said = f"the server refused admin:{self._config.password}"
        return Health(ok=True, credential=Credential(ends=None, failures=1, last_error=said))


class KeyInState(ReferenceProvider):
    """Keeps a copy of its key where everybody looks."""

    def ensure_authority(self, request):
        """Write the key down."""
        chain = super().ensure_authority(request)
        entry = self._backend.get(self._id, "")
        spare = b64encode(key_bytes(entry.key)).decode()
        pem = f"-----BEGIN PRIVATE KEY-----\n{spare}\n-----END PRIVATE KEY-----\n"
        self._context.state.create(f"authority/{self._id}/spare", pem)
        return chain


def with_login(name, fault, caught_by, kind=ReferenceProvider, parse=parsed, node=None) -> Broken:
    """Return a provider that has a password in its configuration."""

    def plugin():
        return reference_with(kind, parse_config=parse, schema=schema_with(node or MARKED))

    return Broken(
        name=name,
        fault=fault,
        caught_by=frozenset({caught_by}),
        plugin=plugin,
        supply=lambda _plugin, _clock: {
            "make_config": lambda _address: {"password": PASSWORD, "external_issuer": False}
        },
    )


BROKEN = (
    with_login("bare-password", "does not mark its password", "secret.marked", node=BARE),
    with_login("loud-login", "shows its password", "secret.configuration", parse=loud),
    with_login("quotes-all", "quotes its password", "secret.config-errors", parse=quoting),
    with_login("loud-health", "shows its login in health", "secret.shown", kind=LoudHealth),
    with_login("loud-credential", "shows its login in an error", "secret.shown", LoudCredential),
    broken("key-in-state", "keeps a key in the state", "secret.state", KeyInState),
)
