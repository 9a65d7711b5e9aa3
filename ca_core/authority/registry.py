"""Finding plugins: metadata for all of them, code for those that are configured only."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import pluggy

from ca_core.authority.installed import Found, InstalledPlugin, described, found_plugins
from ca_core.authority.loading import fault_of, imported, registered
from ca_core.authority.plugintrace import PluginTrace, log
from ca_core.contract.plugin import (
    PLUGIN_GROUP,
    PROVIDER_GROUP,
    SERVED_VERSIONS,
    ApiVersion,
    ProviderPlugin,
    descriptor_of,
)
from ca_core.errors import (
    PluginDuplicateError,
    PluginHookError,
    PluginImportError,
    PluginOrigin,
    PluginUnknownError,
)
from ca_core.fields import nearest_hint
from ca_core.structs import make_known

__all__ = ["ALIASES", "Admit", "HookPlugin", "InstalledPlugin", "Registry"]

Admit = Callable[[metadata.EntryPoint | None, PluginOrigin], None]
"""Raises ``PluginError`` if a provider may not be imported; None stands for one in ``extra``."""

ALIASES = {"consul": "builtin"}
"""Consul's name for its own provider means our built-in one, on Consul's API and in files."""

OWN_NAMES = {"builtin": "ca-core", "chaos": "ca-core"}
"""Names of our own plugins → the distribution that brings them; a stranger's claim is void."""

