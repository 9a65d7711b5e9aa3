"""A certificate that a client shows is verified here: whose, by whom, when, and not taken back."""

import asyncio
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ca_core.agent.authorizing import AuthorizeRules
from ca_core.agent.shownchain import MOST_CERTIFICATES, ShownChains
from ca_core.errors import UnavailableError
from ca_core.identity.certificates import pem_chain, pem_of, serial_hex, subject_key_id
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import parse_spiffe_id
from ca_core.testing.clock import FakeClock
from tests.unit.agent.fakes import Authority
from tests.unit.api.authorizing import WEB, uri, world

INVALID = "The certificate is not valid here"
FOREIGN = "no path leads to a root of this mesh"


def ran(scenario, **options):
    """Run a scenario where web may connect to db, and the roots are known."""

    async def whole():
        async with world(**options) as here:
            await here.put("web", "db")
            await scenario(here)

    asyncio.run(whole())


def leaf_of(authority, clock, identity=WEB, ttl=timedelta(hours=72)):
    """Return a leaf that the authority signs now."""
    csr = leaf_csr(new_leaf_key(), parse_spiffe_id(identity))
    return authority.leaf(csr_pem(csr), clock.now(), ttl)


def chain_of(authority, clock, **options):
    """Return PEM of a leaf and its signer, and the leaf."""
    leaf = leaf_of(authority, clock, **options)
    return pem_chain((leaf, authority.signer.certificate)), leaf


async def shown(here, chain, **more):
    """Return the answer for web, which shows this chain."""
    return await here.decide("web", "db", ClientCert=chain, **more)


def test_a_chain_of_the_mesh_that_names_the_client_is_taken():
    """It decides as if the caller had verified it; again from memory; order does not matter."""

    async def scenario(here):
        chain, leaf = chain_of(here.upstream.active, here.clock)
        root = here.upstream.active.root.certificate
        for text in (
            chain,
            chain,
            pem_chain((leaf, root, here.upstream.active.signer.certificate)),
        ):
            assert (await shown(here, text)).allowed is True
        await here.put("web", "db", "deny")
        answer = await shown(here, chain)
        assert answer.reason.startswith("Matched L4 intention")
        assert answer.allowed is False

    ran(scenario)


def test_a_chain_of_nobody_we_know_is_denied():
    """Another mesh's, the leaf alone, the signer alone, a leaf of another signer: denied."""

    async def scenario(here):
        ours, other = here.upstream.active, Authority("evil", here.clock.now())
        foreign, _ = chain_of(other, here.clock)
        leaf = leaf_of(ours, here.clock)
        for chain, fault in (
            (foreign, FOREIGN),
            (pem_of(leaf), FOREIGN),
            (pem_of(ours.signer.certificate), "it does not name exactly the client"),
            (pem_chain((leaf, other.signer.certificate)), FOREIGN),
            (pem_chain((leaf_of(other, here.clock), ours.signer.certificate)), FOREIGN),
        ):
            answer = await shown(here, chain)
            assert (answer.allowed, answer.reason) == (False, f"{INVALID}: {fault}")
            assert answer.headers["x-ca-core-reason"] == answer.reason

    ran(scenario)


def test_a_certificate_of_another_client_is_denied():
    """The URI in it must be exactly the one that the caller told."""

    async def scenario(here):
        for identity in (uri("api"), uri("web", datacenter="dc9"), uri("web", domain="x.consul")):
            chain, _ = chain_of(here.upstream.active, here.clock, identity=identity)
            assert (await shown(here, chain)).allowed is False

    ran(scenario)


def altered(authority, clock, *extensions):
    """Return PEM of a certificate for web with these extensions, and of its signer."""
    now, signer = clock.now(), authority.signer
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web")]))
        .issuer_name(signer.certificate.subject)
        .public_key(new_leaf_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
    )
    key_id = x509.SubjectKeyIdentifier(subject_key_id(signer.certificate))
    aki = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id)
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(WEB)])
    for value, critical in ((aki, False), (names, True), *extensions):
        builder = builder.add_extension(value, critical)
    leaf = builder.sign(signer.key, hashes.SHA256())
    return pem_chain((leaf, signer.certificate))


@pytest.mark.parametrize(
    ("extension", "critical", "allowed"),
    [
        (x509.BasicConstraints(ca=False, path_length=None), True, True),
        (x509.BasicConstraints(ca=True, path_length=None), True, False),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False, False),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), False, True),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True, False),
    ],
)
def test_only_a_clients_certificate_is_one(extension, critical, allowed):
    """A CA, a server's certificate, one that says something nobody here understands: denied."""

    async def scenario(here):
        chain = altered(here.upstream.active, here.clock, (extension, critical))
        assert (await shown(here, chain)).allowed is allowed

    ran(scenario)


def test_a_certificate_ends():
    """Taken before, and remembered, it is denied once it has expired."""

    async def scenario(here):
        chain, _ = chain_of(here.upstream.active, here.clock, ttl=timedelta(hours=2))
        assert (await shown(here, chain)).allowed is True
        here.clock.advance(timedelta(hours=2, seconds=1))
        answer = await shown(here, chain)
        assert (answer.allowed, answer.reason) == (False, f"{INVALID}: it has expired")

    ran(scenario)


