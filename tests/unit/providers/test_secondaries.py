"""A secondary datacenter signs below another's authority, with keys that never leave it."""

import dataclasses
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.contract import (
    AuthorityRetiredError,
    Capability,
    CapabilityUnsupportedError,
    InstallRequest,
    KeySpec,
    KeyType,
    NotReadyError,
    RequestError,
    Role,
    SignerUnknownError,
    TrustDomain,
    ca_csr,
    generate_key,
    path_faults,
    path_length_of,
    spki_der,
    uri_sans,
)
from ca_core.testing.lending import TRUST_DOMAIN
from tests.unit.providers.authorities import signed_by
from tests.unit.providers.world import Killed, Steps, World, openssl_verdict

PAIRS = pytest.mark.parametrize(
    ("above", "below"),
    [
        ("builtin", "reference"),
        ("reference", "builtin"),
        ("slow", "builtin"),
        ("builtin", "builtin"),
    ],
)
SECONDARIES = pytest.mark.parametrize("below", ["builtin", "reference"])


def datacenters(above, below, **config):
    """Return a primary with its server, and a secondary with its server; one clock."""
    primary = World(above, config=config)
    second = World(below, role=Role.SECONDARY, clock=primary.clock)
    return primary, primary.started(), second, second.server()


def signed(primary, server, csr, *, ttl=timedelta(days=365)):
    """Return the chain that the primary gives for a secondary's CSR."""
    made = primary.call(server.sign_intermediate, primary.intermediate_request(csr, ttl=ttl))
    return (made, server.trust_chain().primary)


def installation(world, chain, signer="s1"):
    """Return the request that installs ``chain``."""
    return InstallRequest(**world.base(), id=signer, chain=chain)


@PAIRS
def test_a_leaf_of_the_secondary_verifies_under_the_primary(above, below, tmp_path):
    """CSR out, intermediate in, leaf signed: openssl accepts it under the primary's root."""
    primary, server, second, other = datacenters(above, below)
    csr = other.intermediate_csr(second.signer_request())
    chain = signed(primary, server, csr)
    signer = other.install_intermediate(installation(second, chain))
    assert signer.chain == chain
    assert path_faults(chain, now=second.clock.now()) == ()
    leaf = second.sign(second.server())
    verdict = openssl_verdict(tmp_path, leaf, chain[:1], chain[1], at=second.clock.now())
    assert verdict == ""
    assert other.trust_chain().certificates == chain[1:]


@SECONDARIES
def test_a_csr_under_way_signs_nothing_and_disturbs_nobody(below):
    """The pending key lies apart: the installed signer signs on, the new id is unknown."""
    primary, server, second, other = datacenters("reference", below)
    chain = signed(primary, server, other.intermediate_csr(second.signer_request()))
    other.install_intermediate(installation(second, chain))
    pending = other.intermediate_csr(second.signer_request("s2"))
    assert spki_der(pending.public_key()) != spki_der(chain[0].public_key())
    with pytest.raises(SignerUnknownError):
        second.sign(other, "s2")
    second.sign(other, "s1").verify_directly_issued_by(chain[0])


@SECONDARIES
def test_a_repeated_csr_has_the_same_key(below):
    """Another server, or the same one again, asks with the key that stands."""
    _, _, second, other = datacenters("reference", below)
    first = other.intermediate_csr(second.signer_request())
    for server in (other, second.server()):
        again = server.intermediate_csr(second.signer_request())
        assert spki_der(again.public_key()) == spki_der(first.public_key())
        assert again.is_signature_valid
        assert again.subject.rdns
    with pytest.raises(RequestError):
        other.intermediate_csr(second.signer_request(key=KeySpec(KeyType.EC, 384)))


@SECONDARIES
def test_installing_again_is_safe_and_installing_another_is_refused(below):
    """The first chain installed for an id stands; a chain for another key never gets in."""
    primary, server, second, other = datacenters("reference", below)
    csr = other.intermediate_csr(second.signer_request())
    chain = signed(primary, server, csr)
    request = installation(second, chain)
    assert other.install_intermediate(request) == second.server().install_intermediate(request)
    with pytest.raises(RequestError):
        other.install_intermediate(installation(second, signed(primary, server, csr)))
    second_csr = other.intermediate_csr(second.signer_request("s2"))
    assert second_csr is not None
    for bad in (chain, chain[:1], (), signed(primary, server, second_csr)[::-1]):
        with pytest.raises(RequestError):
            other.install_intermediate(installation(second, bad, "s2"))
    with pytest.raises(RequestError):
        other.install_intermediate(installation(second, chain, "never-asked"))


