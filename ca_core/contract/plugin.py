"""How a plugin is found and what it hands over: hooks, descriptor, versions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import pluggy

from ca_core.contract.capabilities import Capability
from ca_core.contract.context import ProviderContext
from ca_core.contract.provider import Provider
from ca_core.errors import PluginAnswerError, PluginOrigin, PluginVersionError
from ca_core.identity.spiffe import SpiffeId

ConfigT = TypeVar("ConfigT")

API_VERSION = 1
"""The version of the contract this core speaks natively."""


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """A version of the contract that a core serves.

    Attributes:
        number: what a plugin declares as ``api_version``.
        deprecated: empty, or what to use instead and when it goes; logged for who still uses it.
    """

    number: int
    deprecated: str = ""


SERVED_VERSIONS = (ApiVersion(API_VERSION),)
"""Every version this core serves, newest first; of what a plugin offers, the first is taken."""

PROJECT = "ca_core"
"""pluggy's project name; use ``hookimpl`` instead of it."""

PROVIDER_GROUP = "ca_core.providers"
"""Entry points that name providers; the entry point's name is the provider's name."""

PLUGIN_GROUP = "ca_core.plugins"
"""Entry points that name plugins for the two broadcast hooks."""

hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker(PROJECT)
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of the hook of the same name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPlugin(Generic[ConfigT]):
    """What ``ca_provider`` returns: how to read the configuration and make the provider.

    Attributes:
        parse_config: turns the raw mapping into your own frozen type; raises ``ConfigError``.
        create: makes the provider object; creates nothing else, locally or remotely.
        api_version: the contract version you wrote against.
        description: one sentence for ``ca-core provider list``.
        capabilities: what some configuration of it can do; the instance declares what *this* one
            can.
        schema: JSON Schema of the configuration, or None; ``writeOnly`` marks secrets.
        consul_names: your key → Consul's spelling, for Consul's HTTP API.
        validate_update: ``(old, new)``; raises ``ConfigError`` for a change that cannot be made.
        older: the same provider for cores that serve only older API versions, newest first; each
            with its own ``api_version``. The core takes the newest that it serves.
    """

    parse_config: Callable[[Mapping[str, Any]], ConfigT]
    create: Callable[[ConfigT, ProviderContext], Provider]
    api_version: int = API_VERSION
    description: str = ""
    capabilities: frozenset[Capability] = frozenset()
    schema: Mapping[str, Any] | None = None
    consul_names: Mapping[str, str] = field(default_factory=dict)
    validate_update: Callable[[ConfigT, ConfigT], None] | None = None
    older: tuple["ProviderPlugin[Any]", ...] = ()

    def open(self, raw: Mapping[str, Any], context: ProviderContext) -> Provider:
        """Return the provider for ``raw``; your configuration type never leaves the plugin.

        Raises:
            ConfigError: the configuration is wrong.
        """
        return self.create(self.parse_config(raw), context)

    def check_update(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Refuse a change of configuration that cannot be made in place.

        Raises:
            ConfigError: either side is wrong, or the change is refused.
        """
        before, after = self.parse_config(old), self.parse_config(new)
        if self.validate_update is not None:
            self.validate_update(before, after)

    def secret_keys(self) -> frozenset[str]:
        """Return the top-level configuration keys that hold secrets, as the schema marks them."""
        properties = (self.schema or {}).get("properties", {})
        return frozenset(key for key, node in properties.items() if _is_secret(node))


def _is_secret(node: object) -> bool:
    """Say whether ``writeOnly`` stands anywhere in a part of a schema, at any depth."""
    match node:
        case {"writeOnly": True}:
            return True
        case Mapping():
            return any(_is_secret(value) for value in node.values())
        case list():
            return any(_is_secret(value) for value in node)
        case _:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuanceReview:
    """A leaf about to be signed, as shown to review plugins.

    Attributes:
        identity: the SPIFFE ID asked for.
        dns_names: DNS SANs asked for.
        ip_addresses: IP SANs asked for, as text.
        principal: who asked, in the words of the audit log, for example ``node web-1``.
        not_after: aware UTC, what the leaf will have at most.
        authority: id of the authority that will sign.
    """

    identity: SpiffeId
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    principal: str
    not_after: datetime
    authority: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A review plugin's answer.

    Attributes:
        allow: False denies; nothing but a bool is taken.
        reason: why it is denied: one line that callers and logs see, so no secret; 200 characters
            of it are shown.
    """

    allow: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened; no secret is in it.

    Attributes:
        type: an ``EventType``, whose table says which fields it has.
        at: aware UTC, when it happened.
        fields: by name; read-only.
    """

    type: str
    at: datetime
    fields: Mapping[str, str] = field(default_factory=dict)


@hookspec
def ca_provider() -> ProviderPlugin[Any]:  # type: ignore[empty-body] # no body
    """Return this plugin's provider; its name is the entry point's name.

    Asked of the one configured plugin only. Entry-point group ``ca_core.providers``.
    """


@hookspec
def ca_review_issuance(review: IssuanceReview) -> Verdict | None:
    """Allow, deny or have no opinion (None) on a leaf before it is signed.

    Every plugin enabled in ``[plugins] enabled = […]`` is asked; any deny wins. Calls may come from
    several threads. Answer from memory: one that is slow is asked on a thread of its own, one that
    is over its budget three times in a row is switched off.
    """


@hookspec
def ca_event(event: Event) -> None:
    """Observe something that has happened. Errors are logged and change nothing.

    Told in order, one at a time, on a thread of the plugin's own.
    """


def descriptor_of(
    answer: object,
    *,
    origin: PluginOrigin | str,
    served: Sequence[ApiVersion] = SERVED_VERSIONS,
) -> ProviderPlugin[Any]:
    """Return the descriptor in ``answer`` for the newest API version that both sides know.

    Raises:
        PluginAnswerError: ``answer`` is of another type.
        PluginVersionError: no API version of it is served; ``origin`` names the plugin.
    """
    whose = PluginOrigin(name=origin) if isinstance(origin, str) else origin
    newest_last = reversed(_offered(answer, whose))
    offered: dict[int, ProviderPlugin[Any]] = {one.api_version: one for one in newest_last}
    for version in served:
        if version.number in offered:
            return offered[version.number]
    raise PluginVersionError(
        f"written for API version {_listed(reversed(offered))}; this core serves "
        f"{_listed(version.number for version in served)}",
        origin=whose,
        hint="install a release of it for this core, or a core for it",
    )


def _offered(answer: object, whose: PluginOrigin) -> list[ProviderPlugin[Any]]:
    """Return the descriptors in an answer, newest first; a stranger among them is refused."""
    older = answer.older if isinstance(answer, ProviderPlugin) else ()
    offered = [one for one in (answer, *older) if isinstance(one, ProviderPlugin)]
    if len(offered) == 1 + len(older):
        return offered
    stranger = next(one for one in (answer, *older) if not isinstance(one, ProviderPlugin))
    kind = type(stranger).__name__
    raise PluginAnswerError(f"ca_provider() returned {kind}, not ProviderPlugin", origin=whose)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
