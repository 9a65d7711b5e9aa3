"""What an author hands to the conformance kit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ca_core.contract import KeySpec, KeyType, ProviderPlugin
from ca_core.testing.clock import FakeClock
from ca_core.testing.conformance.words import Need

DEFAULT_KEYS = (KeySpec(), KeySpec(KeyType.RSA, 2048), KeySpec(KeyType.ED25519))
"""One key of each family: every pair of them is cross-signed and signs leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderUnderTest:
    """A provider, and what the kit may do to it. Only ``provider`` and ``make_config`` must be.

    A check that needs something left out is *not run*, and says what it needs.

    Attributes:
        provider: the entry point's name, or a descriptor that is not installed.
        make_config: ``address`` → the raw configuration, as it stands in ``[ca.config]``. The
            address is None, or the URL of the kit's fault proxy, which stands in for ``backend``.
            Called for each check. A provider that adopts a CA needs one that is alive at
            ``clock``'s time: make a new one each time, or leave ``clock`` out.
        other_config: as ``make_config`` without an address: another configuration of the same
            backend, to which an operator might change while authorities are at work.
        backend: URL of the backend (``http://127.0.0.1:8200``), for the fault proxy to forward to;
            None for a provider without one, or one that is not reached by HTTP.
        reset: empties the backend; nothing of earlier checks is left.
        restart: stops and starts the backend; what was durable is still there.
        clock: moves the provider's time and its backend's. Leave it out if the backend looks at
            the machine's clock; time travel is then not run.
        count_objects: how many of each kind of object the backend holds, for example
            ``{"keys": 3, "issuers": 2}``; for leak checks.
        keys: the CA keys that this backend can make, the usual one first.
        known_deviations: check id → why it fails and where that is tracked. Strict: such a check
            that passes counts as failed.
    """

    provider: str | ProviderPlugin[Any]
    make_config: Callable[[str | None], Mapping[str, Any]] = field(repr=False)
    other_config: Callable[[], Mapping[str, Any]] | None = field(default=None, repr=False)
    backend: str | None = None
    reset: Callable[[], None] | None = field(default=None, repr=False)
    restart: Callable[[], None] | None = field(default=None, repr=False)
    clock: FakeClock | None = None
    count_objects: Callable[[], Mapping[str, int]] | None = field(default=None, repr=False)
    keys: tuple[KeySpec, ...] = DEFAULT_KEYS
    known_deviations: Mapping[str, str] = field(default_factory=dict)

    @property
    def supplied(self) -> frozenset[Need]:
        """Return the optional parts that are there."""
        return frozenset(need for need in Need if getattr(self, need.value) is not None)

    @property
    def name(self) -> str:
        """Return the provider's name; of a descriptor that is not installed, its description."""
        if isinstance(self.provider, str):
            return self.provider
        return self.provider.description or "unnamed"
