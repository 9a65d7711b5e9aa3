"""What a provider author tests with.

- ``ProviderConformance`` is a pytest class that runs every check of the contract on a provider,
  ``run_conformance`` does the same as a call; both take a ``ProviderUnderTest``.
- ``assert_…`` judge single answers in domain words, by the guard's own rules.
- ``FakeClock`` moves by hand, ``SystemClock`` is the machine's (for a live backend);
  ``provider_context`` lends state and secrets in memory.
- ``FaultProxy`` stands before an HTTP backend and spoils requests (``faults`` has what may happen);
  ``FaultyStore`` lends state and secrets that die, or fail, at any ``Moment``.
- ``reference_plugin`` (honest), ``slow_plugin`` (honest, answers everything later) and
  ``chaos_plugin`` (surrounds another and misbehaves) are providers; ``CorporateCA`` signs the CA of
  a provider that waits for an outside signature.
"""

from typing import TYPE_CHECKING, Any

from ca_core.clock import SystemClock
from ca_core.testing import conformance, faults
from ca_core.testing.assertions import (
    assert_authority_is_for,
    assert_chains_to,
    assert_crl_is_by,
    assert_cross_certificate_is_for,
    assert_csr_is_for,
    assert_handshake,
    assert_intermediate_is_for,
    assert_is_ca,
    assert_leaf_is_for,
    assert_path_length,
    assert_refuses,
    assert_same_authority,
    assert_same_signer,
    assert_signed_by,
    assert_signer_is_for,
)
from ca_core.testing.chaos import ChaosProvider, chaos_plugin
from ca_core.testing.clock import FakeClock
from ca_core.testing.conformance import (
    Level,
    Outcome,
    ProviderUnderTest,
    Report,
    Result,
    Violation,
    run_conformance,
)
from ca_core.testing.corporate import CorporateCA
from ca_core.testing.faultproxy import FaultProxy
from ca_core.testing.faultystore import FaultyStore, Moment
from ca_core.testing.lending import MemoryProviderState, MemorySecrets, provider_context
from ca_core.testing.reference import ReferenceProvider, reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend
from ca_core.testing.slow import SlowProvider, slow_plugin
from ca_core.testing.slow_backend import SlowBackend

if TYPE_CHECKING:
    from ca_core.testing.conformance import ProviderConformance

__all__ = [
    "ChaosProvider",
    "CorporateCA",
    "FakeClock",
    "FaultProxy",
    "FaultyStore",
    "Level",
    "MemoryProviderState",
    "MemorySecrets",
    "Moment",
    "Outcome",
    "ProviderConformance",
    "ProviderUnderTest",
    "ReferenceBackend",
    "ReferenceProvider",
    "Report",
    "Result",
    "SlowBackend",
    "SlowProvider",
    "SystemClock",
    "Violation",
    "assert_authority_is_for",
    "assert_chains_to",
    "assert_crl_is_by",
    "assert_cross_certificate_is_for",
    "assert_csr_is_for",
    "assert_handshake",
    "assert_intermediate_is_for",
    "assert_is_ca",
    "assert_leaf_is_for",
    "assert_path_length",
    "assert_refuses",
    "assert_same_authority",
    "assert_same_signer",
    "assert_signed_by",
    "assert_signer_is_for",
    "chaos_plugin",
    "faults",
    "provider_context",
    "reference_plugin",
    "run_conformance",
    "slow_plugin",
]


def __getattr__(name: str) -> Any:
    """Import the pytest class when it is asked for; without pytest everything else works."""
    if name != "ProviderConformance":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return conformance.ProviderConformance
