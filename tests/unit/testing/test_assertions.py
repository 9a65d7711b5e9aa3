"""Assertions in domain words: honest answers pass, and a failure names what was seen and why."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509

from ca_core.contract import (
    KeySpec,
    KeyType,
    RequestError,
    Signer,
    SignerUnknownError,
    TrustChain,
    cross_sign_csr,
    generate_key,
    issue_leaf,
)
from ca_core.identity.leafcsr import new_leaf_key
from ca_core.testing import (
    assert_authority_is_for,
    assert_chains_to,
    assert_crl_is_by,
    assert_cross_certificate_is_for,
    assert_csr_is_for,
    assert_handshake,
    assert_intermediate_is_for,
    assert_is_ca,
    assert_leaf_is_for,
    assert_path_length,
    assert_refuses,
    assert_same_authority,
    assert_same_signer,
    assert_signed_by,
    assert_signer_is_for,
)
from ca_core.testing.conformance import Violation
from ca_core.testing.conformance.asking import web
from ca_core.testing.lending import TRUST_DOMAIN
from tests.unit.authority.drafts import draft, new_intermediate, new_root
from tests.unit.testing.patient import Cluster

LEAF_KEY = new_leaf_key()
HOUR = timedelta(hours=1)


class Made:
    """One of everything, made by an honest provider on a fake clock."""

    def __init__(self):
        cluster = Cluster(profile="calm")
        self.now, self.ask, self.server = cluster.clock.now(), cluster.ask, cluster.server()
        self.wanted = self.ask.authority()
        self.authority = self.server.ensure_authority(self.wanted)
        self.asked_signer = self.ask.signer("s1")
        self.signer = self.server.prepare_signer(self.asked_signer)
        self.asked_leaf = self.ask.leaf("s1", key=LEAF_KEY)
        self.leaf = self.server.sign_leaf(self.asked_leaf)
        self.root = self.authority.primary


MADE = Made()
OTHER_ROOT = new_root("other")


def refuses(*words):
    """Return a context for an assertion that must fail with these words."""
    pattern = ".*".join(map(re.escape, words))
    return pytest.raises(Violation, match=f"(?si){pattern}")


def altered(change, *, key=None):
    """Return the leaf altered in one thing, signed by another key of the same signer's name."""
    return change(draft(MADE.leaf)).signed(key or new_intermediate(new_root()).key)


def test_a_violation_is_an_assertion_error():
    """Pytest shows it as a failed assertion, not as an error of the test."""
    assert issubclass(Violation, AssertionError)


def test_a_root_is_a_ca_and_a_leaf_is_none():
    """What is missing is said, and who asks for it."""
    assert_is_ca(MADE.root)
    with refuses("svc/web", "is no CA: certificate 0: not a CA (RFC 5280"):
        assert_is_ca(MADE.leaf)


def test_path_lengths_are_compared():
    """Seen and expected stand side by side."""
    assert_path_length(MADE.signer.certificate, 0)
    assert_path_length(MADE.root, None)
    with refuses("has path length None, expected 1"):
        assert_path_length(MADE.root, 1)


def test_a_leaf_is_signed_by_its_signer_only():
    """The root did not sign it, and the name shows it."""
    assert_signed_by(MADE.leaf, MADE.signer.certificate)
    with refuses("was not issued by", "issuer name differs"):
        assert_signed_by(MADE.leaf, MADE.root)


def test_a_leaf_chains_to_its_anchor():
    """Signer first, anchor last, as a provider returns it."""
    assert_chains_to(
        MADE.leaf, MADE.signer.chain, [MADE.root, OTHER_ROOT.certificate], now=MADE.now
    )


@pytest.mark.parametrize(
    ("chain", "anchors", "late", "words"),
    [
        (MADE.signer.chain, [OTHER_ROOT.certificate], 0 * HOUR, ("not among the 1",)),
        (MADE.signer.chain, [MADE.root], 73 * HOUR, ("it is not valid at",)),
        (MADE.signer.chain, [MADE.root], 366 * 24 * HOUR, ("certificate 0: expired",)),
        (MADE.signer.chain[::-1], [MADE.root], 0 * HOUR, ("certificate 0: issuer name",)),
        ((), [MADE.root], 0 * HOUR, ("the path is empty",)),
        ((MADE.root,), [MADE.root], 0 * HOUR, ("issuer name differs",)),
    ],
    ids=["foreign anchor", "expired leaf", "expired signer", "reversed", "empty", "gap"],
)
def test_a_leaf_that_does_not_chain_is_explained(chain, anchors, late, words):
    """The certificate is named by its position."""
    with refuses("does not lead to an anchor", *words):
        assert_chains_to(MADE.leaf, chain, anchors, now=MADE.now + late)


