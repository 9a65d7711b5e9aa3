"""A corporate CA signs our primary CA: CSR out, chain in, days between."""

from datetime import timedelta

import pytest
from cryptography.x509 import UniformResourceIdentifier

from ca_core.contract import (
    AuthorityRetiredError,
    Capability,
    CapabilityUnsupportedError,
    InstallRequest,
    KeySpec,
    KeyType,
    NotReadyError,
    PendingError,
    RequestError,
    load_csr,
    path_faults,
    spki_der,
)
from tests.unit.providers.authorities import NOW, corporate_ca, key_for, signed_by
from tests.unit.providers.world import World, openssl_verdict

CORPORATE = corporate_ca("Example Corp Root", key_for(KeySpec(KeyType.RSA, 2048), "corporate"))


@pytest.fixture(params=["builtin", "reference"])
def world(request):
    """A cluster whose primary CA somebody else signs."""
    return World(request.param, config={"external_issuer": True})


def asked(world, server):
    """Return the CSR that the authority waits with."""
    with pytest.raises(PendingError) as pending:
        world.ensure(server)
    return load_csr(pending.value.csr)


def install(world, server, *chain):
    """Install what the corporate CA answered."""
    return server.install_authority(InstallRequest(**world.base(), id="a1", chain=chain))


def test_days_may_pass_between_csr_and_chain(world, tmp_path):
    """The CSR asks with one key, whoever asks; with the chain the authority exists and signs."""
    server = world.server()
    csr = asked(world, server)
    assert Capability.EXTERNAL_ISSUER in server.capabilities
    with pytest.raises(NotReadyError):
        server.trust_chain()
    world.clock.advance(timedelta(days=3))
    again = asked(world, world.server())
    assert spki_der(again.public_key()) == spki_der(csr.public_key())
    signed = signed_by(CORPORATE, csr)
    chain = install(world, world.server(), signed, CORPORATE.certificate)
    assert chain.certificates == (signed, CORPORATE.certificate)
    assert world.ensure(server) == chain == server.trust_chain()
    signer = world.prepare(server)
    leaf, now = world.sign(server), world.clock.now()
    assert path_faults((*signer.chain, CORPORATE.certificate), now=now) == ()
    partial = openssl_verdict(
        tmp_path, leaf, signer.chain[:1], signed, at=now, more=["-partial_chain"]
    )
    assert partial == ""
    assert openssl_verdict(tmp_path, leaf, signer.chain, CORPORATE.certificate, at=now) == ""


def test_a_signer_ends_with_the_corporate_issuer(world):
    """Its life is clamped within every certificate above, the corporate root's included."""
    corporate = corporate_ca("Short", key_for(KeySpec()), ends=NOW + timedelta(days=9))
    server = world.server()
    signed = signed_by(corporate, asked(world, server), ends=NOW + timedelta(days=900))
    install(world, server, signed, corporate.certificate)
    signer = world.prepare(server)
    assert signer.certificate.not_valid_after_utc <= corporate.certificate.not_valid_after_utc


def test_a_repeat_is_safe_and_another_chain_is_refused(world):
    """The chain installed first stands for ever."""
    server = world.server()
    csr = asked(world, server)
    chain = (signed_by(CORPORATE, csr), CORPORATE.certificate)
    assert install(world, server, *chain) == install(world, world.server(), *chain)
    with pytest.raises(RequestError):
        install(world, server, signed_by(CORPORATE, csr), CORPORATE.certificate)
    assert server.trust_chain().certificates == chain


def test_a_wrong_chain_never_becomes_the_authority(world):
    """Another key, a missing issuer, no room below, an expired or foreign certificate: refused."""
    server = world.server()
    csr = asked(world, server)
    other = corporate_ca("Other", key_for(KeySpec(), "other"), issuer=CORPORATE)
    stranger = corporate_ca("Example Corp Root", key_for(KeySpec(), "stranger"))
    foreign = corporate_ca(
        "Foreign",
        key_for(KeySpec(), "foreign"),
        issuer=CORPORATE,
        sans=[UniformResourceIdentifier("spiffe://other.test")],
    )
    root = CORPORATE.certificate
    for bad in (
        (),
        (other.certificate, root),
        (foreign.certificate, root),
        (root, signed_by(CORPORATE, csr)),
        (signed_by(CORPORATE, csr), stranger.certificate),
        (signed_by(CORPORATE, csr, path_length=0), root),
        (signed_by(CORPORATE, csr, ends=NOW - timedelta(seconds=1)), root),
    ):
        with pytest.raises(RequestError):
            install(world, server, *bad)
    assert spki_der(asked(world, server).public_key()) == spki_der(csr.public_key())


def test_nothing_is_installed_for_a_csr_that_was_never_made(world):
    """A chain needs the CSR that it answers."""
    with pytest.raises(RequestError):
        install(world, world.server(), CORPORATE.certificate)


def test_another_key_for_a_waiting_id_is_refused(world):
    """The id has its key from the first CSR on."""
    server = world.server()
    asked(world, server)
    with pytest.raises(RequestError):
        world.ensure(server, key=KeySpec(KeyType.EC, 384))


def test_a_waiting_authority_can_be_retired(world):
    """Its key goes with it, and a late chain is refused."""
    server = world.server()
    csr = asked(world, server)
    world.retire(server)
    assert world.objects() == 0
    with pytest.raises(AuthorityRetiredError):
        install(world, server, signed_by(CORPORATE, csr), CORPORATE.certificate)


def test_without_the_setting_nothing_can_be_installed():
    """EXTERNAL_ISSUER is declared only where it is configured."""
    world = World("builtin")
    server = world.started()
    assert Capability.EXTERNAL_ISSUER not in server.capabilities
    with pytest.raises(CapabilityUnsupportedError):
        install(world, server, CORPORATE.certificate)


def test_the_built_in_csr_stays_the_same_text():
    """An operator who asks twice sees one CSR, not two that look different."""
    world = World("builtin", config={"external_issuer": True})
    texts = set()
    for _ in range(3):
        with pytest.raises(PendingError) as pending:
            world.ensure(world.server())
        texts.add(pending.value.csr)
    assert len(texts) == 1
