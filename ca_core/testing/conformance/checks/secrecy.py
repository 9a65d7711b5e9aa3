"""Secrets: keys, and what the configuration hides, stand nowhere that people or programs read."""

from functools import partial

from ca_core.contract import Health
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.listening import shows, told_by
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.rawconfig import copied, secrets_of
from ca_core.testing.conformance.verdict import raised_by, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.lending import MemorySecrets

CHECKS = Catalogue()

_TELLING = ("password", "passphrase", "secret", "token", "private_key", "api_key")
_POINTING = ("_file", "_path", "_env", "_command", "_id", "_name", "_ttl")
_UNKNOWN = "no_such_setting"


def _is_silent(what: str, texts: list[str], secrets: tuple[str, ...]) -> None:
    """Fail the check if a secret stands in one of ``texts``; the message does not repeat it."""
    told = any(secret in text for text in texts for secret in secrets)
    require(not told, f"a secret of the configuration stands in {what}")


@CHECKS.check(
    "secret.marked",
    Level.L0,
    why="What the schema does not mark is shown in clear when the configuration is read back.",
    sources=("S24", "CVE-2020-28053"),
    fix="Give the field the type `contract.Secret`, or mark it `writeOnly` in your schema.",
)
def secret_marked(arena: Arena) -> None:
    """A setting whose name says that it is a secret is marked as one in the schema."""
    properties = (arena.plugin.schema or {}).get("properties", {})
    marked = arena.plugin.secret_keys()
    bare = [key for key in properties if _sounds_secret(key) and key not in marked]
    require(not bare, f"not marked writeOnly: {', '.join(bare)}")


def _sounds_secret(key: str) -> bool:
    return any(word in key for word in _TELLING) and not key.endswith(_POINTING)


@CHECKS.check(
    "secret.configuration",
    Level.L0,
    why="A configuration is logged whole when something is wrong with a part of it.",
    sources=("S24", "CWE-532"),
    fix="Keep secrets as `contract.Secret`; give your own types a `__repr__` without them.",
)
def secret_configuration(arena: Arena) -> None:
    """The configuration, once read, does not show its secrets."""
    raw = copied(arena.subject.make_config(None))
    read = arena.plugin.parse_config(copied(raw))
    secrets = secrets_of(arena.plugin.schema, raw)
    _is_silent("the configuration's text", [repr(read), str(read), f"{read}"], secrets)


@CHECKS.check(
    "secret.config-errors",
    Level.L0,
    why="An error about one setting quoted the whole configuration, into the log and the answer.",
    sources=("S24", "CWE-209"),
    fix="Name the key that is wrong; quote no value.",
)
def secret_config_errors(arena: Arena) -> None:
    """An error about the configuration does not quote its secrets."""
    raw = copied(arena.subject.make_config(None))
    secrets = secrets_of(arena.plugin.schema, raw)
    for wrong in ({**raw, _UNKNOWN: "x"}, *({**raw, key: [raw[key]]} for key in raw)):
        error = raised_by(partial(arena.plugin.parse_config, wrong))
        if error is not None:
            _is_silent("an error about it", told_by(error), secrets)


@CHECKS.check(
    "secret.shown",
    Level.L0,
    why="Health and findings are shown to whoever may look, and a debugger prints the object.",
    sources=("S24", "CWE-497"),
    fix="Say in health and findings what is wrong, not with which credential.",
)
def secret_shown(arena: Arena) -> None:
    """Neither the provider's text nor its health or findings show a secret of the configuration."""
    mesh, secrets = _opened(arena)
    _is_silent("the provider's text", [repr(mesh.provider), str(mesh.provider)], secrets)
    seen = [_health_text(mesh, deep=deep) for deep in (False, True)]
    _is_silent("health or findings", [*seen, repr(mesh.probe())], secrets)


def _opened(arena: Arena) -> tuple[Mesh, tuple[str, ...]]:
    """Open the provider with one configuration, and return that configuration's secrets."""
    raw = copied(arena.subject.make_config(None))
    return arena.cluster().server(config=raw), secrets_of(arena.plugin.schema, raw)


def _health_text(mesh: Mesh, *, deep: bool) -> str:
    found: list[Health] = []
    raised_by(lambda: found.append(mesh.provider.health(deep=deep)))  # others ask if it raises
    return repr(found)


@CHECKS.check(
    "secret.state",
    Level.L0,
    why="State is shown to operators and stands in every backup; a key in it is a key in both.",
    sources=("S24", "ca_core.contract ProviderState"),
    fix="Keep keys in `context.secrets`, and credentials nowhere.",
)
def secret_state(arena: Arena) -> None:
    """No private key and no secret of the configuration stands in the provider's state."""
    mesh, secrets = _opened(arena)
    mesh.ensure()
    state = mesh.cluster.state
    values = [state.get(key) or "" for key in state.keys()]  # noqa: SIM118 - no dict
    _is_silent("the state", values, secrets)
    told = any(shows(value, key) for value in values for key in _private_keys(mesh))
    require(not told, "a private key stands in the state")


def _private_keys(mesh: Mesh) -> list[bytes]:
    """Return what is kept as secret; at least something, so that any key in PEM is seen."""
    secrets = mesh.cluster.secrets
    names = secrets.names() if isinstance(secrets, MemorySecrets) else ()
    return [secrets.get(name) or bytes(64) for name in names] or [bytes(64)]
