"""A handshake in memory: OpenSSL on both ends, strict, and blind for names and time."""

import ssl

import pytest
from cryptography import x509

from ca_core.contract import KeySpec, KeyType, generate_key, issue_leaf
from ca_core.identity.leafcsr import leaf_csr, new_leaf_key
from ca_core.testing.conformance.handshaking import End, shake_hands
from tests.unit.authority.drafts import WEB, draft, new_intermediate, new_root
from tests.unit.authority.liars import leaf_request


def shown(signer, change=lambda honest: honest):
    """Return one end with a leaf below ``signer``, changed and signed again."""
    key = new_leaf_key()
    honest = issue_leaf(signer, leaf_request(csr=leaf_csr(key, WEB)))
    return End((change(draft(honest)).signed(signer.key), signer.certificate), key)


@pytest.mark.parametrize("spec", [KeySpec(), KeySpec(KeyType.ED25519)], ids=str)
def test_two_leaves_of_one_authority_shake_hands(spec):
    """Each end sees the other's leaf, whatever year the certificates are from."""
    root = new_root(spec=spec)
    signer = new_intermediate(root, spec=spec)
    client, server = shown(signer), shown(signer)
    seen = shake_hands(client, server, root.certificate)
    assert seen == (server.chain[0], client.chain[0])


def test_a_leaf_of_another_authority_is_refused():
    """Both ends trust one primary CA and nothing else."""
    ours, theirs = new_root(), new_root()
    client, server = shown(new_intermediate(ours)), shown(new_intermediate(theirs))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(client, server, ours.certificate)


def test_openssl_is_as_strict_as_it_can_be():
    """A critical authority key identifier is found by strict verifiers only."""
    root = new_root()
    signer = new_intermediate(root)

    def critical(honest):
        return honest.having(honest.extensions[x509.AuthorityKeyIdentifier][0], critical=True)

    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(shown(signer), shown(signer, critical), root.certificate)


def test_a_key_of_another_leaf_is_refused():
    """What is shown belongs together."""
    root = new_root()
    signer = new_intermediate(root)
    stolen = End(shown(signer).chain, generate_key(KeySpec()))
    with pytest.raises(ssl.SSLError):
        shake_hands(stolen, shown(signer), root.certificate)
