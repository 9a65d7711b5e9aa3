"""Configuration keys in Consul's spelling: from its API to ours; pure."""

from collections.abc import Mapping
from typing import Any

from ca_core.api.answers import COMMON_NAMES, CONSUL_PROVIDERS
from ca_core.contract.plugin import ProviderPlugin
from ca_core.errors import RequestError

_OURS = {consul: ours for ours, consul in CONSUL_PROVIDERS.items()}
_COMMON = {consul.casefold(): ours for ours, consul in COMMON_NAMES.items()}

_WITHOUT_EFFECT = {"rotationperiod", "csrmaxconcurrent", "skipvalidate"}
"""Consul's own keys that mean nothing here; all but the first must be off."""


def provider_named(name: str) -> str:
    """Return our name of a provider: Consul's built-in one is called ``consul``."""
    return _OURS.get(name, name)


def section_from(
    provider: str, config: Mapping[str, Any], plugin: ProviderPlugin[Any]
) -> dict[str, Any]:
    """Return a ``[ca]`` section in our spelling, of what is in ``config``.

    Consul's spelling is taken in upper and lower case alike, as Consul takes it; ours is taken too.

    Args:
        provider: our name of it.
        config: ``Config`` of Consul's API.
        plugin: knows Consul's spelling of its own keys.

    Raises:
        RequestError: a key is there twice, or means something that is not done here.
    """
    names = {consul.casefold(): ours for ours, consul in plugin.consul_names.items()}
    properties = (plugin.schema or {}).get("properties", {})
    own: dict[str, Any] = {}
    section: dict[str, Any] = {"provider": provider, "config": own}
    for spelled, value in config.items():
        folded = spelled.casefold()
        if folded in _WITHOUT_EFFECT:
            _refuse_effect(spelled, value)
        elif folded in _COMMON:
            _put(section, _COMMON[folded], value, spelled)
        else:
            key = names.get(folded, spelled)
            _put(own, key, _nested(value, properties.get(key)), spelled)
    return section


def field_named(where: str, plugin: ProviderPlugin[Any]) -> str:
    """Return where a dotted key of ours stands in the request: ``Config.LeafCertTTL``."""
    key, _, rest = where.removeprefix("ca.").partition(".")
    if key == "config" and rest:
        first, dot, below = rest.partition(".")
        return f"Config.{plugin.consul_names.get(first, first)}{dot}{below}"
    whole = {"provider": "Provider", "config": "Config"}
    return whole.get(key) or f"Config.{COMMON_NAMES.get(key, key)}"


def _put(target: dict[str, Any], key: str, value: Any, spelled: str) -> None:
    if key in target:
        raise RequestError("is there twice, in two spellings", field=f"Config.{spelled}")
    target[key] = value


def _refuse_effect(spelled: str, value: Any) -> None:
    if value and spelled.casefold() != "rotationperiod":
        raise RequestError("has no meaning here; leave it out", field=f"Config.{spelled}")


def _nested(value: Any, node: Any) -> Any:
    """Return a nested value with its keys in our spelling, as far as the schema names them."""
    properties = _properties(node)
    if not isinstance(value, Mapping) or not properties:
        return value
    names = {_joined(ours): ours for ours in properties}
    found: dict[str, Any] = {}
    for spelled, inner in value.items():
        key = names.get(_joined(str(spelled)), str(spelled))
        _put(found, key, _nested(inner, properties.get(key)), key)
    return found


def _joined(name: str) -> str:
    return name.replace("_", "").casefold()


def _properties(node: Any) -> Mapping[str, Any]:
    """Return the properties of an object in a schema, also where it may be absent."""
    match node:
        case {"properties": Mapping() as properties}:
            return properties
        case {"anyOf": [*choices]}:
            return next((found for choice in choices if (found := _properties(choice))), {})
        case _:
            return {}
