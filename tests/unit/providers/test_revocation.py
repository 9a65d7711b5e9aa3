"""Revoking a leaf: once, for ever, in its signer's CRL, and openssl agrees."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca_core.contract import KeyType, RequestError, Role, SignerUnknownError
from ca_core.identity.keys import ALL_KEY_SPECS
from tests.unit.providers.authorities import key_for, lend_key
from tests.unit.providers.test_secondaries import installation, signed
from tests.unit.providers.world import Steps, World, openssl_verdict

BOTH = pytest.mark.parametrize("kind", ["builtin", "reference"])
HOUR = timedelta(hours=1)


def crl_of(world, server, signer="s1"):
    """Return the signer's CRL."""
    return server.crl(world.crl_request(signer))


def number(crl):
    """Return the CRL's number."""
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def serials(crl):
    """Return what the CRL lists, sorted."""
    return sorted(entry.serial_number for entry in crl)


@BOTH
def test_openssl_refuses_a_revoked_leaf_and_no_other(kind, tmp_path):
    """With ``-crl_check`` a good leaf passes and a revoked one is called revoked."""
    world = World(kind)
    server = world.started()
    good, bad = world.sign(server), world.sign(server)
    server.revoke(world.revoke_request(bad, reason=x509.ReasonFlags.key_compromise))
    crl = tmp_path / "crl.pem"
    crl.write_bytes(crl_of(world, server).public_bytes(Encoding.PEM))
    chain, now = world.prepare(server).chain, world.clock.now()
    more = ["-crl_check", "-CRLfile", crl]
    assert openssl_verdict(tmp_path, good, chain[:1], chain[1], at=now, more=more) == ""
    said = openssl_verdict(tmp_path, bad, chain[:1], chain[1], at=now, more=more)
    assert "certificate revoked" in said


@pytest.mark.parametrize("spec", [s for s in ALL_KEY_SPECS if s.type is not KeyType.RSA], ids=str)
def test_every_key_type_signs_its_crl(spec):
    """The CRL is signed by the named signer, with its key identifier."""
    world = World("builtin")
    lend_key(world, key_for(spec, "old"))
    server = world.started(key=spec)
    crl = crl_of(world, server)
    signer = world.prepare(server, key=spec).certificate
    assert crl.is_signature_valid(signer.public_key())
    assert crl.issuer == signer.subject
    assert crl.next_update_utc > world.clock.now() >= crl.last_update_utc


@BOTH
def test_revoking_twice_is_revoking_once(kind):
    """The second request changes neither the list nor the time of revocation."""
    world = World(kind)
    server = world.started()
    leaf = world.sign(server)
    server.revoke(world.revoke_request(leaf))
    first = crl_of(world, server)
    world.clock.advance(HOUR)
    world.server().revoke(world.revoke_request(leaf, reason=x509.ReasonFlags.superseded))
    second = crl_of(world, server)
    times = [[entry.revocation_date_utc for entry in crl] for crl in (first, second)]
    assert times[0] == times[1]
    assert serials(second) == [leaf.serial_number]


@BOTH
def test_reasons_are_told_and_unspecified_is_silence(kind):
    """RFC 5280 wants an absent reason rather than ``unspecified``."""
    world = World(kind)
    server = world.started()
    told, silent = world.sign(server), world.sign(server)
    server.revoke(world.revoke_request(told, reason=x509.ReasonFlags.key_compromise))
    server.revoke(world.revoke_request(silent))
    crl = crl_of(world, server)
    reason = crl.get_revoked_certificate_by_serial_number(told.serial_number).extensions
    assert reason.get_extension_for_class(x509.CRLReason).value.reason.value == "keyCompromise"
    entry = crl.get_revoked_certificate_by_serial_number(silent.serial_number)
    assert len(entry.extensions) == 0


@BOTH
def test_each_signer_has_its_own_crl(kind):
    """A leaf of one signer is revoked by that signer only; another's is refused."""
    world = World(kind)
    server = world.started()
    world.prepare(server, "s2")
    leaf = world.sign(server, "s1")
    with pytest.raises(RequestError):
        server.revoke(world.revoke_request(leaf, "s2"))
    server.revoke(world.revoke_request(leaf, "s1"))
    assert serials(crl_of(world, server, "s1")) == [leaf.serial_number]
    assert serials(crl_of(world, server, "s2")) == []
    for call in (
        lambda: crl_of(world, server, "s9"),
        lambda: server.revoke(world.revoke_request(leaf, "s9")),
    ):
        with pytest.raises(SignerUnknownError):
            call()


