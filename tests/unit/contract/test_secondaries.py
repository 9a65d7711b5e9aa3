"""A secondary's signer is kept once, for its own CSR's key and below one anchor."""

from datetime import timedelta

import pytest

from ca_core.contract import (
    ROOT,
    AuthorityRetiredError,
    InstallRequest,
    Kept,
    KeySpec,
    KeyType,
    RequestError,
    ca_csr,
    installed_intermediate,
    signer_name,
)
from ca_core.testing import provider_context
from ca_core.testing.lending import TRUST_DOMAIN
from tests.unit.providers.authorities import NOW, corporate_ca, key_for, own_root, signed_by

ABOVE = own_root()
ELSEWHERE = own_root(KeySpec(KeyType.EC, 384))
KEY = key_for(KeySpec(), "signer")


@pytest.fixture
def kept():
    """The records of one authority in a secondary datacenter."""
    return Kept(provider_context("a1"))


def chain_below(root, key=KEY, **rest):
    """Return what a primary signs for a CSR by ``key``, and its root."""
    csr = ca_csr(key, trust_domain=TRUST_DOMAIN, label="s")
    return (signed_by(root, csr, **rest), root.certificate)


CHAIN = chain_below(ABOVE)


def install(kept, chain=CHAIN, signer="s1", *, key=lambda: KEY, now=NOW):
    """Install ``chain`` as a provider would."""
    request = InstallRequest(
        request_id="r", deadline=NOW + timedelta(seconds=30), id=signer, chain=chain
    )
    return installed_intermediate(request, kept, key, trust_domain=TRUST_DOMAIN, now=now)


def refusal(kept, *args, **rest):
    """Return the error with which an installation is refused; nothing may have been recorded."""
    before = chains(kept)
    with pytest.raises(RequestError) as refused:
        install(kept, *args, **rest)
    assert chains(kept) == before
    return refused.value


def chains(kept):
    """Return everything that an installation may have kept."""
    return [kept.chain_or_none(name) for name in (ROOT, signer_name("s1"), signer_name("s2"))]


@pytest.mark.parametrize("key", [KEY, KEY.public_key()], ids=["private", "public"])
def test_the_chain_is_kept_and_what_lies_above_is_the_authoritys(kept, key):
    """A private key or its public half is as good; the signer's chain stands whole."""
    assert install(kept, key=lambda: key) == CHAIN
    assert kept.chain(signer_name("s1")) == CHAIN
    assert kept.chain(ROOT) == CHAIN[1:]


def test_a_repeat_asks_for_no_key_and_not_for_the_time(kept):
    """What is installed stands, also after the chain has ended and its CSR was forgotten."""
    install(kept)

    def forgotten():
        raise AssertionError("asked for the key of what is installed")

    assert install(kept, key=forgotten, now=NOW + timedelta(days=9999)) == CHAIN


def test_another_chain_for_an_installed_signer_is_refused(kept):
    """The first one stands, though the second is as sound."""
    install(kept)
    error = refusal(kept, chain_below(ABOVE))
    assert str(error) == "chain: another chain is installed for this signer"
    assert kept.chain(signer_name("s1")) == CHAIN


def test_without_a_csr_nothing_is_installed(kept):
    """There is no key that the certificate could be for."""
    error = refusal(kept, key=lambda: None)
    assert str(error) == "id: no CSR was made for this signer"


@pytest.mark.parametrize(
    ("chain", "now", "why"),
    [
        (chain_below(ABOVE, key_for(KeySpec(), "stranger")), NOW, "does not belong"),
        (CHAIN[:1], NOW, "the anchor last"),
        ((CHAIN[0], ELSEWHERE.certificate), NOW, "differs from the issuer"),
        (CHAIN, NOW + timedelta(days=901), "expired"),
        (CHAIN, NOW - timedelta(minutes=5), "not yet valid"),
    ],
    ids=["another key", "no anchor", "another issuer", "ended", "not yet valid"],
)
def test_a_faulty_chain_is_refused_and_leaves_no_record(kept, chain, now, why):
    """Every fault is the caller's, named for the field that it stands in."""
    error = refusal(kept, chain, now=now)
    assert error.field == "chain"
    assert why in str(error)


def test_a_signer_below_another_anchor_is_refused(kept):
    """One authority has one anchor."""
    install(kept)
    error = refusal(kept, chain_below(ELSEWHERE), "s2")
    assert str(error) == "chain: it leads to another authority's anchor"


def test_a_second_signer_may_take_another_way_to_the_anchor(kept):
    """What lies between may differ; the authority's chain and the first signer's stay."""
    install(kept)
    between = corporate_ca("Between", key_for(KeySpec(), "between"), issuer=ABOVE)
    second = (*chain_below(between), ABOVE.certificate)
    assert install(kept, second, "s2") == second
    assert chains(kept) == [CHAIN[1:], CHAIN, second]


def test_a_retired_signer_is_not_installed_again(kept):
    """Its id is dead from the mark on, whether its chain is still there or not."""
    install(kept)
    for retire in (kept.mark_retired, kept.retire_signer):
        retire("s1")
        assert "never used again" in str(refusal(kept))
    assert refusal(kept, signer="Not An Id").field == "id"


def test_nothing_is_installed_under_a_retired_authority(kept):
    """Its id is dead, and with it every signer's."""
    kept.retire()
    with pytest.raises(AuthorityRetiredError):
        install(kept)


def test_a_signer_retired_meanwhile_leaves_nothing(kept):
    """Whoever retires it while it is being checked has the last word."""

    def key():
        kept.mark_retired("s1")
        return KEY

    with pytest.raises(RequestError, match="never used again"):
        install(kept, key=key)
    assert kept.chain_or_none(signer_name("s1")) is None
