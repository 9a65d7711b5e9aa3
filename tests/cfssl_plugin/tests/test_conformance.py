"""Every rule of the contract, tried on a real `cfssl serve`: some of them fail."""

from collections.abc import Iterator

import pytest
from cfssl_server import installed, running

from ca_core.contract import KeySpec
from ca_core.testing.conformance import Level, ProviderConformance, ProviderUnderTest


@pytest.fixture(scope="module")
def provider_under_test(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ProviderUnderTest]:
    """Return the provider that is installed as `cfssl`, and a server whose CA is adopted."""
    if not installed():
        pytest.skip("cfssl is not on this machine; `make system-deps` installs it")
    with running(tmp_path_factory.mktemp("cfssl")) as server:
        yield ProviderUnderTest(
            provider="cfssl",
            make_config=lambda address: {
                **server.settings,
                **({"address": address} if address else {}),
            },
            backend=server.url,
            other_config=lambda: {**server.settings, "timeout": "5s"},
            restart=server.restart,
            keys=(KeySpec(),),
        )


class TestCfssl(ProviderConformance):
    """It is red, and has to be: cfssl writes no URI into a certificate."""

    level = Level.L3
