"""Providers whose leaves are wrong in one way."""

import dataclasses

from ca_core.contract import Provider, ProviderPlugin
from ca_core.identity.leafcsr import leaf_csr, new_leaf_key
from ca_core.testing import ReferenceBackend, ReferenceProvider, reference_plugin
from tests.conformance.broken.breaking import Broken


def reference_with(kind: type[Provider]) -> ProviderPlugin:
    """Return the reference provider's descriptor with another class behind it."""
    backend = ReferenceBackend()
    return dataclasses.replace(
        reference_plugin(backend), create=lambda config, context: kind(config, context, backend)
    )


class OwnLeafKey(ReferenceProvider):
    """Makes the leaf's key itself."""

    def sign_leaf(self, request):
        """Sign another key than the CSR's."""
        own = leaf_csr(new_leaf_key(), request.identity, request.dns_names, request.ip_addresses)
        return super().sign_leaf(dataclasses.replace(request, csr=own))


BROKEN = (
    Broken(
        name="own-leaf-key",
        fault="signs a key of its own instead of the CSR's",
        caught_by=frozenset({"leaf.key"}),
        plugin=lambda: reference_with(OwnLeafKey),
    ),
)
