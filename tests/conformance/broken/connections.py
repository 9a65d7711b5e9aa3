"""Providers whose leaves fail with some keys, or only in OpenSSL's eyes."""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from ca_core.contract import AgentId
from ca_core.testing import ReferenceProvider
from tests.conformance.broken.spoiling import broken, spoiled_leaf
from tests.unit.authority.drafts import draft


class UsualLeafKey(ReferenceProvider):
    """Has a role that puts a key of its own in place of an Ed25519 one."""

    def sign_leaf(self, request):
        """Replace keys that the role does not allow."""
        leaf = super().sign_leaf(request)
        signer = self._signer(request.signer)
        if isinstance(signer.key, ec.EllipticCurvePrivateKey) and isinstance(
            leaf.public_key(), ed25519.Ed25519PublicKey
        ):
            other = ec.generate_private_key(ec.SECP256R1()).public_key()
            return draft(leaf).but(key=other).signed(signer.key)
        return leaf


class HashOfTheLeaf(ReferenceProvider):
    """Chooses the signature by the leaf's key: an Ed25519 CA signs no EC leaves but P-256."""

    def sign_leaf(self, request):
        """Sign by another key what the own key cannot."""
        leaf = super().sign_leaf(request)
        key = leaf.public_key()
        signer = self._signer(request.signer).key
        unable = isinstance(signer, ed25519.Ed25519PrivateKey)
        if unable and isinstance(key, ec.EllipticCurvePublicKey) and key.key_size > 256:
            return draft(leaf).signed(ec.generate_private_key(ec.SECP256R1()))
        return leaf


def critical_key_id(honest, _request):
    """Mark the authority key identifier critical, which RFC 5280 forbids."""
    return honest.having(honest.extensions[x509.AuthorityKeyIdentifier][0], critical=True)


BROKEN = (
    broken("own-key-for-ed25519", "replaces Ed25519 keys", "leaf.csr-keys", UsualLeafKey),
    broken("hash-of-the-leaf", "signs by the leaf's kind of key", "leaf.key-pairs", HashOfTheLeaf),
    spoiled_leaf(
        "leaf-key-id-critical",
        "marks agents' authority key identifier critical: only OpenSSL refuses it",
        "leaf.handshake",
        critical_key_id,
        when=lambda request: isinstance(request.identity, AgentId),
    ),
)
