"""What every provider must hold, asked of all three."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ca_core.contract import (
    AuthorityRetiredError,
    Capability,
    CapabilityUnsupportedError,
    KeySpec,
    KeyType,
    NotReadyError,
    ProviderError,
    RequestError,
    SignerUnknownError,
    key_spec_of,
    path_faults,
    spki_der,
    uri_sans,
)
from ca_core.identity.csr import subject_alternative_name
from ca_core.identity.keys import ALL_KEY_SPECS
from tests.unit.providers.authorities import key_for, lend_key
from tests.unit.providers.world import CALLS, LEAF_KEY, TRUST_DOMAIN, WEB, World, openssl_verdict

ED25519 = KeySpec(KeyType.ED25519, 256)


def test_a_constructor_creates_nothing(world):
    """Opening a provider leaves state, secrets and backend as they were."""
    world.server()
    assert (world.state.keys(), world.secrets.names(), world.objects()) == ((), (), 0)


def test_nothing_exists_before_it_is_made(world):
    """Chain, signer and leaf of an authority that does not exist are refused by name."""
    server = world.server()
    with pytest.raises(NotReadyError):
        server.trust_chain()
    with pytest.raises(NotReadyError):
        world.prepare(server)
    with pytest.raises(SignerUnknownError):
        world.sign(server)
    assert not world.probe(server).exists


def test_the_same_id_gives_the_same_authority_and_signer(world):
    """Repeats, and another server, get what was made first; nothing more is made."""
    first = world.server()
    chain, signer = world.ensure(first), world.prepare(first)
    objects = world.objects()
    for server in (first, world.server()):
        assert world.ensure(server, ttl=timedelta(days=1)) == chain
        assert server.trust_chain() == chain
        assert world.prepare(server, ttl=timedelta(days=1)) == signer
    assert world.objects() == objects == 2
    assert world.probe(first).exists


def test_another_key_for_a_known_id_is_refused(world):
    """An id has one key for ever; nothing is made by the refused request."""
    server = world.started()
    with pytest.raises(RequestError):
        world.ensure(server, key=ED25519)
    with pytest.raises(RequestError):
        world.prepare(server, key=ED25519)
    assert world.objects() == 2


def test_a_request_for_another_authority_is_refused(world):
    """One object serves one authority."""
    with pytest.raises(RequestError):
        world.ensure(world.server("a1"), "a2")
    assert world.objects() == 0


@pytest.mark.parametrize("ttl", [timedelta(), timedelta(days=-1)])
def test_a_life_of_nothing_is_refused(world, ttl):
    """A time to live that is not positive is the caller's mistake, not a crash."""
    server = world.server()
    with pytest.raises(RequestError):
        world.ensure(server, ttl=ttl)
    world.ensure(server)
    with pytest.raises(RequestError):
        world.prepare(server, ttl=ttl)


@pytest.mark.parametrize("bad", ["", "UPPER", "a/b", "../a1", "x" * 33, "ä"])
def test_what_is_no_id_names_no_signer(world, bad):
    """A malformed id is an unknown signer when signing and a bad request when preparing."""
    server = world.started()
    with pytest.raises(SignerUnknownError):
        world.sign(server, bad)
    with pytest.raises(RequestError):
        world.prepare(server, bad)


def test_the_chain_is_the_signer_then_the_anchor(world):
    """The signer's chain holds our path rules and ends in the authority's primary CA."""
    server = world.started()
    signer = world.prepare(server)
    assert signer.chain[-1] == server.trust_chain().primary
    assert path_faults(signer.chain, now=world.clock.now()) == ()
    for certificate in signer.chain:
        assert uri_sans(certificate) == (f"spiffe://{TRUST_DOMAIN}",)
    assert len({certificate.subject.rfc4514_string() for certificate in signer.chain}) == 2


def test_lives_are_clamped_from_above(world):
    """No signer outlives the root, and no leaf its signer, whatever is asked."""
    server = world.server()
    root = world.ensure(server, ttl=timedelta(days=30)).primary
    signer = world.prepare(server, ttl=timedelta(days=900))
    assert signer.certificate.not_valid_after_utc <= root.not_valid_after_utc
    leaf = world.sign(server, ttl=timedelta(days=1000))
    assert leaf.not_valid_after_utc <= signer.certificate.not_valid_after_utc
    short = world.sign(server, ttl=timedelta(hours=1))
    assert short.not_valid_after_utc <= world.clock.now() + timedelta(hours=1)


def test_an_expired_signer_says_so(world):
    """Past the end of signer or root signing is refused in words, not with a dead leaf."""
    server = world.started()
    world.clock.advance(timedelta(days=366))
    with pytest.raises(ProviderError, match="expired"):
        world.sign(server)
    world.prepare(server, "s2")
    world.sign(server, "s2")
    world.clock.advance(timedelta(days=3651))
    with pytest.raises(ProviderError, match="expired"):
        world.prepare(server, "s3")


def test_an_expired_authority_is_not_healthy():
    """The built-in provider knows when its root has ended."""
    world = World("builtin")
    server = world.started()
    world.clock.advance(timedelta(days=4000))
    assert not server.health().ok


