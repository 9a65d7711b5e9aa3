"""The project's own providers under the guard: every answer of theirs passes every rule."""

import logging
from typing import Any

import pytest

from ca_core.authority.guard import GuardedProvider
from ca_core.contract import Capability, KeySpec, PendingError, Role
from ca_core.contract.answers import Signer, TrustChain
from ca_core.contract.requests import InstallRequest
from ca_core.identity.certificates import fingerprint, uri_sans
from ca_core.identity.csr import load_csr
from ca_core.identity.keys import ALL_KEY_SPECS
from ca_core.testing.lending import TRUST_DOMAIN
from tests.unit.providers.authorities import corporate_ca, key_for, lend_key, signed_by
from tests.unit.providers.world import KINDS, WEB, YEAR, World, openssl_verdict


def guarded(inner: Any, world: World, name: str) -> GuardedProvider:
    """Return a provider under a guard that counts nothing away."""

    def fail(error: Exception) -> None:
        raise AssertionError(str(error)) from error

    return GuardedProvider(
        inner,
        name=name,
        trust_domain=TRUST_DOMAIN,
        clock=world.clock,
        on_violation=fail,
        on_bug=fail,
        logger=logging.getLogger("test.guard"),
        strict_key_usage=True,
    )


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest) -> World:
    """Return a cluster on each of the three providers."""
    return World(request.param)


def started(world: World, key: KeySpec | None = None) -> GuardedProvider:
    """Return a guarded server whose authority and signer exist."""
    provider = guarded(world.server(), world, world.kind)
    world.ensure(provider, key=key)
    world.prepare(provider, key=key)
    return provider


@pytest.mark.parametrize("key", ALL_KEY_SPECS, ids=str)
def test_a_leaf_of_every_ca_key_passes_the_guard_and_openssl(key: KeySpec, tmp_path):
    """Authority, signer and leaf of the built-in; released leaves verify for both purposes."""
    world = World("builtin")
    lend_key(world, key_for(key))
    lend_key(world, key_for(key, "signer"), name="signer/s1")
    provider = started(world, key)
    signer: Signer = world.prepare(provider, key=key)
    leaf = world.sign(provider)
    at = world.clock.now()
    said = openssl_verdict(tmp_path, leaf, signer.chain[:-1], signer.chain[-1], at=at)
    assert said == ""


def test_everything_a_provider_can_do_passes_the_guard(world: World):
    """Intermediates, cross-certificates, CSRs and CRLs of whatever it declares."""
    provider = started(world)
    declared = provider.capabilities
    other = World("builtin", clock=world.clock)
    theirs = other.started("a2", "s2")
    if Capability.SIGN_INTERMEDIATE in declared:
        csr = theirs.cross_sign_csr(other.csr_request())
        world.call(provider.sign_intermediate, world.intermediate_request(csr))
    if Capability.CROSS_SIGN in declared:
        csr = theirs.cross_sign_csr(other.csr_request())
        chain = theirs.trust_chain()
        asked = world.cross_request(chain.primary, csr=csr, path_length=1)
        cross = world.call(provider.cross_sign, asked)
        judge = guarded(theirs, other, "theirs")
        held = frozenset({fingerprint(provider.trust_chain().primary)})
        way = (cross, *provider.trust_chain().certificates)
        judge.check_signer(other.prepare(judge, "s2"), chain, (held,), crosses=(way,))
    if Capability.CROSS_SIGN_CSR in declared:
        world.call(provider.cross_sign_csr, world.csr_request())
    if Capability.REVOKE in declared:
        world.call(provider.revoke, world.revoke_request(world.sign(provider)))
        assert len(list(world.call(provider.crl, world.crl_request()))) == 1
    assert provider.health().ok
    world.probe(provider)


def test_a_restarted_server_adopts_what_the_store_knows(world: World):
    """Another object of the provider, another guard, the same signer: it signs at once."""
    first = started(world)
    chain: TrustChain = first.trust_chain()
    signer = world.prepare(first)
    again = guarded(world.server(), world, world.kind)
    again.adopt_signer(signer, chain, (frozenset({fingerprint(chain.primary)}),))
    leaf = world.sign(again)
    assert leaf.issuer == signer.certificate.subject
    assert world.ensure(again) == chain
    assert world.prepare(again, ttl=YEAR / 2) == signer


def test_two_signers_of_one_authority_sign_side_by_side(world: World):
    """Each leaf under exactly the signer that was named."""
    provider = started(world)
    second = world.prepare(provider, "s2")
    assert world.sign(provider, "s2").issuer == second.certificate.subject
    assert world.sign(provider, "s1").issuer != second.certificate.subject


def test_a_secondary_passes_the_guard(tmp_path):
    """CSR out, chain in, leaf under it, anchored at the primary's root."""
    primary = World("builtin")
    above = started(primary)
    world = World("builtin", role=Role.SECONDARY, clock=primary.clock)
    provider = guarded(world.server(), world, "builtin")
    csr = provider.intermediate_csr(world.signer_request())
    signed = above.sign_intermediate(primary.intermediate_request(csr))
    chain = (signed, *above.trust_chain().certificates)
    provider.install_intermediate(InstallRequest(**world.base(), id="s1", chain=chain))
    leaf = world.sign(provider)
    assert openssl_verdict(tmp_path, leaf, chain[:-1], chain[-1], at=world.clock.now()) == ""


def test_an_authority_signed_outside_passes_the_guard():
    """The CSR it waits with, and the chain that comes back."""
    world = World("builtin", config={"external_issuer": True})
    provider = guarded(world.server(), world, "builtin")
    with pytest.raises(PendingError) as waiting:
        provider.ensure_authority(world.authority_request())
    corporate = corporate_ca("Example Corporation", key_for(KeySpec(), "corporate"))
    csr = load_csr(waiting.value.csr)
    chain = (signed_by(corporate, csr), corporate.certificate)
    request = InstallRequest(**world.base(), id="a1", chain=chain)
    assert provider.install_authority(request).certificates == chain
    world.prepare(provider)
    assert uri_sans(world.sign(provider)) == (str(WEB),)
