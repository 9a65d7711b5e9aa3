"""What a server sends is checked before anybody sees it."""

from datetime import timedelta
from ipaddress import ip_address

import pytest

from ca_core.agent.verification import (
    MAX_CHAIN,
    UntrustedChainError,
    Wanted,
    trusted_path,
    verified_chain,
)
from ca_core.contract.issuing import issue_cross_certificate
from ca_core.contract.requests import CrossSignRequest
from ca_core.errors import ProviderError
from ca_core.identity.certificates import pem_chain
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key
from ca_core.identity.spiffe import ServiceId
from ca_core.testing.clock import START
from tests.unit.agent.fakes import DATACENTER, TRUST_DOMAIN, Authority

WEB = ServiceId(trust_domain=TRUST_DOMAIN, datacenter=DATACENTER, service="web")
API = ServiceId(trust_domain=TRUST_DOMAIN, datacenter=DATACENTER, service="api")
HOUR = timedelta(hours=1)
OLD, NEW = Authority("old", START), Authority("new", START)


def wanted(**names):
    """Return what a CSR for ``web`` asks for."""
    return Wanted(key=new_leaf_key(), identity=WEB, **names)


def signed(asked, authority=OLD, **changed):
    """Return the chain that ``authority`` gives for it, leaf and signer, as certificates."""
    names = {"dns": asked.dns_names, "ip": asked.ip_addresses} | changed
    csr = csr_pem(leaf_csr(asked.key, asked.identity, names["dns"], names["ip"]))
    leaf = authority.leaf(csr, START, HOUR, identity=changed.get("identity"))
    return leaf, authority.signer.certificate


def check(asked, chain, authority=OLD):
    """Check a chain against the root of ``authority``."""
    anchors = (authority.root.certificate,)
    return verified_chain(pem_chain(chain), asked, anchors, now=START)


def test_exactly_what_was_asked_for_passes():
    """Key, identity, names in their order, and a path to the root."""
    asked = wanted(dns_names=("b", "a"), ip_addresses=(ip_address("::1"), ip_address("10.0.0.1")))
    chain = signed(asked)
    assert check(asked, chain) == chain


@pytest.mark.parametrize(
    "changed",
    [
        {"identity": API},
        {"dns": ("a", "c")},
        {"dns": ("a",)},
        {"dns": ("a", "b", "evil")},
        {"ip": (ip_address("10.0.0.2"),)},
        {"ip": ()},
    ],
)
def test_any_other_name_is_refused(changed):
    """One name more, less or different, and nothing is used."""
    asked = wanted(dns_names=("a", "b"), ip_addresses=(ip_address("10.0.0.1"),))
    with pytest.raises(ProviderError, match="does not name exactly"):
        check(asked, signed(asked, **changed))


def test_another_key_is_refused():
    """A leaf for a key that is not ours is useless at best."""
    with pytest.raises(ProviderError, match="another key"):
        check(wanted(), signed(wanted()))


def test_a_foreign_root_is_refused():
    """Only the anchors known here count."""
    asked = wanted()
    with pytest.raises(UntrustedChainError):
        check(asked, signed(asked), NEW)


def test_a_missing_intermediate_is_refused():
    """A leaf alone leads nowhere."""
    asked = wanted()
    with pytest.raises(UntrustedChainError):
        check(asked, signed(asked)[:1])


def test_an_expired_intermediate_is_refused():
    """Every certificate above the leaf is valid now."""
    asked = wanted()
    chain = pem_chain(signed(asked))
    late = START + timedelta(days=366)
    with pytest.raises(UntrustedChainError):
        verified_chain(chain, asked, (OLD.root.certificate,), now=late)


def test_a_cross_signed_root_leads_to_the_old_anchor():
    """Leaf, new intermediate and cross-signed new root verify under either root."""
    request = CrossSignRequest(
        request_id="r",
        deadline=START + HOUR,
        certificate=NEW.root.certificate,
        not_after=START + timedelta(days=30),
    )
    cross = issue_cross_certificate(OLD.root, request, now=START)
    asked = wanted()
    chain = (*signed(asked, NEW), cross)
    assert check(asked, chain, OLD) == chain
    assert check(asked, chain, NEW) == chain
    path = trusted_path(chain, (OLD.root.certificate,), now=START)
    assert path == (NEW.signer.certificate, cross, OLD.root.certificate)


@pytest.mark.parametrize("text", ["", "hello", "-----BEGIN CERTIFICATE-----\nAA\n"])
def test_what_is_no_certificate_is_refused(text):
    """Damaged answers are an error of the server, not a crash here."""
    with pytest.raises(ProviderError):
        verified_chain(text, wanted(), (), now=START)


def test_an_endless_chain_is_refused():
    """More certificates than any chain of ours are not even looked at."""
    asked = wanted()
    leaf, signer = signed(asked)
    with pytest.raises(ProviderError, match="at most"):
        check(asked, (leaf, *([signer] * MAX_CHAIN)))
