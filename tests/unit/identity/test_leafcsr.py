import pytest
from cryptography import x509
from cryptography.x509.oid import AttributeOID, ExtensionOID

from ca_core.identity.leafcsr import csr_pem, key_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import ServiceId, TrustDomain

KEY = new_leaf_key()
WEB = ServiceId(trust_domain=TrustDomain("1234.consul"), datacenter="dc1", service="web")


def test_our_leaf_keys_and_csrs_are_what_consul_makes():
    """P-256, ``EC PRIVATE KEY``, empty subject, critical SAN, no other extension or attribute."""
    csr = leaf_csr(KEY, WEB)
    assert key_pem(KEY).startswith("-----BEGIN EC PRIVATE KEY-----")
    assert not csr.subject.rdns
    assert [e.oid for e in csr.extensions] == [ExtensionOID.SUBJECT_ALTERNATIVE_NAME]
    assert csr.extensions[0].critical
    with pytest.raises(x509.AttributeNotFound):
        csr.attributes.get_attribute_for_oid(AttributeOID.CHALLENGE_PASSWORD)


def test_a_csr_goes_out_as_pem():
    """One block, and the same request when it is read again."""
    csr = leaf_csr(KEY, WEB)
    assert csr_pem(csr).startswith("-----BEGIN CERTIFICATE REQUEST-----")
    assert x509.load_pem_x509_csr(csr_pem(csr).encode()) == csr
