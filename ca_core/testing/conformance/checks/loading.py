"""Loading: a descriptor this core serves, a configuration read without traces, an object made."""

from collections.abc import Iterable
from typing import Any

from ca_core.contract import Capability, ConfigError, Role
from ca_core.contract.plugin import descriptor_of
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.counting import objects
from ca_core.testing.conformance.mesh import Cluster
from ca_core.testing.conformance.rawconfig import copied
from ca_core.testing.conformance.verdict import refusal, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.lending import MemorySecrets

CHECKS = Catalogue()

_UNKNOWN = "no_such_setting"
_STRICT_TYPES = ("string", "boolean", "integer", "number")


def _roles(arena: Arena) -> Iterable[Role]:
    """Return the roles that the descriptor promises to serve."""
    served = Capability.SECONDARY in arena.plugin.capabilities
    return (Role.PRIMARY, Role.SECONDARY) if served else (Role.PRIMARY,)


def _raw(arena: Arena) -> dict[str, Any]:
    """Return the author's configuration, a copy; another call may make another one."""
    return copied(arena.subject.make_config(None))


@CHECKS.check(
    "load.api-version",
    Level.L0,
    why="A plugin written for another contract fails at its first call instead of at its name.",
    sources=("ca_core.contract ProviderPlugin", "LLM GH-1351"),
    fix="Return a `ProviderPlugin` with the `api_version` you wrote against; add older ones to"
    " `older`.",
)
def load_api_version(arena: Arena) -> None:
    """The descriptor is written for a contract version that this core serves."""
    descriptor_of(arena.plugin, origin="the provider under test")


@CHECKS.check(
    "load.opens",
    Level.L0,
    why="A failed start-up left the CA stuck as *initializing*; a server opens its provider before"
    " anything exists.",
    sources=("S15", "S13", "Consul GH-10630"),
    fix="Let the constructor succeed whenever the configuration is right, and look at the backend"
    " later; `close` releases what there is, if anything.",
)
def load_opens(arena: Arena) -> None:
    """A provider opens, and closes unused, where no authority exists, in each role it is for."""
    for role in _roles(arena):
        arena.unmade(role=role).provider.close()


@CHECKS.check(
    "load.creates-nothing",
    Level.L0,
    why="Starts and failed starts each left a key, a mount or a login behind.",
    sources=("S11", "Consul GH-19285", "SPIRE GH-5497"),
    fix="Create nothing in `__init__`, locally or remotely; `ensure_authority` is the place.",
)
def load_creates_nothing(arena: Arena) -> None:
    """Opening a provider, even twice, creates no state, no secret and nothing in the backend."""
    before = objects(arena)
    for role in _roles(arena):
        cluster = arena.cluster(role=role)
        first = cluster.server()
        cluster.server(first.authority)
        require(not _kept(cluster), f"opening wrote {', '.join(_kept(cluster))}")
    made = objects(arena) - before
    require(made == 0, f"opening made {made} objects in the backend")


def _kept(cluster: Cluster) -> tuple[str, ...]:
    """Return the names of the state and secrets of a cluster."""
    secrets = cluster.secrets
    names = secrets.names() if isinstance(secrets, MemorySecrets) else ()
    return (*cluster.state.keys(), *names)


@CHECKS.check(
    "load.unknown-key",
    Level.L0,
    why="A misspelt setting that is ignored is a setting that never was: a CA without its namespace"
    " signed in the wrong one.",
    sources=("S12", "ca_core.contract parse_struct"),
    fix="Parse with `contract.parse_struct`, or compare the keys with those you know.",
)
def load_unknown_key(arena: Arena) -> None:
    """A key that the provider does not know is refused with a ConfigError that names it."""
    with refusal(ConfigError, of="a configuration with an unknown key"):
        _refused_by_name(arena, _UNKNOWN, {**_raw(arena), _UNKNOWN: "x"})


@CHECKS.check(
    "load.wrong-type",
    Level.L0,
    why="A number where text belongs ended in a stack trace that named no setting.",
    sources=("Certbot GH-9664", "ca_core.contract parse_struct"),
    fix="Parse with `contract.parse_struct`, or turn your own ValueError into ConfigError.",
)
def load_wrong_type(arena: Arena) -> None:
    """A value of a wrong type is refused with a ConfigError that names its key."""
    raw, properties = _raw(arena), (arena.plugin.schema or {}).get("properties", {})
    plain = [key for key, node in properties.items() if node.get("type") in _STRICT_TYPES]
    for key in plain:
        with refusal(ConfigError, of=f"a list as {key}"):
            _refused_by_name(arena, key, {**raw, key: ["x"]})


def _refused_by_name(arena: Arena, key: str, raw: dict[str, Any]) -> None:
    try:
        arena.plugin.parse_config(raw)
    except ConfigError as error:
        require(key in str(error), f"the error does not name {key}: {error}")
        raise


@CHECKS.check(
    "load.same-twice",
    Level.L0,
    why="A default evaluated at import, or a time in the configuration, makes each reading look"
    " like a change; a change starts a rotation.",
    sources=("S35", "S32", "Consul GH-14564"),
    fix="Let the result depend on the mapping alone, and compare by value: a frozen dataclass or"
    " Struct.",
)
def load_same_twice(arena: Arena) -> None:
    """The same configuration, read twice, gives equal results."""
    raw = _raw(arena)
    one, other = arena.plugin.parse_config(copied(raw)), arena.plugin.parse_config(copied(raw))
    require(one == other, "two readings of one configuration are not equal")


@CHECKS.check(
    "load.leaves-mapping",
    Level.L0,
    why="The mapping is what the store keeps and shows; a default written into it comes back as the"
    " operator's own wish.",
    sources=("S12", "ca_core.contract ProviderPlugin"),
    fix="Copy what you change.",
)
def load_leaves_mapping(arena: Arena) -> None:
    """Reading a configuration changes nothing in the mapping that was given."""
    raw = _raw(arena)
    given = copied(raw)
    arena.plugin.parse_config(given)
    require(given == raw, "the mapping was changed")


@CHECKS.check(
    "load.keeps-no-mapping",
    Level.L0,
    why="A configuration that changes with somebody else's mapping is never the one that was"
    " checked.",
    sources=("S03", "ca_core.contract ProviderPlugin"),
    fix="Take the values out; keep no reference to the mapping.",
)
def load_keeps_no_mapping(arena: Arena) -> None:
    """What happens to the mapping afterwards does not change the configuration that was read."""
    raw = _raw(arena)
    given = copied(raw)
    read, wanted = arena.plugin.parse_config(given), arena.plugin.parse_config(copied(raw))
    if read != wanted:
        return  # that is another check's matter
    given[_UNKNOWN] = "x"
    require(read == wanted, "the configuration changed with the mapping")


@CHECKS.check(
    "load.same-update",
    Level.L0,
    why="The same configuration applied again was refused, or did it all anew.",
    sources=("S32", "Consul GH-14564"),
    fix="Return from `validate_update` when both sides are equal.",
)
def load_same_update(arena: Arena) -> None:
    """An update to the identical configuration is accepted."""
    raw = _raw(arena)
    arena.plugin.check_update(copied(raw), copied(raw))
