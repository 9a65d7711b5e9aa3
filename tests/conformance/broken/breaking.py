"""What a deliberately broken provider is: honest but for one fault, and the check that names it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ca_core.contract import KeySpec, KeyType, ProviderPlugin
from ca_core.testing import FakeClock
from ca_core.testing.conformance import ProviderUnderTest

QUICK_KEYS = (KeySpec(), KeySpec(KeyType.ED25519))
"""Two families: what a fault does to a pair of them it does to every pair, and RSA is slow."""


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A provider with one fault.

    Attributes:
        name: unique, in kebab case.
        fault: what it does wrong, in one sentence.
        caught_by: ids of exactly the checks that fail; one where that can be had.
        plugin: makes a new descriptor with a backend of its own.
        later: it errs only over time, after a restart, or when several act at once.
        supply: ``FakeClock`` → further arguments of ``ProviderUnderTest`` (reset, restart …); a
            context that ends what it starts belongs into ``plugin``'s backend.
    """

    name: str
    fault: str
    caught_by: frozenset[str]
    plugin: Callable[[], ProviderPlugin[Any]]
    later: bool = False
    supply: Callable[[ProviderPlugin[Any], FakeClock], dict[str, Any]] = field(
        default=lambda _plugin, _clock: {}
    )

    def subject(self) -> ProviderUnderTest:
        """Return a fresh one under test."""
        plugin, clock = self.plugin(), FakeClock()
        arguments = {
            "provider": plugin,
            "make_config": lambda _address: {},
            "clock": clock,
            "keys": QUICK_KEYS,
        }
        return ProviderUnderTest(**(arguments | self.supply(plugin, clock)))