def test_a_leaf_is_what_was_asked():
    """With and without its signer; also by template from the contract."""
    assert_leaf_is_for(MADE.leaf, MADE.asked_leaf)
    assert_leaf_is_for(MADE.leaf, MADE.asked_leaf, signer=MADE.signer, now=MADE.now)
    named = MADE.ask.leaf("s1", dns_names=("web.test", "a.web.test"))
    assert_leaf_is_for(issue_leaf(OTHER_ROOT, named), named)


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        (replace(MADE.asked_leaf, csr=MADE.ask.leaf("s1").csr), "leaf.4"),
        (replace(MADE.asked_leaf, identity=web("db")), "leaf.5"),
        (replace(MADE.asked_leaf, dns_names=("web.test",)), "leaf.7"),
        (replace(MADE.asked_leaf, not_after=MADE.now + HOUR), "leaf.15"),
    ],
)
def test_a_leaf_that_is_not_what_was_asked_breaks_a_rule(request_, rule):
    """The guard's rule is named, and where it stands."""
    with refuses("the leaf for spiffe://", f"({rule} in docs/guard.md)"):
        assert_leaf_is_for(MADE.leaf, request_)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda d: d.usage(key_agreement=True), "leaf.12"),
        (lambda d: d.without(x509.BasicConstraints), "leaf.10"),
        (lambda d: d.but(serial=7), "leaf.21"),
        (lambda d: d.but(begins=MADE.now + HOUR), "leaf.18"),
    ],
)
def test_a_leaf_outside_the_profile_breaks_a_rule(change, rule):
    """Whoever signed it: without a signer nothing is asked about the signature."""
    with refuses(f"({rule} in docs/guard.md)"):
        assert_leaf_is_for(altered(change), MADE.asked_leaf)


def test_the_named_signer_must_have_signed():
    """A leaf that is right but for its signature is wrong as soon as the signer is named."""
    forged = altered(lambda d: d)
    assert_leaf_is_for(forged, MADE.asked_leaf)
    with refuses("(leaf.2 in docs/guard.md)"):
        assert_leaf_is_for(forged, MADE.asked_leaf, signer=MADE.signer)


def test_what_cannot_be_read_is_no_leaf():
    """The first rule of the guard's list."""
    broken = altered(
        lambda d: d.having(
            x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.19"), b"\xff"), critical=True
        ).without(x509.BasicConstraints)
    )
    with refuses("cannot be judged", "(leaf.1 in docs/guard.md)"):
        assert_leaf_is_for(broken, MADE.asked_leaf)


def test_an_authority_is_what_was_asked():
    """Key, life, name; an adopted one keeps its own kind of key."""
    assert_authority_is_for(MADE.authority, MADE.wanted, now=MADE.now)
    other = replace(MADE.wanted, key=KeySpec(KeyType.ED25519))
    with refuses("its key is ec-256, not ed25519 (authority.5"):
        assert_authority_is_for(MADE.authority, other, now=MADE.now)
    assert_authority_is_for(replace(MADE.authority, adopted=True), other, now=MADE.now)


def test_a_signer_is_what_was_asked():
    """Id, key, life and place."""
    asked, domain = MADE.asked_signer, TRUST_DOMAIN
    assert_signer_is_for(MADE.signer, asked, MADE.authority, trust_domain=domain, now=MADE.now)
    wrong = Signer("s2", MADE.signer.chain)
    with refuses("signer s1: its id is not 's1' (signer.2"):
        assert_signer_is_for(wrong, asked, MADE.authority, trust_domain=domain, now=MADE.now)


def test_an_intermediate_and_a_cross_certificate_are_what_was_asked():
    """What is made for others is held against their requests."""
    authority = TrustChain((OTHER_ROOT.certificate,))
    wanted = MADE.ask.intermediate(cross_sign_csr(new_root("secondary")))
    intermediate = MADE.server.sign_intermediate(wanted)
    assert_intermediate_is_for(intermediate, wanted, MADE.authority, now=MADE.now)
    with refuses("(intermediate.2 in"):
        assert_intermediate_is_for(intermediate, wanted, authority, now=MADE.now)
    asked = MADE.ask.cross(OTHER_ROOT.certificate)
    cross = MADE.server.cross_sign(asked)
    assert_cross_certificate_is_for(cross, asked, MADE.authority, now=MADE.now)
    with refuses("(cross.10 in"):
        short = replace(asked, not_after=MADE.now + HOUR)
        assert_cross_certificate_is_for(cross, short, MADE.authority, now=MADE.now)