@SECONDARIES
def test_an_intermediate_of_another_trust_domain_is_not_installed(below):
    """The signed certificate must carry exactly our trust domain, and must be alive."""
    primary, server, second, other = datacenters("builtin", below)
    csr = other.intermediate_csr(second.signer_request())
    root = server.kept.held("root").pair
    foreign = x509.UniformResourceIdentifier("spiffe://other.test")
    ended = second.clock.now() - timedelta(seconds=1)
    for bad in (signed_by(root, csr, uri=foreign), signed_by(root, csr, ends=ended)):
        with pytest.raises(RequestError):
            other.install_intermediate(installation(second, (bad, root.certificate)))
    assert primary.objects() == 2


def test_a_second_signer_of_another_authority_is_refused():
    """One authority has one anchor: a chain that leads elsewhere is not ours."""
    primary, server, second, other = datacenters("reference", "builtin")
    chain = signed(primary, server, other.intermediate_csr(second.signer_request()))
    other.install_intermediate(installation(second, chain))
    foreign = World("reference", clock=primary.clock)
    foreign_server = foreign.started()
    csr = other.intermediate_csr(second.signer_request("s2"))
    with pytest.raises(RequestError, match="another authority"):
        other.install_intermediate(installation(second, signed(foreign, foreign_server, csr), "s2"))


def test_what_the_primary_signs_has_path_length_zero_and_a_clamped_life(world):
    """Our trust domain, a subject, path length 0, and no longer than the root."""
    server = world.server()
    root = world.ensure(server, ttl=timedelta(days=20)).primary
    key = generate_key(KeySpec())
    csr = ca_csr(key, trust_domain=TRUST_DOMAIN, label="x")
    made, _ = signed(world, server, csr, ttl=timedelta(days=999))
    assert path_length_of(made) == 0
    assert uri_sans(made) == (f"spiffe://{TRUST_DOMAIN}",)
    assert made.subject.rdns
    assert made.not_valid_after_utc <= root.not_valid_after_utc


def test_a_csr_that_proves_nothing_is_not_signed(world):
    """Another trust domain, a weak key and a broken signature are the caller's mistakes."""
    server = world.server()
    world.ensure(server)
    key = generate_key(KeySpec())
    foreign = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://evil.test")]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    der = ca_csr(key, trust_domain=TRUST_DOMAIN, label="x").public_bytes(Encoding.DER)
    broken = x509.load_der_x509_csr(der[:-4] + bytes(byte ^ 1 for byte in der[-4:]))
    weak = ca_csr(rsa.generate_private_key(65537, 1024), trust_domain=TRUST_DOMAIN, label="x")
    for bad in (foreign, broken, weak):
        with pytest.raises(RequestError):
            world.call(server.sign_intermediate, world.intermediate_request(bad))
    good = ca_csr(key, trust_domain=TRUST_DOMAIN, label="x")
    elsewhere = dataclasses.replace(
        world.intermediate_request(good), trust_domain=TrustDomain("other.test")
    )
    with pytest.raises(RequestError):
        world.call(server.sign_intermediate, elsewhere)


@SECONDARIES
def test_a_secondary_makes_no_authority(below):
    """What belongs to the primary refuses; nothing is ready before the first installation."""
    second = World(below, role=Role.SECONDARY)
    server = second.server()
    assert Capability.SECONDARY in server.capabilities
    assert Capability.CROSS_SIGN not in server.capabilities
    for call in (lambda: second.ensure(server), lambda: second.prepare(server)):
        with pytest.raises(CapabilityUnsupportedError):
            call()
    with pytest.raises(NotReadyError):
        server.trust_chain()


@SECONDARIES
def test_a_retired_secondary_keeps_nothing(below):
    """Keys under way and installed ones go; the id is dead."""
    primary, server, second, other = datacenters("reference", below)
    chain = signed(primary, server, other.intermediate_csr(second.signer_request()))
    other.install_intermediate(installation(second, chain))
    other.intermediate_csr(second.signer_request("s2"))
    second.retire(other)
    assert second.objects() == 0
    with pytest.raises(AuthorityRetiredError):
        other.trust_chain()
    with pytest.raises(AuthorityRetiredError):
        other.intermediate_csr(second.signer_request("s3"))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_killed_installation_is_finished_by_the_next_server(after):
    """Killed at any write of CSR and installation, another server ends with that key and chain."""
    for step in range(20):
        primary, server, second, _ = datacenters("reference", "builtin")

        def act(number, step=step):
            if number == step:
                raise Killed

        victim = second.server(steps=Steps(act, after=after))
        try:
            csr = victim.intermediate_csr(second.signer_request())
            victim.install_intermediate(installation(second, signed(primary, server, csr)))
        except Killed:
            pass
        else:
            assert step >= 4
            return
        survivor = second.server()
        csr = survivor.intermediate_csr(second.signer_request())
        chain = second.state.get("authority/a1/signer/s1/chain")
        if chain is None:
            survivor.install_intermediate(installation(second, signed(primary, server, csr)))
        assert second.objects() == 1
        leaf = second.sign(survivor)
        leaf.verify_directly_issued_by(survivor.kept.chain("signer/s1")[0])
