"""Finding providers: metadata for all of them, code for the configured one only."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import pluggy

from ca_core.contract import plugin as hooks
from ca_core.contract.plugin import PROJECT, PROVIDER_GROUP, ProviderPlugin, descriptor_of
from ca_core.errors import ConfigError
from ca_core.fields import nearest_hint

ALIASES = {"consul": "builtin"}
"""Consul's name for its own provider means our built-in one, on Consul's API and in files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPlugin:
    """What metadata says of a provider; nothing of it was imported.

    Attributes:
        name: the entry point's name, which is the provider's name.
        distribution: the package that brings it.
        version: that package's version.
        entry_point: ``module`` or ``module:attribute``.
    """

    name: str
    distribution: str
    version: str
    entry_point: str

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version}, {self.entry_point})"


class Registry:
    """The providers of this environment, by name.

    ``extra`` adds descriptors that need no installation: tests and programs that embed the core.
    """

    def __init__(
        self,
        *,
        entry_points: Iterable[metadata.EntryPoint] | None = None,
        extra: dict[str, ProviderPlugin[Any]] | None = None,
    ) -> None:
        self._extra = dict(extra or {})
        self._entry_points = tuple(
            metadata.entry_points(group=PROVIDER_GROUP) if entry_points is None else entry_points
        )

    def installed(self) -> tuple[InstalledPlugin, ...]:
        """Return every provider found, by name; importing nothing."""
        found = (_described(entry) for entry in self._entry_points)
        return tuple(sorted(found, key=lambda plugin: (plugin.name, plugin.distribution)))

    def get(self, name: str) -> ProviderPlugin[Any]:
        """Import the one plugin called ``name`` and return its descriptor.

        Raises:
            ConfigError: unknown (lists what is installed), twice installed (names both), its import
                failed, it implements an unknown hook, it returned something else, or it needs
                another API version. Each names plugin, distribution, version and entry point.
        """
        name = ALIASES.get(name, name)
        if name in self._extra:
            return self._extra[name]
        entry = self._entry(name)
        origin = str(_described(entry))
        return descriptor_of(_asked(entry, origin), origin=origin)

    def _entry(self, name: str) -> metadata.EntryPoint:
        found = [entry for entry in self._entry_points if entry.name == name]
        if len(found) > 1:
            owners = " and ".join(str(_described(entry)) for entry in found)
            raise ConfigError(f"two distributions offer {name!r}: {owners}", where="ca.provider")
        if not found:
            known = {entry.name for entry in self._entry_points} | set(self._extra)
            raise ConfigError(
                f"no provider {name!r} is installed{nearest_hint(name, known)}",
                where="ca.provider",
                hint="`ca-core provider list` shows what is installed",
            )
        return found[0]


def _described(entry: metadata.EntryPoint) -> InstalledPlugin:
    distribution = entry.dist
    return InstalledPlugin(
        name=entry.name,
        distribution=distribution.name if distribution else "unknown",
        version=distribution.version if distribution else "unknown",
        entry_point=entry.value,
    )


def _asked(entry: metadata.EntryPoint, origin: str) -> object:
    """Return what the plugin's ``ca_provider`` hook answers, asking nobody else."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hooks)
    try:
        manager.register(entry.load(), name=entry.name)
        manager.check_pending()
        answers: list[object] = manager.hook.ca_provider()
    except Exception as error:
        raise ConfigError(
            f"{origin}: cannot be loaded: {type(error).__name__}: {error}", where="plugin"
        ) from error
    if len(answers) != 1:
        raise ConfigError(f"{origin}: does not implement ca_provider()", where="plugin")
    return answers[0]
