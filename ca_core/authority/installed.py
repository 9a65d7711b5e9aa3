"""What is installed, read from metadata: every package for itself, importing nothing."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata

from ca_core.contract.plugin import PLUGIN_GROUP, PROVIDER_GROUP
from ca_core.errors import PluginOrigin

GROUPS = (PROVIDER_GROUP, PLUGIN_GROUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPlugin(PluginOrigin):
    """What metadata says of a plugin; ``group`` is the group of its entry point."""

    group: str = PROVIDER_GROUP


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Entry points of our groups, and the packages whose metadata cannot be read.

    Attributes:
        entry_points: in the order of ``sys.path``; of two copies of a package, the first counts.
        unreadable: one sentence for each package that was left out.
    """

    entry_points: tuple[metadata.EntryPoint, ...]
    unreadable: tuple[str, ...] = ()


def found_plugins() -> Found:
    """Return what this environment has; one broken package hides no other."""
    entry_points: dict[str, tuple[metadata.EntryPoint, ...]] = {}
    unreadable: list[str] = []
    for distribution in metadata.distributions():
        try:
            ours = tuple(_ours(distribution.entry_points))
            entry_points.setdefault(package_name(distribution.name), ours)
        except Exception as error:  # noqa: BLE001 - whatever a package's files can make of parsing
            unreadable.append(f"{_folder(distribution)}: {type(error).__name__} in its metadata")
    every = tuple(entry for entries in entry_points.values() for entry in entries)
    return Found(entry_points=every, unreadable=tuple(unreadable))


def described(entry: metadata.EntryPoint) -> InstalledPlugin:
    """Return what metadata says of one entry point."""
    distribution = entry.dist
    return InstalledPlugin(
        name=entry.name,
        distribution=distribution.name if distribution else "unknown",
        version=distribution.version if distribution else "unknown",
        entry_point=entry.value,
        group=entry.group,
    )


def package_name(name: str) -> str:
    """Return a package's name as packages are compared. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _ours(entries: Iterable[metadata.EntryPoint]) -> Iterator[metadata.EntryPoint]:
    return (entry for entry in entries if entry.group in GROUPS)


def _folder(distribution: metadata.Distribution) -> str:
    return str(getattr(distribution, "_path", "a package"))
