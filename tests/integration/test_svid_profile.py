"""The SVID profile, field by field, and in the eyes of OpenSSL, pyca and pkilint."""

import ipaddress
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.contract.issuing import BACKDATE, issue_leaf
from ca_core.contract.requests import LeafRequest
from ca_core.identity.certificates import authority_key_id, pem_chain, subject_key_id
from ca_core.identity.keys import KeySpec, KeyType
from ca_core.identity.paths import path_faults
from ca_core.identity.spiffe import (
    AgentId,
    GatewayId,
    ServerId,
    ServiceId,
    SpiffeId,
    TrustDomain,
)
from tests.integration.svid import (
    ADDRESS,
    CA_KEYS,
    DAY,
    DOMAIN,
    LEAF_KEYS,
    NOW,
    WEB,
    Authority,
    authority,
    corporate,
    csr_for,
    key_of,
    leaf_under,
    openssl_faults,
    pkilint_findings,
    request_for,
    ski_method_1,
    told,
    write,
)

ED25519 = KeySpec(KeyType.ED25519)
PURPOSES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


def assert_svid(leaf: x509.Certificate, request: LeafRequest, made: Authority) -> None:
    """Assert every field of the profile. Source: SPIFFE X509-SVID §4, RFC 5280 §4."""
    signer = made.signer.certificate
    assert leaf.version is x509.Version.v3
    assert leaf.subject == x509.Name([])
    assert leaf.issuer == signer.subject
    assert leaf.serial_number.bit_length() == 128
    assert leaf.not_valid_before_utc == NOW - timedelta(seconds=60)
    assert leaf.not_valid_after_utc == min(request.not_after, signer.not_valid_after_utc)
    assert leaf.public_key() == request.csr.public_key()
    leaf.verify_directly_issued_by(signer)
    assert_extensions(leaf, request)
    assert authority_key_id(leaf) == subject_key_id(signer)
    assert subject_key_id(leaf) == ski_method_1(request.csr)


def assert_extensions(leaf: x509.Certificate, request: LeafRequest) -> None:
    """Assert which extensions there are, which are critical, and what the usages say."""
    critical = {extension.oid: extension.critical for extension in leaf.extensions}
    assert critical == {
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME: True,
        ExtensionOID.KEY_USAGE: True,
        ExtensionOID.BASIC_CONSTRAINTS: True,
        ExtensionOID.EXTENDED_KEY_USAGE: False,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER: False,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER: False,
    }
    get = leaf.extensions.get_extension_for_class
    assert list(get(x509.SubjectAlternativeName).value) == [
        x509.UniformResourceIdentifier(str(request.identity)),
        *(x509.DNSName(name) for name in request.dns_names),
        *(x509.IPAddress(address) for address in request.ip_addresses),
    ]
    assert get(x509.BasicConstraints).value == x509.BasicConstraints(ca=False, path_length=None)
    assert list(get(x509.ExtendedKeyUsage).value) == PURPOSES
    usage = get(x509.KeyUsage).value
    assert usage.public_bytes() == bytes.fromhex("03020780")  # digitalSignature and nothing else


@pytest.mark.parametrize("leaf_key", LEAF_KEYS, ids=str)
@pytest.mark.parametrize("ca_key", CA_KEYS, ids=str)
def test_a_leaf_of_any_key_under_any_ca_is_an_svid(ca_key, leaf_key, tmp_path):
    """28 pairs: the profile field by field, and OpenSSL's strictest reading for both purposes."""
    made, key = authority(ca_key), key_of(leaf_key, 9)
    request = request_for(key, dns_names=("web.local",), ip_addresses=(ADDRESS,))
    leaf = issue_leaf(made.signer, request)
    assert_svid(leaf, request, made)
    assert not openssl_faults(tmp_path, leaf, made.between, made.anchor.certificate)


