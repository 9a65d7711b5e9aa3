"""What a provider author tests with: fakes of what the core lends, and two honest providers.

``FakeClock`` moves by hand; ``provider_context`` lends state and secrets in memory;
``reference_plugin`` and ``slow_plugin`` are providers that need no installation.
"""

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
from ca_core.testing.lending import MemoryProviderState, MemorySecrets, provider_context
from ca_core.testing.reference import ReferenceProvider, reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend
from ca_core.testing.slow import SlowProvider, slow_plugin
from ca_core.testing.slow_backend import SlowBackend

__all__ = [
    "ChaosProvider",
    "FakeClock",
    "MemoryProviderState",
    "MemorySecrets",
    "ReferenceBackend",
    "ReferenceProvider",
    "SlowBackend",
    "SlowProvider",
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
    "provider_context",
    "reference_plugin",
    "slow_plugin",
]
