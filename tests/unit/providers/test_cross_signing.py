"""An old authority vouches for a new one, whatever keys the two have."""

import itertools
from datetime import timedelta

import pytest
from cryptography import x509

from ca_core.contract import (
    Capability,
    CapabilityUnsupportedError,
    KeySpec,
    KeyType,
    RequestError,
    authority_faults,
    path_faults,
    path_length_of,
    room_below,
    spki_der,
    subject_key_id,
    uri_sans,
)
from ca_core.identity.keys import ALL_KEY_SPECS
from tests.unit.providers.authorities import (
    NOW,
    URI,
    corporate_ca,
    inline,
    key_for,
    lend_key,
    own_root,
)
from tests.unit.providers.world import World, openssl_verdict

RSA = KeySpec(KeyType.RSA, 2048)


def test_any_key_type_cross_signs_any_other(tmp_path):
    """For all 49 pairs a leaf of the new authority verifies under the old root, in openssl too."""
    world = World("builtin")
    servers = {}
    for spec, age in itertools.product(ALL_KEY_SPECS, ("old", "new")):
        authority = f"{age}-{spec}"
        lend_key(world, key_for(spec, age), authority)
        servers[spec, age] = world.server(authority)
        world.ensure(servers[spec, age], authority, key=spec)
    for old_spec, new_spec in itertools.product(ALL_KEY_SPECS, repeat=2):
        old, new = servers[old_spec, "old"], servers[new_spec, "new"]
        made = old.cross_sign(world.cross_request(new.trust_chain().primary))
        signer, leaf = world.prepare(new), world.sign(new)
        path = (signer.certificate, made, old.trust_chain().primary)
        assert path_faults(path, now=NOW) == (), f"{old_spec} over {new_spec}"
        once = {"at": NOW, "purposes": ["sslserver"]}
        assert openssl_verdict(tmp_path, leaf, path[:2], path[2], **once) == ""


def test_a_cross_certificate_is_the_same_ca_under_another_issuer(world):
    """Subject, key, SANs and SKI are kept; serial, issuer, AKI and life are ours."""
    old, other = world.started("a1", "s1"), World("reference")
    root = other.ensure(other.server()).primary
    csr = other.server().cross_sign_csr(other.csr_request())
    request = world.cross_request(root, csr=csr, ttl=timedelta(days=7), path_length=1)
    made = world.call(old.cross_sign, request)
    ours = old.trust_chain().primary
    made.verify_directly_issued_by(ours)
    assert (made.subject, uri_sans(made)) == (root.subject, uri_sans(root))
    assert subject_key_id(made) == subject_key_id(root)
    assert spki_der(made.public_key()) == spki_der(root.public_key())
    assert made.serial_number != root.serial_number
    assert made.not_valid_after_utc == request.not_after.replace(microsecond=0)
    assert path_length_of(made) == 1


def test_a_cross_certificate_ends_with_the_authority_that_made_it(world):
    """Its life is clamped to the old root's end."""
    server = world.server()
    ends = world.ensure(server, ttl=timedelta(days=3)).primary.not_valid_after_utc
    other = World("reference")
    root = other.ensure(other.server()).primary
    csr = other.server().cross_sign_csr(other.csr_request())
    made = world.call(server.cross_sign, world.cross_request(root, csr=csr))
    assert made.not_valid_after_utc == ends


def test_what_is_no_other_ca_is_not_cross_signed(world):
    """A leaf, our own root, an end in the past and a CSR for another key are refused."""
    server = world.started()
    other = World("reference")
    theirs = other.ensure(other.server()).primary
    csr = other.server().cross_sign_csr(other.csr_request())
    own = server.trust_chain().primary
    own_csr = None
    if Capability.CROSS_SIGN_CSR in server.capabilities:
        own_csr = server.cross_sign_csr(world.csr_request())
    foreign = own_root(KeySpec(KeyType.EC, 384)).certificate
    for request in (
        world.cross_request(world.sign(server), csr=csr),
        world.cross_request(own, csr=own_csr),
        world.cross_request(theirs, csr=csr, ttl=timedelta(days=-1)),
        world.cross_request(foreign, csr=csr),
    ):
        with pytest.raises(RequestError):
            world.call(server.cross_sign, request)


def test_a_backend_that_needs_a_csr_says_so():
    """CROSS_SIGN_NEEDS_CSR without a CSR is the caller's mistake."""
    world, other = World("slow"), World("reference")
    server = world.started()
    assert Capability.CROSS_SIGN_NEEDS_CSR in server.capabilities
    root = other.ensure(other.server()).primary
    with pytest.raises(RequestError, match="csr"):
        world.call(server.cross_sign, world.cross_request(root))