def test_a_certificate_begins():
    """One from a host whose clock is ahead is denied until then."""

    async def scenario(here):
        ahead = FakeClock(here.clock.now() + timedelta(hours=1))
        chain, _ = chain_of(here.upstream.active, ahead)
        answer = await shown(here, chain)
        assert (answer.allowed, answer.reason) == (False, f"{INVALID}: it is not valid yet")
        here.clock.advance(timedelta(hours=1))
        assert (await shown(here, chain)).allowed is True

    ran(scenario)


@pytest.mark.parametrize("chain", ["x", "-----BEGIN CERTIFICATE-----\nAAAA\n", "\x30\x82", "["])
def test_what_is_no_chain_gets_400(chain):
    """The field is named."""

    async def scenario(here):
        answer = await shown(here, chain)
        assert answer.status == 400
        assert answer.text.startswith("ClientCert")

    ran(scenario)


def test_a_chain_is_bounded():
    """More certificates than any path of ours has would be too many paths to try: 400."""

    async def scenario(here):
        root = here.upstream.active.root.certificate
        leaf = leaf_of(here.upstream.active, here.clock)
        answer = await shown(here, pem_chain((leaf, *[root] * MOST_CERTIFICATES)))
        assert answer.status == 400

    ran(scenario)


def test_a_serial_number_is_asked_for_where_it_is_checked():
    """None, another one than the certificate's: denied; in any case, with colons or without: taken.

    Where it is not checked, anything goes, as in Consul.
    """

    async def scenario(here):
        chain, leaf = chain_of(here.upstream.active, here.clock)
        right = serial_hex(leaf)
        checked = here.rules.check_serial
        assert (await here.decide("web", "db")).allowed is not checked
        assert (await here.decide("web", "db", ClientCertSerial="01:02")).allowed is True
        for wrong in ("", "01:02", "x", right + ":00"):
            answer = await shown(here, chain, ClientCertSerial=wrong)
            assert answer.allowed is not checked
        for told in (right, right.upper(), right.replace(":", "")):
            assert (await shown(here, chain, ClientCertSerial=told)).allowed is True

    ran(scenario)
    ran(scenario, rules=AuthorizeRules(check_serial=True))


def test_a_certificate_that_was_taken_back_is_denied():
    """Also one that was verified before; also the signer's."""

    async def scenario(here):
        chain, leaf = chain_of(here.upstream.active, here.clock)
        revoked = set()
        roots = here.agent.roots
        chains = ShownChains(lambda: roots.latest, here.clock, lambda one: one in revoked)
        client = parse_spiffe_id(WEB)
        assert chains.fault(chain, client) == ""
        revoked.add(leaf)
        assert chains.fault(chain, client) == "it was revoked"
        revoked.clear()
        assert chains.fault(chain, client) == ""
        revoked.add(here.upstream.active.signer.certificate)
        assert chains.fault(chain, client) == "a CA above it was revoked"

    ran(scenario)


def crl_of(authority, clock, *revoked):
    """Return a CRL of the authority's signer, as PEM."""
    signer = authority.signer
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(clock.now())
        .next_update(clock.now() + timedelta(days=1))
    )
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(clock.now()).build())
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_a_revocation_reaches_the_authorizer_within_ten_seconds():
    """The CRLs are asked for where a chain is shown; in an outage the last ones count."""

    async def scenario(here):
        chain, leaf = chain_of(here.upstream.active, here.clock)
        other, _ = chain_of(here.upstream.active, here.clock)
        here.upstream.crl_pems = [crl_of(here.upstream.active, here.clock)]
        for _ in range(3):
            assert (await shown(here, chain)).allowed is True
        assert here.upstream.crl_calls == 1
        here.upstream.crl_pems = [crl_of(here.upstream.active, here.clock, leaf)]
        here.clock.advance(timedelta(seconds=10))
        answer = await shown(here, chain)
        assert (answer.allowed, answer.reason) == (False, f"{INVALID}: it was revoked")
        here.upstream.crl_errors += [UnavailableError("away")] * 5
        here.clock.advance(timedelta(seconds=10))
        assert (await shown(here, chain)).allowed is False
        assert (await shown(here, other)).allowed is True
        assert here.upstream.crl_calls == 3

    ran(scenario)


def test_before_anything_is_known_of_revocation_no_chain_is_judged():
    """It is an error, not a yes; where no chain is shown nothing is asked."""

    async def scenario(here):
        chain, _ = chain_of(here.upstream.active, here.clock)
        here.upstream.crl_errors.append(UnavailableError("away"))
        assert (await shown(here, chain)).status == 503
        here.upstream.crl_pems = ["no CRL"]
        assert (await shown(here, chain)).status == 502
        here.upstream.crl_pems = []
        assert (await shown(here, chain)).allowed is True
        calls = here.upstream.crl_calls
        here.clock.advance(timedelta(hours=1))
        assert (await here.decide("web", "db")).allowed is True
        assert here.upstream.crl_calls == calls

    ran(scenario)


def test_a_root_that_is_trusted_no_more_takes_its_leaves_along():
    """What was verified under the former roots is verified anew."""

    async def scenario(here):
        chain, _ = chain_of(here.upstream.active, here.clock)
        assert (await shown(here, chain)).allowed is True
        here.upstream.rotate()
        del here.upstream.authorities[0]
        await asyncio.sleep(0)
        for _ in range(30):
            await asyncio.sleep(0)
        assert (await shown(here, chain)).allowed is False

    ran(scenario)