def test_the_number_grows_exactly_when_the_crl_changes():
    """Whichever server is asked: a revocation, or half a life, makes a new CRL; asking does not."""
    world = World("builtin")
    server, other = world.started(), world.server()
    assert number(crl_of(world, server)) == number(crl_of(world, other)) == 1
    server.revoke(world.revoke_request(world.sign(server)))
    assert number(crl_of(world, other)) == number(crl_of(world, server)) == 2
    world.clock.advance(11 * HOUR)
    assert number(crl_of(world, server)) == 2
    world.clock.advance(2 * HOUR)
    renewed = crl_of(world, other)
    assert number(renewed) == 3
    assert renewed.last_update_utc == world.clock.now()
    assert renewed.next_update_utc - renewed.last_update_utc == timedelta(days=1)


def test_two_servers_never_give_one_number_to_two_crls():
    """Paused before it writes the number, a server sees that another was faster and follows."""
    for pause_at in range(6):
        world = World("builtin")
        fast = world.started()
        leaf, early = world.sign(fast), crl_of(world, fast)
        lists = {}

        def act(step, world=world, fast=fast, leaf=leaf, lists=lists, pause_at=pause_at):
            if step == pause_at:
                fast.revoke(world.revoke_request(leaf))
                lists.setdefault(number(found := crl_of(world, fast)), serials(found))

        slow = world.server(steps=Steps(act))
        world.clock.advance(13 * HOUR)
        late = crl_of(world, slow)
        assert lists.setdefault(number(late), serials(late)) == serials(late)
        assert number(late) > number(early)


def test_an_expired_certificate_is_listed_once_more_and_then_dropped():
    """Past its end a certificate stays for one CRL life, then its record goes too."""
    world = World("builtin")
    server = world.started()
    leaf = world.sign(server, ttl=HOUR)
    server.revoke(world.revoke_request(leaf))
    world.clock.advance(2 * HOUR)
    assert serials(crl_of(world, server)) == [leaf.serial_number]
    world.clock.advance(timedelta(days=1))
    assert serials(crl_of(world, server)) == []
    assert world.records("/revoked/") == []


def test_a_reason_of_delta_crls_is_refused():
    """``removeFromCRL`` means nothing in a full CRL."""
    world = World("builtin")
    server = world.started()
    request = world.revoke_request(world.sign(server), reason=x509.ReasonFlags.remove_from_crl)
    with pytest.raises(RequestError):
        server.revoke(request)


def test_a_primary_that_signs_leaves_itself_has_one_crl_for_all_its_ids():
    """Where several ids mean the primary CA itself, a revocation shows under each of them."""
    world = World("builtin", config={"intermediates": False})
    server = world.started()
    world.prepare(server, "s2")
    leaf = world.sign(server, "s1")
    server.revoke(world.revoke_request(leaf, "s1"))
    assert serials(crl_of(world, server, "s2")) == [leaf.serial_number]


@BOTH
def test_a_secondary_revokes_what_it_signed(kind):
    """CRLs come from the signer, also in a secondary datacenter."""
    primary = World("reference")
    server = primary.started()
    second = World(kind, role=Role.SECONDARY, clock=primary.clock)
    other = second.server()
    chain = signed(primary, server, other.intermediate_csr(second.signer_request()))
    other.install_intermediate(installation(second, chain))
    leaf = second.sign(other)
    other.revoke(second.revoke_request(leaf))
    crl = crl_of(second, other)
    assert serials(crl) == [leaf.serial_number]
    assert crl.is_signature_valid(chain[0].public_key())


def test_revocations_go_with_their_signer():
    """Retiring a signer leaves none of its revocations behind."""
    world = World("builtin")
    server = world.started()
    leaf = world.sign(server)
    server.revoke(world.revoke_request(leaf))
    crl_of(world, server)
    world.retire_signer(server)
    assert world.records("/s1/") == ["authority/a1/signer/s1/retired"]
