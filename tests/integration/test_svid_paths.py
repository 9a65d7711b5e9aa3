"""Our path walk and ``openssl verify`` agree."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from ca_core.contract.issuing import KeyPair, issue_leaf
from ca_core.identity.paths import path_faults
from tests.integration.svid import (
    CA_KEYS,
    LEAF_KEYS,
    NOW,
    Authority,
    authority,
    corporate,
    key_of,
    openssl_faults,
    request_for,
)
from tests.unit.identity import test_paths as unit
from tests.unit.identity.chains import chain, honest

OPENSSL_TIME = str(int(unit.NOW.timestamp()))

AGREED = sorted(unit.FAULTS.keys() - {"an expired anchor", "no SKI", "a weak key", "garbage"})


def below_path(links, path) -> tuple[x509.Certificate, Authority]:
    """Return a leaf under the signer of a path."""
    made = Authority(KeyPair(path[-1], links[-1].key), KeyPair(path[0], links[0].key), path[:-1])
    request = replace(
        request_for(key_of(LEAF_KEYS[0], 9)),
        not_before=unit.NOW - unit.DAY,
        not_after=unit.NOW + unit.DAY,
    )
    return issue_leaf(made.signer, request), made


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_both_accept_an_honest_path(length: int, tmp_path: Path):
    """From a root that signs leaves to four levels of CAs."""
    links = honest(length)
    path = chain(*links)
    leaf, made = below_path(links, path)
    assert path_faults(path, now=unit.NOW) == ()
    assert not openssl_faults(tmp_path, leaf, made.between, path[-1], "-attime", OPENSSL_TIME)


@pytest.mark.parametrize("fault", AGREED)
def test_both_refuse_a_path_with_a_fault(fault: str, tmp_path: Path):
    """Every fault that our walk finds, OpenSSL finds in one purpose or the other."""
    position, change, _ = unit.FAULTS[fault]
    links = honest()
    change(links[position])
    path = chain(*links)
    leaf, made = below_path(links, path)
    assert path_faults(path, now=unit.NOW)
    assert openssl_faults(tmp_path, leaf, made.between, path[-1], "-attime", OPENSSL_TIME)


def test_both_read_name_constraints_alike(tmp_path: Path):
    """A trust domain inside, and one outside, of what the root permits."""
    for host, fine in (("a.example", True), ("b.example", False)):
        links = honest()
        links[0].extensions = [unit.NAMED]
        limits = unit.only_below(
            x509.UniformResourceIdentifier(host),
            x509.UniformResourceIdentifier("11111111-2222-3333-4444-555555555555.consul"),
        )
        links[2].extensions = [(limits, True)]
        path = chain(*links)
        leaf, made = below_path(links, path)
        said = openssl_faults(tmp_path, leaf, made.between, path[-1], "-attime", OPENSSL_TIME)
        assert (not said) == fine
        assert (path_faults(path, now=unit.NOW) == ()) == fine


@pytest.mark.parametrize("ca_key", CA_KEYS, ids=str)
def test_every_kind_of_key_is_walked(ca_key):
    """Ed25519 too, which pyca's verifier refuses, and a corporate RSA root above any of them."""
    own, bought = authority(ca_key), corporate(ca_key)
    assert path_faults(own.path, now=NOW) == ()
    assert path_faults((*bought.path, *bought.above), now=NOW) == ()
    assert path_faults((own.signer.certificate, bought.anchor.certificate), now=NOW)
