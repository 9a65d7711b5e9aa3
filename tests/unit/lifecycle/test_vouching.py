"""Whether the old root can vouch for the new one, as a plan says and the change then does."""

from dataclasses import replace

import pytest

from ca_core.contract.capabilities import Capability
from ca_core.lifecycle.rows import OperationPhase
from ca_core.testing.reference import ReferenceProvider, reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend
from tests.unit.lifecycle.planroom import STANDING, living


def able(more=frozenset(), less=frozenset()):
    """Return a descriptor of a reference provider that can do more or less than others."""
    backend, plugin = ReferenceBackend(), reference_plugin()

    def create(config, context):
        provider = ReferenceProvider(config, context, backend)
        provider.capabilities = (provider.capabilities | more) - less
        return provider

    return replace(plugin, create=create)


NEEDS = frozenset({Capability.CROSS_SIGN_NEEDS_CSR})
CROSSES = frozenset({Capability.CROSS_SIGN})
GIVES = frozenset({Capability.CROSS_SIGN_CSR})


@pytest.mark.parametrize(
    ("old", "new", "crosses", "why"),
    [
        (able(), able(), True, ""),
        (able(), able(less=GIVES), True, ""),
        (able(NEEDS), able(), True, ""),
        (able(NEEDS), able(less=GIVES), False, "needs a CSR"),
        (able(less=CROSSES), able(), False, "does not cross-sign"),
    ],
)
async def test_the_plan_says_what_becomes_of_the_cross_signature(old, new, crosses, why):
    """By what both can do: the old one signs, the new one may have to ask."""
    async with living("n1", plugin=old, other=new) as room:
        wanted = replace(STANDING, provider="other")
        found = await room.plan(wanted)
        assert found.cross_signed is crosses
        assert any(why in text for text in found.warnings) or not why
        lacks = found.missing_capabilities
        assert ("cross-sign-csr" in lacks) == (why == "needs a CSR")
        done = await room.applied(wanted)
        assert (done.phase, done.crossed) == (OperationPhase.ACTIVE, crosses), done
