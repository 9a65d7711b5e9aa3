"""What ``provider list`` shows: both groups from metadata, and which of them are in use."""

import os
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from ca_core.authority.installed import InstalledPlugin
from ca_core.authority.plugintrace import trace_wanted_by
from ca_core.authority.registry import ALIASES, Registry
from ca_core.config import Config, find_config_file, load_config
from ca_core.errors import ConfigError
from ca_core.telemetry.logs import set_up_logging

PROVIDER, HOOKS = "provider", "hooks"

TITLES = {
    PROVIDER: "Providers, for [ca] provider = NAME:",
    HOOKS: "\nHook plugins, for [plugins] enabled = [NAME, …]:",
}
"""Kind of plugin → what stands above its table."""

COLUMNS = ("NAME", "USED", "PACKAGE", "VERSION", "ENTRY POINT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One installed plugin; ``used`` is None if the configuration cannot be read."""

    kind: str
    plugin: InstalledPlugin
    used: bool | None

    def as_json(self) -> dict[str, object]:
        """Return what programs get; see ``ca_core.cli.answers``."""
        return {
            "Name": self.plugin.name,
            "Package": self.plugin.distribution,
            "Version": self.plugin.version,
            "EntryPoint": self.plugin.entry_point,
            "Kind": self.kind,
            "Used": self.used,
        }

    def cells(self) -> tuple[str, ...]:
        """Return what people see."""
        used = {True: "yes", False: "-", None: "?"}[self.used]
        one = self.plugin
        return (one.name, used, one.distribution, one.version, one.entry_point)


def listed(file: Path | None) -> tuple[Row, ...]:
    """Return every installed plugin, providers first, each group by name; importing nothing.

    Raises:
        ConfigError: ``file`` was named and cannot be read.
    """
    config, registry = _config(file), Registry()

    def row(kind: str, plugin: InstalledPlugin, wanted: Container[str]) -> Row:
        return Row(kind=kind, plugin=plugin, used=None if config is None else plugin.name in wanted)

    provider = config.ca.provider if config else ""
    enabled = config.plugins.enabled if config else ()
    return (
        *(row(PROVIDER, one, {ALIASES.get(provider, provider)}) for one in registry.installed()),
        *(row(HOOKS, one, enabled) for one in registry.installed_hooks()),
    )


def traced_registry() -> Registry:
    """Return the registry; with ``CA_CORE_TRACE_PLUGINS=1`` it tells on standard error."""
    trace = trace_wanted_by(os.environ)
    if trace:
        set_up_logging("info", "text")
    return Registry(trace=trace)


def _config(file: Path | None) -> Config | None:
    """Return the configuration; a list must not fail because of a file that nobody named."""
    try:
        return load_config(find_config_file(file))
    except ConfigError:
        if file is not None:
            raise
        return None