@pytest.mark.parametrize("ca_key", CA_KEYS, ids=str)
def test_a_corporate_signed_authority_anchors_partial_chains(ca_key, tmp_path):
    """The mesh trusts the primary CA; the corporate root need not be there, and may be."""
    made = corporate(ca_key)
    leaf = leaf_under(made, key_of(LEAF_KEYS[0], 9))
    anchor = made.anchor.certificate
    assert not openssl_faults(tmp_path, leaf, made.between, anchor, "-partial_chain")
    assert "unable to get issuer" in openssl_faults(tmp_path, leaf, made.between, anchor)
    whole = (*made.between, anchor)
    assert not openssl_faults(tmp_path, leaf, whole, made.above[0])
    assert path_faults((*whole, *made.above), now=NOW) == ()


@pytest.mark.parametrize("ca_key", CA_KEYS, ids=str)
def test_a_primary_ca_may_sign_leaves_itself(ca_key, tmp_path):
    """Without an intermediate the chain is leaf and root."""
    made = authority(ca_key)
    direct = Authority(made.anchor, made.anchor, ())
    request = request_for(key_of(LEAF_KEYS[0], 9))
    leaf = issue_leaf(direct.signer, request)
    assert_svid(leaf, request, direct)
    assert not openssl_faults(tmp_path, leaf, (), made.anchor.certificate)


FALSE_POSITIVE = "pkix.invalid_uri_syntax"


@pytest.mark.parametrize("ca_key", CA_KEYS, ids=str)
def test_pkilint_finds_nothing(ca_key, capsys, monkeypatch):
    """Leaf, intermediate and root; only its opinion of ``spiffe://`` is known to be wrong."""
    made = authority(ca_key)
    leaf = leaf_under(made, key_of(LEAF_KEYS[0], 9), dns_names=("web.local",))
    for certificate, uri in (
        (leaf, str(WEB)),
        (made.signer.certificate, f"spiffe://{DOMAIN}"),
        (made.anchor.certificate, f"spiffe://{DOMAIN}"),
    ):
        known = (FALSE_POSITIVE, f'Invalid URI syntax: "{uri}"')
        assert pkilint_findings(certificate, capsys, monkeypatch) == [known]


@pytest.mark.parametrize("leaf_key", LEAF_KEYS, ids=str)
def test_pkilint_finds_nothing_in_a_leaf_of_any_key(leaf_key, capsys, monkeypatch):
    """Key usage fits every kind of key: no keyEncipherment in EC leaves, as Consul's have."""
    leaf = leaf_under(authority(CA_KEYS[0]), key_of(leaf_key, 9))
    known = (FALSE_POSITIVE, f'Invalid URI syntax: "{WEB}"')
    assert pkilint_findings(leaf, capsys, monkeypatch) == [known]


def test_pkilints_own_command_says_the_same(tmp_path):
    """The console script, as an operator would run it; it recognises SKI method 1 too."""
    leaf = leaf_under(authority(CA_KEYS[0]), key_of(LEAF_KEYS[0], 9))
    script = Path(sys.executable).with_name("lint_pkix_cert")
    path = write(tmp_path / "leaf.pem", pem_chain([leaf]))
    done = subprocess.run(
        [script, "lint", "-f", "JSON", path], capture_output=True, check=False, timeout=20
    )
    assert told(done.stdout.decode()) == [
        (FALSE_POSITIVE, f'Invalid URI syntax: "{WEB}"'),
        ("pkix.subject_key_identifier_method_1_identified", "None"),
    ]


def test_our_path_walk_and_pkilint_see_what_is_wrong(tmp_path, capsys, monkeypatch):
    """The judges above can say no: a CA's certificate is no leaf, a leaf no CA."""
    made = authority(CA_KEYS[0])
    leaf = leaf_under(made, key_of(LEAF_KEYS[0], 9))
    assert path_faults((leaf, *made.path), now=NOW)
    ours = made.anchor.certificate
    other = corporate(CA_KEYS[0])
    assert openssl_faults(tmp_path, leaf_under(other, key_of(LEAF_KEYS[0], 9)), (), ours)
    assert not pkilint_findings(other.above[0], capsys, monkeypatch)