_WHERE = {PROVIDER_GROUP: "ca.provider", PLUGIN_GROUP: "plugins.enabled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HookPlugin:
    """A plugin of the broadcast hooks, imported: who it is, and a manager that knows it alone.

    ``is_traced`` says that its hook calls are told in the log, so that none may bypass the manager.
    """

    origin: PluginOrigin
    manager: pluggy.PluginManager
    is_traced: bool = False

    @property
    def name(self) -> str:
        """Return the entry point's name."""
        return self.origin.name

    @property
    def reviews(self) -> bool:
        """Say whether it implements ``ca_review_issuance``."""
        return bool(self.manager.hook.ca_review_issuance.get_hookimpls())

    @property
    def observes(self) -> bool:
        """Say whether it implements ``ca_event``."""
        return bool(self.manager.hook.ca_event.get_hookimpls())


class Registry:
    """The plugins of this environment, by name.

    Args:
        entry_points: of both groups; those installed here if None.
        extra: provider descriptors that need no installation, for tests and programs that embed the
            core.
        extra_hooks: the same for plugins of the broadcast hooks: modules or objects, by name.
        served: the API versions this core serves, newest first.
        trace: tells of imports and hook calls, or None.
    """

    def __init__(
        self,
        *,
        entry_points: Sequence[metadata.EntryPoint] | None = None,
        extra: Mapping[str, ProviderPlugin[Any]] | None = None,
        extra_hooks: Mapping[str, object] | None = None,
        served: Sequence[ApiVersion] = SERVED_VERSIONS,
        trace: PluginTrace | None = None,
    ) -> None:
        self._extra = dict(extra or {})
        self._extra_hooks = dict(extra_hooks or {})
        self._served = tuple(served)
        self._trace = trace
        self._found = (
            found_plugins() if entry_points is None else Found(entry_points=tuple(entry_points))
        )
        self._descriptors: dict[str, ProviderPlugin[Any]] = {}
        self._admit: Admit = _admit_everyone

    def demanding(self, admit: Admit) -> "Registry":
        """Return the same registry, except that it asks ``admit`` before it imports a provider."""
        demanding = copy.copy(self)
        demanding._admit = admit  # noqa: SLF001 - another of this class
        demanding._descriptors = {}  # noqa: SLF001 - what was imported before was not asked for
        return demanding

    def installed(self) -> tuple[InstalledPlugin, ...]:
        """Return every provider found, by name; importing nothing."""
        return self._of(PROVIDER_GROUP)

    def installed_hooks(self) -> tuple[InstalledPlugin, ...]:
        """Return every plugin of the broadcast hooks, by name; importing nothing."""
        return self._of(PLUGIN_GROUP)

    def unreadable(self) -> tuple[str, ...]:
        """Return a sentence for each package whose metadata cannot be read."""
        return self._found.unreadable

    def get(self, name: str) -> ProviderPlugin[Any]:
        """Import the one provider called ``name`` and return its descriptor.

        Of the API versions it offers, the newest that this core serves is taken; one that is
        deprecated is logged once.

        Raises:
            PluginError: unknown (lists what is installed), twice installed (names both), its import
                failed, it implements an unknown hook, it returned something else, or it needs
                another API version; or it is not admitted. Each names plugin, distribution, version
                and entry point.
        """
        name = ALIASES.get(name, name)
        if name in self._extra:
            self._admit(None, PluginOrigin(name=name))
            return self._extra[name]
        if name not in self._descriptors:
            self._descriptors[name] = self._loaded_provider(name)
        return self._descriptors[name]

    def origin(self, name: str) -> InstalledPlugin:
        """Return whose the one provider called ``name`` is; importing nothing.

        Raises:
            PluginError: unknown, or twice installed.
        """
        return described(self._entry(ALIASES.get(name, name), PROVIDER_GROUP))

    def check_admitted(self, name: str) -> None:
        """Return if the provider called ``name`` may be imported; import nothing.

        Raises:
            PluginError: unknown, twice installed, or not admitted.
        """
        name = ALIASES.get(name, name)
        if name in self._extra:
            self._admit(None, PluginOrigin(name=name))
        else:
            entry = self._entry(name, PROVIDER_GROUP)
            self._admit(entry, described(entry))

    def hook_plugin(self, name: str) -> HookPlugin:
        """Import the one plugin of the broadcast hooks called ``name``.

        Raises:
            PluginError: as ``get``; or it implements neither hook.
        """
        if name in self._extra_hooks:
            origin = PluginOrigin(name=name)
            return self._hook_plugin(self._extra_hooks[name], origin)
        entry = self._entry(name, PLUGIN_GROUP)
        origin = described(entry)
        found = self._hook_plugin(imported(entry, origin, self._trace), origin)
        make_known(_package(entry))
        return found

    def _hook_plugin(self, plugin: object, origin: PluginOrigin) -> HookPlugin:
        manager = registered(plugin, origin, trace=self._trace)
        found = HookPlugin(origin=origin, manager=manager, is_traced=self._trace is not None)
        if not found.reviews and not found.observes:
            fault = "implements neither ca_review_issuance() nor ca_event()"
            raise PluginHookError(fault, origin=origin)
        return found

    def _loaded_provider(self, name: str) -> ProviderPlugin[Any]:
        entry = self._entry(name, PROVIDER_GROUP)
        origin = described(entry)
        self._admit(entry, origin)
        plugin = imported(entry, origin, self._trace)
        answer = _asked(registered(plugin, origin, trace=self._trace), origin)
        descriptor = descriptor_of(answer, origin=origin, served=self._served)
        self._warn_if_deprecated(descriptor.api_version, origin)
        make_known(_package(entry))
        return descriptor

    def _warn_if_deprecated(self, number: int, origin: PluginOrigin) -> None:
        served = next(version for version in self._served if version.number == number)
        if served.deprecated:
            log.warning("%s uses API version %d: %s", origin, number, served.deprecated)

    def _of(self, group: str) -> tuple[InstalledPlugin, ...]:
        found = (described(entry) for entry in self._found.entry_points if entry.group == group)
        return tuple(sorted(found, key=lambda plugin: (plugin.name, plugin.distribution)))

    def _entry(self, name: str, group: str) -> metadata.EntryPoint:
        entries = [entry for entry in self._found.entry_points if entry.group == group]
        found = _owned([entry for entry in entries if entry.name == name], name)
        if len(found) > 1:
            owners = [described(entry) for entry in found]
            raise PluginDuplicateError(name, owners=owners, where=_WHERE[group])
        if not found:
            extra = self._extra if group == PROVIDER_GROUP else self._extra_hooks
            raise _unknown(name, group, {entry.name for entry in entries} | set(extra))
        return found[0]


def _package(entry: metadata.EntryPoint) -> str:
    return entry.module.partition(".")[0]


def _admit_everyone(_entry: metadata.EntryPoint | None, _origin: PluginOrigin) -> None:
    """Nothing is demanded."""


def _owned(found: list[metadata.EntryPoint], name: str) -> list[metadata.EntryPoint]:
    """Leave out strangers that claim a name of ours: they must neither stop nor replace it."""
    owner = OWN_NAMES.get(name)
    ours = [entry for entry in found if owner and entry.dist and entry.dist.name == owner]
    return ours or found


def _unknown(name: str, group: str, known: set[str]) -> PluginUnknownError:
    kind = "provider" if group == PROVIDER_GROUP else "plugin"
    return PluginUnknownError(
        f"no {kind} {name!r} is installed{nearest_hint(name, known)}",
        name=name,
        known=sorted(known),
        where=_WHERE[group],
    )


def _asked(manager: pluggy.PluginManager, origin: PluginOrigin) -> object:
    """Return what the plugin's ``ca_provider`` hook answers."""
    try:
        answers: list[object] = manager.hook.ca_provider()
    except (Exception, SystemExit) as error:
        fault = f"ca_provider() raised {fault_of(error)}"
        raise PluginImportError(fault, origin=origin) from error
    if len(answers) != 1:
        raise PluginHookError("does not implement ca_provider()", origin=origin)
    return answers[0]
