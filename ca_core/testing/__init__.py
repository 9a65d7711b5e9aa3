"""What a provider author tests with: fakes of what the core lends, and two honest providers.

``FakeClock`` moves by hand; ``provider_context`` lends state and secrets in memory;
``reference_plugin`` and ``slow_plugin`` are providers that need no installation.
"""

from ca_core.testing.clock import FakeClock
from ca_core.testing.lending import MemoryProviderState, MemorySecrets, provider_context
from ca_core.testing.reference import ReferenceProvider, reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend
from ca_core.testing.slow import SlowProvider, slow_plugin
from ca_core.testing.slow_backend import SlowBackend

__all__ = [
    "FakeClock",
    "MemoryProviderState",
    "MemorySecrets",
    "ReferenceBackend",
    "ReferenceProvider",
    "SlowBackend",
    "SlowProvider",
    "provider_context",
    "reference_plugin",
    "slow_plugin",
]