labels = st.from_regex(r"[a-zA-Z0-9._-]{1,20}", fullmatch=True).filter(
    lambda text: text not in {".", ".."}
)
domains = st.from_regex(r"[a-z0-9._-]{1,40}", fullmatch=True).map(TrustDomain)
identities = st.one_of(
    st.builds(ServiceId, trust_domain=domains, namespace=labels, datacenter=labels, service=labels),
    st.builds(AgentId, trust_domain=domains, datacenter=labels, node=labels),
    st.builds(ServerId, trust_domain=domains, datacenter=labels),
    st.builds(GatewayId, trust_domain=domains, datacenter=labels),
)
addresses = st.ip_addresses().filter(lambda found: not getattr(found, "scope_id", None))
hosts = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z0-9]{1,5}){0,3}", fullmatch=True)
QUICK = (KeySpec(KeyType.EC, 256), KeySpec(KeyType.EC, 384), ED25519)


@settings(max_examples=60)
@given(
    identity=identities,
    ca_key=st.sampled_from(QUICK),
    leaf_key=st.sampled_from(LEAF_KEYS),
    ttl=st.timedeltas(min_value=timedelta(seconds=1), max_value=40 * DAY),
    dns_names=st.lists(hosts, max_size=4).map(tuple),
    ip_addresses=st.lists(addresses, max_size=3).map(tuple),
)
def test_the_profile_holds_for_every_identity_key_and_life(
    identity: SpiffeId, ca_key, leaf_key, ttl, dns_names, ip_addresses
):
    """Whatever is asked for: exactly that, never longer than the signer lives."""
    made = authority(ca_key)
    whole = timedelta(seconds=int(ttl.total_seconds()))
    request = request_for(
        key_of(leaf_key, 9),
        identity=identity,
        ttl=whole,
        dns_names=dns_names,
        ip_addresses=ip_addresses,
    )
    assert_svid(issue_leaf(made.signer, request), request, made)


def test_fractions_of_a_second_are_cut_and_never_added():
    """Certificates count whole seconds; a leaf never outlives what was asked."""
    made = authority(CA_KEYS[0])
    request = request_for(key_of(LEAF_KEYS[0], 9), ttl=timedelta(seconds=10.9))
    leaf = issue_leaf(made.signer, request)
    assert leaf.not_valid_after_utc == NOW + timedelta(seconds=10)


def test_serial_numbers_are_128_random_bits():
    """A thousand leaves: all different, all of 128 bits, and no bit below the first always set."""
    made, key = authority(CA_KEYS[0]), key_of(LEAF_KEYS[0], 9)
    serials = [leaf_under(made, key).serial_number for _ in range(300)]
    assert len(set(serials)) == len(serials)
    assert {serial.bit_length() for serial in serials} == {128}
    for bit in range(127):
        assert 0 < sum(serial >> bit & 1 for serial in serials) < len(serials)


def test_a_signer_of_ours_has_a_name_and_path_length_0():
    """An empty subject would make leaves with an empty issuer; a primary CA has no path length."""
    made = authority(CA_KEYS[0])
    constraints = x509.BasicConstraints
    signer, root = made.signer.certificate, made.anchor.certificate
    get = signer.extensions.get_extension_for_class
    assert signer.subject.rdns
    assert get(constraints).value == constraints(ca=True, path_length=0)
    found = root.extensions.get_extension_for_class(constraints).value
    assert found == constraints(ca=True, path_length=None)
    assert signer.subject != root.subject


def test_csrs_of_every_key_prove_possession():
    """The helper above makes what the core would accept."""
    for spec in LEAF_KEYS:
        assert csr_for(key_of(spec, 9)).is_signature_valid
    assert timedelta(seconds=60) == BACKDATE
    assert ipaddress.ip_address("127.0.0.1") == ADDRESS