def test_the_csr_for_a_cross_signature_repeats_the_primary_ca():
    """Its subject, SAN and key are those of the primary CA, also of an adopted one."""
    adopted = corporate_ca("Example Corp Issuing CA", key_for(RSA), sans=[URI])
    world = World("builtin", config=inline(adopted))
    server = world.server()
    world.ensure(server)
    csr = server.cross_sign_csr(world.csr_request())
    assert csr.is_signature_valid
    assert csr.subject == adopted.certificate.subject
    assert spki_der(csr.public_key()) == spki_der(adopted.certificate.public_key())


def test_an_ec_ca_under_an_rsa_corporate_root_cross_signs(tmp_path):
    """The signature follows the signing key, not the algorithm that signed the old CA."""
    corporate = corporate_ca("Example Corp Root", key_for(RSA))
    old_ca = corporate_ca("Example Mesh CA", key_for(KeySpec()), issuer=corporate, sans=[URI])
    world = World("builtin", config=inline(old_ca, corporate))
    old = world.server()
    world.ensure(old)
    for spec in (RSA, KeySpec(KeyType.EC, 384), KeySpec(KeyType.ED25519, 256)):
        other = World("reference")
        new = other.server()
        root = other.ensure(new, key=spec).primary
        made = old.cross_sign(world.cross_request(root))
        signer, leaf = other.prepare(new, key=spec), other.sign(new)
        path = (signer.certificate, made, old_ca.certificate, corporate.certificate)
        assert path_faults(path, now=NOW) == ()
        assert openssl_verdict(tmp_path, leaf, path[:3], path[3], at=NOW) == ""


@pytest.mark.parametrize(
    ("path_length", "signs", "crosses"), [(None, True, True), (2, True, True), (1, True, False)]
)
def test_path_length_decides_what_an_adopted_ca_declares(path_length, signs, crosses):
    """A CA that has no room for what lies below says so before it is asked."""
    adopted = corporate_ca("CA", key_for(KeySpec()), path_length=path_length)
    world = World("builtin", config=inline(adopted))
    server = world.server()
    findings = world.probe(server)
    assert bool(findings.notes) is not crosses
    world.ensure(server)
    assert (Capability.SIGN_INTERMEDIATE in server.capabilities) is signs
    assert (Capability.CROSS_SIGN in server.capabilities) is crosses
    other = World("reference")
    root = other.ensure(other.server()).primary
    if crosses:
        made = server.cross_sign(world.cross_request(root))
        room = None if path_length is None else path_length - 1
        assert path_length_of(made) == room
    else:
        with pytest.raises(CapabilityUnsupportedError):
            server.cross_sign(world.cross_request(root))


def test_room_shrinks_with_every_certificate_on_the_way_down():
    """What a corporate root allows is used up by the CAs between it and what lies below."""
    root = corporate_ca("Root", key_for(RSA), path_length=2)
    middle = corporate_ca("Middle", key_for(KeySpec()), issuer=root)
    narrow = corporate_ca("Narrow", key_for(KeySpec(KeyType.EC, 384)), issuer=root, path_length=0)
    assert room_below([root.certificate]) == 2
    assert room_below([middle.certificate, root.certificate]) == 1
    assert room_below([narrow.certificate, root.certificate]) == 0
    assert room_below([own_root().certificate]) is None


def test_cross_signing_can_be_switched_off():
    """``disable_cross_signing`` takes the capability away."""
    server = World("builtin").started(disable_cross_signing=True)
    assert Capability.CROSS_SIGN not in server.capabilities
    with pytest.raises(CapabilityUnsupportedError):
        server.cross_sign(World("builtin").cross_request(server.trust_chain().primary))


def test_what_is_switched_off_refuses_before_the_authority_exists_too():
    """An undeclared method says so, and not that something is not ready."""
    server, other = World("builtin").server(disable_cross_signing=True), World("builtin")
    request = other.cross_request(other.started().trust_chain().primary)
    with pytest.raises(CapabilityUnsupportedError):
        server.cross_sign(request)


def test_authority_faults_of_a_good_root_are_none():
    """The check that guards adoption accepts what this project makes itself."""
    pair = own_root()
    domain = World("builtin").context().trust_domain
    faults = authority_faults(
        (pair.certificate,), key=pair.key, trust_domain=domain, now=NOW, signs_leaves=False
    )
    assert faults == ()
    assert isinstance(pair.certificate, x509.Certificate)