def test_a_csr_is_for_what_was_asked():
    """Kind of key, key and trust domain, each if asked."""
    csr = cross_sign_csr(OTHER_ROOT)
    assert_csr_is_for(csr)
    known = OTHER_ROOT.certificate
    assert_csr_is_for(csr, key=KeySpec(), known=known, trust_domain=TRUST_DOMAIN)
    with refuses("the CSR of CN=other", "(csr.4 in"):
        assert_csr_is_for(csr, known=MADE.root)


def test_a_crl_is_the_signers_and_lists_what_was_revoked():
    """What is not in it is named."""
    MADE.server.revoke(MADE.ask.revoke(MADE.leaf, "s1"))
    crl = MADE.server.crl(MADE.ask.crl("s1"))
    assert_crl_is_by(crl, MADE.signer, now=MADE.now, revokes=[MADE.leaf])
    other = MADE.server.sign_leaf(MADE.ask.leaf("s1", identity=web("db")))
    with refuses("the CRL of signer s1 does not list", "svc/db"):
        assert_crl_is_by(crl, MADE.signer, now=MADE.now, revokes=[other])
    with refuses("(crl.5 in"):
        assert_crl_is_by(crl, MADE.signer, now=MADE.now + timedelta(days=30))


def test_two_answers_are_compared_whole():
    """Both are shown."""
    other = TrustChain((OTHER_ROOT.certificate,))
    assert_same_authority(MADE.authority, MADE.authority)
    with refuses("two authorities", "CN=root a1", "then", "CN=other"):
        assert_same_authority(MADE.authority, other)
    assert_same_signer(MADE.signer, Signer("s1", MADE.signer.chain))
    with refuses("one signer was expected", "s1", "then", "s2"):
        assert_same_signer(MADE.signer, Signer("s2", MADE.signer.chain))


def test_a_leaf_shakes_hands():
    """OpenSSL on both sides, with certificates of a fake clock."""
    chain = MADE.signer.chain
    assert_handshake(MADE.leaf, LEAF_KEY, chain, anchors=[MADE.root], now=MADE.now)


def test_a_handshake_without_the_key_or_with_a_foreign_purpose_fails():
    """OpenSSL says why, in its own words."""
    chain, anchors = MADE.signer.chain, [MADE.root]
    with refuses("TLS with spiffe://", "KEY_VALUES_MISMATCH"):
        assert_handshake(MADE.leaf, generate_key(KeySpec()), chain, anchors=anchors, now=MADE.now)
    issuer = new_intermediate(OTHER_ROOT)
    leaf = issue_leaf(issuer, MADE.asked_leaf)
    usage = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH])
    server_only = draft(leaf).having(usage, critical=False).signed(issuer.key)
    links = (issuer.certificate, OTHER_ROOT.certificate)
    with refuses("TLS with spiffe://", "purpose"):
        assert_handshake(server_only, LEAF_KEY, links, anchors=links[1:], now=MADE.now)


def test_a_handshake_looks_at_the_machines_clock_unless_told():
    """A leaf of 2030 is not valid yet."""
    with refuses("expired or not yet valid"):
        assert_handshake(MADE.leaf, LEAF_KEY, MADE.signer.chain, anchors=[MADE.root])


def test_a_refusal_is_expected_by_its_kind():
    """Accepting is a violation, and so is another error."""
    with assert_refuses(SignerUnknownError, of="an unknown signer"):
        MADE.server.sign_leaf(MADE.ask.leaf("s9"))
    wrong = refuses("an unknown signer raised SignerUnknownError", "not RequestError")
    with wrong, assert_refuses(RequestError, of="an unknown signer"):
        MADE.server.sign_leaf(MADE.ask.leaf("s9"))
    accepted = refuses("a leaf was accepted; it should raise RequestError")
    with accepted, assert_refuses(RequestError, of="a leaf"):
        MADE.server.sign_leaf(MADE.ask.leaf("s1"))