def test_a_leaf_is_what_was_asked_and_not_what_the_csr_asks(world):
    """With TEMPLATE only the CSR's key is used: a hostile CSR gets the granted names alone."""
    hostile = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "root")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("bank.example")]), critical=False)
        .sign(LEAF_KEY, hashes.SHA256())
    )
    leaf = world.sign(world.started(), csr=hostile, dns_names=("web.test",))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value == subject_alternative_name(WEB, ("web.test",))
    assert names.critical
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.subject == x509.Name([])
    assert spki_der(leaf.public_key()) == spki_der(LEAF_KEY.public_key())


def test_every_leaf_has_its_own_serial(world):
    """Two leaves for one request never share a serial number."""
    server = world.started()
    assert world.sign(server).serial_number != world.sign(server).serial_number


def test_an_old_signer_signs_after_a_new_one_was_prepared(world):
    """Preparing changes nothing that signs: each named signer goes on under its own key."""
    server = world.started()
    new = world.prepare(server, "s2")
    old = world.prepare(server, "s1")
    assert old.certificate != new.certificate
    world.sign(server, "s1").verify_directly_issued_by(old.certificate)
    world.sign(server, "s2").verify_directly_issued_by(new.certificate)


def test_a_signer_of_another_authority_is_unknown(world):
    """Signer ids belong to their authority."""
    world.started("a1", "s1")
    other = world.started("a2", "s2")
    with pytest.raises(SignerUnknownError):
        world.sign(other, "s1")


def test_retiring_a_signer_removes_nothing_else(world):
    """The other signer and the root stay; the retired one is unknown to every server."""
    server = world.started()
    world.prepare(server, "s10")  # a name that begins like the retired one
    elsewhere = world.server()
    world.sign(elsewhere, "s1")
    world.retire_signer(server, "s1")
    world.retire_signer(server, "s1")
    for one in (server, elsewhere):
        with pytest.raises(SignerUnknownError):
            world.sign(one, "s1")
        world.sign(one, "s10")
    assert world.objects() == 2
    with pytest.raises(RequestError):
        world.prepare(server, "s1")


def test_retiring_an_authority_leaves_the_others_and_its_id_is_dead(world):
    """After ``retire`` the id is dead for every server; another authority signs on."""
    gone, stays = world.started("a1", "s1"), world.started("a2", "s2")
    elsewhere = world.server("a1")
    world.sign(elsewhere, "s1")
    world.retire(gone)
    world.retire(gone)
    for server in (gone, elsewhere, world.server("a1")):
        with pytest.raises(AuthorityRetiredError):
            world.ensure(server, "a1")
        with pytest.raises(AuthorityRetiredError):
            server.trust_chain()
        with pytest.raises(AuthorityRetiredError):
            world.prepare(server, "s3")
        with pytest.raises(AuthorityRetiredError):
            world.sign(server, "s1")
    world.sign(stays, "s2")
    assert world.objects() == 2


def test_retiring_what_never_existed_is_safe(world):
    """A server that never made anything can be told to take it away."""
    server = world.server()
    world.retire_signer(server, "s1")
    world.retire(server)
    assert world.objects() == 0


def test_what_is_declared_is_allowed_and_what_is_not_refuses(world):
    """An undeclared capability's method raises CapabilityUnsupportedError, whatever it is given."""
    server = world.started()
    refused = {ability for ability in CALLS if ability not in server.capabilities}
    for ability in refused:
        with pytest.raises(CapabilityUnsupportedError):
            getattr(server, CALLS[ability])(world.crl_request())
    assert Capability.SECONDARY in refused
    assert Capability.TEMPLATE in server.capabilities


def test_closing_destroys_nothing(world):
    """Another object goes on after one was closed."""
    server = world.started()
    server.close()
    server.close()
    world.sign(world.server())


def test_health_never_raises(world):
    """Before, during and after an authority's life, health answers."""
    server = world.server()
    assert server.health().ok
    world.ensure(server)
    assert server.health(deep=True).ok
    world.retire(server)
    server.health(deep=True)


@pytest.mark.parametrize("spec", ALL_KEY_SPECS, ids=str)
def test_openssl_accepts_a_leaf_under_every_key_type(spec, tmp_path):
    """Root, intermediate and leaf of every CA key pass ``openssl verify -x509_strict``."""
    world = World("builtin")
    lend_key(world, key_for(spec, "old"))
    lend_key(world, key_for(spec, "new"), name="signer/s1")
    server = world.started(key=spec)
    signer = world.prepare(server, key=spec)
    for certificate in signer.chain:
        assert key_spec_of(certificate.public_key()) == spec
    verdict = openssl_verdict(
        tmp_path, world.sign(server), signer.chain[:-1], signer.chain[-1], at=world.clock.now()
    )
    assert verdict == ""
    assert server.concurrency == (2 if spec.type is KeyType.RSA else 1)


@pytest.mark.parametrize("kind", ["reference", "slow"])
def test_openssl_accepts_a_leaf_of_the_test_providers(kind, tmp_path):
    """The fakes are honest: openssl takes their leaves too."""
    world = World(kind)
    server = world.started()
    signer = world.prepare(server)
    leaf, now = world.sign(server), world.clock.now()
    assert openssl_verdict(tmp_path, leaf, signer.chain[:-1], signer.chain[-1], at=now) == ""
