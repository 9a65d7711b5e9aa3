"""Domain values in Consul's words, where the two differ."""

from typing import Any

import msgspec

from ca_core.authority.configuration import common_settings, shown
from ca_core.authority.manager import CAManager
from ca_core.authority.rows import CONFIGURATION
from ca_core.errors import NotReadyError
from ca_core.state.view import View

CONSUL_PROVIDERS = {"builtin": "consul"}
"""On Consul's API our built-in provider has Consul's name for its own."""


COMMON_NAMES = {
    "leaf_ttl": "LeafCertTTL",
    "intermediate_ttl": "IntermediateCertTTL",
    "root_ttl": "RootCertTTL",
    "key_type": "PrivateKeyType",
    "key_bits": "PrivateKeyBits",
    "csr_max_per_second": "CSRMaxPerSecond",
}
"""Our key that all providers share → Consul's spelling."""


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """``/v1/connect/ca/configuration`` as Consul shows it."""

    provider: str = msgspec.field(name="Provider")
    config: dict[str, Any] = msgspec.field(name="Config")
    state: dict[str, str] | None = msgspec.field(name="State", default=None)
    force: bool = msgspec.field(name="ForceWithoutCrossSigning", default=False)
    create_index: int = msgspec.field(name="CreateIndex")
    modify_index: int = msgspec.field(name="ModifyIndex")


def configuration_answer(view: View, manager: CAManager) -> Configuration:
    """Return the configuration that stands, in Consul's spelling, every secret ``<hidden:ID>``.

    Raises:
        NotReadyError: none has been written yet.
    """
    stored, row = view.get(CONFIGURATION, "ca"), manager.configuration
    if stored is None or row is None:
        raise NotReadyError("the CA has not finished initializing: no configuration yet")
    settings, names = common_settings(manager.settings), manager.consul_names
    common = {consul: settings[ours] for ours, consul in COMMON_NAMES.items()}
    own = {names.get(name, name): value for name, value in shown(row).items()}
    return Configuration(
        provider=CONSUL_PROVIDERS.get(row.provider, row.provider),
        config=common | own,
        create_index=stored.created,
        modify_index=stored.version,
    )
