"""Every rule of the contract, tried on the provider that is installed as `example`."""

import pytest

from ca_core.testing import FakeClock
from ca_core.testing.conformance import ProviderConformance, ProviderUnderTest


@pytest.fixture(scope="module")
def provider_under_test() -> ProviderUnderTest:
    """Return the provider, and what the kit may do to it."""
    return ProviderUnderTest(provider="example", make_config=lambda _address: {}, clock=FakeClock())


class TestExample(ProviderConformance):
    """One test for each check."""
