"""The CA configuration that stands in the store: secrets apart, hidden when shown.

The store is the truth after the first start; the file seeds it. A secret value is replaced by
``{"secret": NAME}``; the value itself lies in the secret store under that name.
"""

import hashlib
from typing import Any, Protocol
from uuid import uuid4

import msgspec

from ca_core.authority.registry import Registry
from ca_core.authority.rows import (
    AUTHORITIES,
    CONFIGURATION,
    CONFIGURATION_TOPIC,
    CONFIGURATIONS,
    ConfigurationRow,
    authorities,
    decoded,
    encoded,
    put,
)
from ca_core.authority.settings import CASettings
from ca_core.contract.plugin import ProviderPlugin
from ca_core.durations import format_duration, parse_duration
from ca_core.errors import UnavailableError
from ca_core.fields import Secret, json_in_clear
from ca_core.identity.keys import KeySpec, KeyType
from ca_core.state.protocol import Transaction
from ca_core.state.store import Store
from ca_core.state.view import View

_DURATIONS = ("leaf_ttl", "root_ttl", "intermediate_ttl")


class Secrets(Protocol):
    """What this module needs of the secret store."""

    def get(self, name: str) -> bytes | None:
        """Return the secret, or None."""
        ...

    def create(self, name: str, value: bytes) -> bytes:
        """Keep the secret if the name is free; return the one that stands."""
        ...


def seeded(
    store: Store, secrets: Secrets, settings: CASettings, registry: Registry
) -> ConfigurationRow:
    """Return the configuration that stands, writing ``settings`` if none does. Blocks.

    Raises:
        ConfigError: it is the first start, and the provider is unknown or refuses its
            configuration.
        UnavailableError: the store cannot be written, or a key-encryption key is missing.
    """
    if store.snapshot.get(CONFIGURATION, "ca") is None:
        row = row_of(settings, registry, secrets)
        store.create(CONFIGURATION, "ca", encoded(row), topics=(CONFIGURATION_TOPIC,))
    store.update(_numbered)
    return decoded(ConfigurationRow, store.snapshot.table(CONFIGURATION)["ca"].value)


def row_of(
    settings: CASettings, registry: Registry, secrets: Secrets, *, file_digest: str | None = None
) -> ConfigurationRow:
    """Return a configuration as it is stored, under a new id; its secrets are set aside. Blocks.

    Args:
        settings: the configuration, secrets in clear.
        registry: knows the provider.
        secrets: where secrets are kept.
        file_digest: of the file applied last; None if these settings are what stands in it.

    Raises:
        ConfigError: the provider is unknown or refuses its configuration.
        UnavailableError: a secret cannot be written.
    """
    plugin = registry.get(settings.provider)
    plugin.parse_config(settings.config)
    row = _row_of(settings, plugin, secrets)
    if file_digest is None:
        return row
    return msgspec.structs.replace(row, file_digest=file_digest)


def _numbered(view: View) -> Transaction | None:
    """Keep the configuration that stands under its id too, where authorities find theirs."""
    stored = view.table(CONFIGURATION)["ca"]
    row = decoded(ConfigurationRow, stored.value)
    if row.id and view.get(CONFIGURATIONS, row.id) is not None:
        return None
    row = msgspec.structs.replace(row, id=row.id or new_configuration_id())
    changes = [put(CONFIGURATION, "ca", row), put(CONFIGURATIONS, row.id, row)]
    changes += [
        put(AUTHORITIES, authority.id, msgspec.structs.replace(authority, configuration=row.id))
        for authority in authorities(view)
        if not authority.configuration
    ]
    return Transaction(changes=tuple(changes), expect={(CONFIGURATION, "ca"): stored.version})


def new_configuration_id() -> str:
    """Return a fresh id for a configuration."""
    return f"config-{uuid4().hex[:16]}"


def settings_of(row: ConfigurationRow) -> CASettings:
    """Return the settings of a stored configuration, without the provider's own keys."""
    common: dict[str, Any] = dict(row.settings)
    key = KeySpec(KeyType(common.pop("key_type")), common.pop("key_bits"))
    for name in _DURATIONS:
        common[name] = parse_duration(common[name], field=name)
    return CASettings(provider=row.provider, key=key, **common)


def provider_config(row: ConfigurationRow, secrets: Secrets) -> dict[str, object]:
    """Return the provider's own keys with their secrets put back: for the provider, nobody else.

    Raises:
        UnavailableError: a secret or its key-encryption key is missing.
    """
    return {name: _revealed(value, secrets) for name, value in row.config.items()}


def shown(row: ConfigurationRow) -> dict[str, object]:
    """Return the provider's keys as anybody may see them: a secret is ``<hidden:ID>``."""
    return {name: _hidden(value) for name, value in row.config.items()}


def digest_of(settings: CASettings) -> str:
    """Return the SHA-256 of a configuration as read; tells whether the file has drifted."""
    own = {"provider": settings.provider, "config": json_in_clear(settings.config)}
    plain = own | common_settings(settings)
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


def _row_of(
    settings: CASettings, plugin: ProviderPlugin[Any], secrets: Secrets
) -> ConfigurationRow:
    hidden = plugin.secret_keys()
    config = {
        name: _set_aside(name, value, secrets)
        if name in hidden or isinstance(value, Secret)
        else value
        for name, value in settings.config.items()
    }
    return ConfigurationRow(
        provider=settings.provider,
        config=config,
        settings=common_settings(settings),
        file_digest=digest_of(settings),
        id=new_configuration_id(),
    )


def common_settings(settings: CASettings) -> dict[str, object]:
    """Return what is common to all providers as JSON values, by the keys of the file."""
    return {name: format_duration(getattr(settings, name)) for name in _DURATIONS} | {
        "key_type": settings.key.type.value,
        "key_bits": settings.key.bits,
        "csr_max_per_second": float(settings.csr_max_per_second),
        "trust_corporate_root": settings.trust_corporate_root,
        "strict_key_usage": settings.strict_key_usage,
    }


def _set_aside(name: str, value: object, secrets: Secrets) -> dict[str, object]:
    raw = msgspec.json.encode(json_in_clear(value))
    place = f"configuration/{name}/{hashlib.sha256(raw).hexdigest()[:16]}"
    secrets.create(place, raw)
    return {"secret": place}


def _revealed(value: object, secrets: Secrets) -> object:
    match value:
        case {"secret": str(place)}:
            raw = secrets.get(place)
            if raw is None:
                raise UnavailableError(f"the configuration's secret {place!r} is missing")
            return msgspec.json.decode(raw)
        case _:
            return value


def _hidden(value: object) -> object:
    match value:
        case {"secret": str(place)}:
            return f"<hidden:{place.rpartition('/')[2]}>"
        case _:
            return value
