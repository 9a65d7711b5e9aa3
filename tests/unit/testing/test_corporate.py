"""The corporate CA that tests sign primary CAs with."""

from datetime import timedelta

from ca_core.contract import KeySpec, ca_csr, generate_key, path_faults
from ca_core.testing import CorporateCA, FakeClock
from ca_core.testing.lending import TRUST_DOMAIN

NOW = FakeClock().now()
DAY = timedelta(days=1)


def signed_by(corporate):
    """Return what an operator would install."""
    csr = ca_csr(generate_key(KeySpec()), trust_domain=TRUST_DOMAIN, label="root a-1")
    return corporate.signed(csr, now=NOW, path_length=None)


def test_corporate_cas_stand_below_one_another():
    """Three levels of them and a primary CA are one sound path, each with a name of its own."""
    root = CorporateCA(now=NOW)
    issuing = CorporateCA(now=NOW, below=CorporateCA(now=NOW, below=root))
    chain = signed_by(issuing)
    assert len(chain) == len({link.subject for link in chain}) == 4
    assert chain[-1] == root.root == issuing.root
    assert path_faults(chain, now=NOW) == ()


def test_what_a_corporate_ca_signs_ends_with_it():
    """A short life of the CA is the longest of what it signs."""
    corporate = CorporateCA(now=NOW, ttl=30 * DAY)
    assert signed_by(corporate)[0].not_valid_after_utc == corporate.chain[0].not_valid_after_utc
