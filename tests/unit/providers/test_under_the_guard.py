"""The guard trusts no provider, and finds nothing wrong with these three."""

import logging

import pytest

from ca_core.authority.guard import GuardedProvider
from ca_core.contract import (
    Capability,
    InstallRequest,
    KeySpec,
    KeyType,
    PendingError,
    Role,
    load_csr,
)
from ca_core.identity.keys import ALL_KEY_SPECS
from ca_core.testing.lending import TRUST_DOMAIN
from tests.unit.providers.authorities import (
    URI,
    corporate_ca,
    inline,
    key_for,
    lend_key,
    signed_by,
)
from tests.unit.providers.world import KINDS, World

CORPORATE = corporate_ca("Example Corp Root", key_for(KeySpec(KeyType.RSA, 2048), "corporate"))
MESH = corporate_ca("Example Mesh CA", key_for(KeySpec(), "mesh"), issuer=CORPORATE, sans=[URI])


class GuardedWorld(World):
    """A cluster whose providers stand behind the guard; ``complaints`` is what it found."""

    def __init__(self, kind, **rest):
        super().__init__(kind, **rest)
        self.complaints = []

    def server(self, authority="a1", **rest):
        """Return a guarded provider object."""
        return GuardedProvider(
            super().server(authority, **rest),
            name=self.kind,
            trust_domain=TRUST_DOMAIN,
            clock=self.clock,
            on_violation=self.complaints.append,
            on_bug=self.complaints.append,
            strict_key_usage=True,
            logger=logging.getLogger("tests.guard"),
        )


def used(world, server):
    """Use every capability of ``server`` once, on the authority it has."""
    world.prepare(server)
    leaf = world.sign(server, dns_names=("web.test",))
    other = World("reference")
    new = other.started()
    if Capability.REVOKE in server.capabilities:
        server.revoke(world.revoke_request(leaf))
        server.crl(world.crl_request())
    if Capability.CROSS_SIGN in server.capabilities:
        csr = new.cross_sign_csr(other.csr_request())
        request = world.cross_request(new.trust_chain().primary, csr=csr, path_length=1)
        world.call(server.cross_sign, request)
    if Capability.CROSS_SIGN_CSR in server.capabilities:
        server.cross_sign_csr(world.csr_request())
    world.retire_signer(server)
    world.retire(server)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_a_provider_makes_passes(kind):
    """Authority, signer, leaf, CRL, cross-certificate and CSR break no rule."""
    world = GuardedWorld(kind)
    server = world.server()
    world.ensure(server)
    used(world, server)
    assert world.complaints == []


@pytest.mark.parametrize("spec", [s for s in ALL_KEY_SPECS if s.bits < 3000], ids=str)
def test_every_key_type_passes(spec):
    """The rules hold for each kind of CA key."""
    world = GuardedWorld("builtin")
    lend_key(world, key_for(spec, "old"))
    lend_key(world, key_for(spec, "new"), name="signer/s1")
    server = world.server()
    world.ensure(server, key=spec)
    world.prepare(server, key=spec)
    world.sign(server)
    assert world.complaints == []


@pytest.mark.parametrize("intermediates", [True, False])
def test_an_adopted_ca_passes(intermediates):
    """A corporate-issued CA, with a signer below it or signing leaves itself, breaks no rule."""
    config = inline(MESH, CORPORATE) | {"intermediates": intermediates}
    world = GuardedWorld("builtin", config=config)
    server = world.server()
    world.ensure(server)
    used(world, server)
    assert world.complaints == []


@pytest.mark.parametrize("kind", ["builtin", "reference"])
def test_an_externally_signed_authority_passes(kind):
    """What the corporate CA signed for our CSR breaks no rule."""
    world = GuardedWorld(kind, config={"external_issuer": True})
    server = world.server()
    with pytest.raises(PendingError) as waiting:
        world.ensure(server)
    chain = (signed_by(CORPORATE, load_csr(waiting.value.csr)), CORPORATE.certificate)
    server.install_authority(InstallRequest(**world.base(), id="a1", chain=chain))
    used(world, server)
    assert world.complaints == []


@pytest.mark.parametrize("below", ["builtin", "reference"])
@pytest.mark.parametrize("above", KINDS)
def test_a_secondary_passes_on_both_sides(above, below):
    """CSR, intermediate and leaf of a secondary break no rule of either datacenter's guard."""
    primary = GuardedWorld(above)
    second = GuardedWorld(below, role=Role.SECONDARY, clock=primary.clock)
    server, other = primary.started(), second.server()
    csr = other.intermediate_csr(second.signer_request())
    made = primary.call(server.sign_intermediate, primary.intermediate_request(csr))
    chain = (made, server.trust_chain().primary)
    other.install_intermediate(InstallRequest(**second.base(), id="s1", chain=chain))
    leaf = second.sign(other)
    other.revoke(second.revoke_request(leaf))
    other.crl(second.crl_request())
    assert primary.complaints == second.complaints == []
