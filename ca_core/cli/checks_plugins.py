"""``doctor`` on every installed plugin: each is imported in a child process of its own."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from ca_core.authority.installed import InstalledPlugin
from ca_core.authority.registry import ALIASES, OWN_NAMES, Registry
from ca_core.cli.checkup import Check, Level, Situation
from ca_core.cli.probing import Trial
from ca_core.errors import ConfigError, Error

Look = tuple[Level, str, str]

AT_ONCE = 2
"""Children at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """A name in one group, how the child tries it, and whether this configuration uses it."""

    name: str
    how: str
    used: bool

    def look(self, situation: Situation) -> Look:
        """Import it; only one that is used makes the installation unfit."""
        trial = Trial(
            name=self.name, how=(self.how,), limit=situation.plugin_limit, environment=os.environ
        )
        try:
            trial.done()
        except Error as error:
            level = Level.FAILURE if self.used else Level.WARNING
            return level, str(error), error.hint or "see the message"
        return Level.OK, "enabled, and can be imported" if self.used else "can be imported", ""


def plugin_checks(situation: Situation, registry: Registry) -> tuple[Check, ...]:
    """Return a check for every plugin that is installed or enabled, the configured provider aside.

    The plugins are tried side by side, now; each check then tells what was found.
    """
    subjects = (*_providers(situation, registry), *_hooks(situation, registry))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        looks = list(pool.map(lambda subject: subject.look(situation), subjects))
    imports = (
        Check("plugins", subject.name, partial(_as_found, look))
        for subject, look in zip(subjects, looks, strict=True)
    )
    return (*imports, *_claims(registry), *_unreadable(registry))


def _providers(situation: Situation, registry: Registry) -> Iterator[_Subject]:
    installed = {plugin.name for plugin in registry.installed()}
    for name in sorted(installed - _tried_elsewhere(situation)):
        yield _Subject(name=name, how="--import-only", used=False)


def _tried_elsewhere(situation: Situation) -> frozenset[str]:
    """Return the configured provider, as far as that is understood."""
    if isinstance(situation.loaded, ConfigError):
        return frozenset()
    provider = situation.loaded.ca.provider
    return frozenset({ALIASES.get(provider, provider)})


def _hooks(situation: Situation, registry: Registry) -> Iterator[_Subject]:
    loaded = situation.loaded
    enabled = set() if isinstance(loaded, ConfigError) else set(loaded.plugins.enabled)
    for name in sorted({plugin.name for plugin in registry.installed_hooks()} | enabled):
        yield _Subject(name=name, how="--hooks", used=name in enabled)


def _as_found(look: Look, _situation: Situation) -> Look:
    return look


def _claims(registry: Registry) -> Iterator[Check]:
    """Yield a warning for each stranger that claims a name of ours."""
    for plugin in registry.installed():
        if OWN_NAMES.get(plugin.name, plugin.distribution) != plugin.distribution:
            yield Check("plugins", plugin.name, partial(_as_found, _claimed(plugin)))


def _claimed(plugin: InstalledPlugin) -> Look:
    text = f"{plugin} claims a name that is ours; it is ignored"
    return Level.WARNING, text, f"uninstall {plugin.distribution}, or ask its author to rename it"


def _unreadable(registry: Registry) -> Iterator[Check]:
    for sentence in registry.unreadable():
        hint = "install that package again, or uninstall it"
        look = (Level.WARNING, sentence, hint)
        yield Check("plugins", "metadata", partial(_as_found, look))
