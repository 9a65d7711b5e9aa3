"""From a leaf to an anchor: by the named signer, by our own walk, by OpenSSL."""

import ssl
from collections.abc import Sequence

from cryptography import x509

from ca_core.authority.signerrules import up_to_primary
from ca_core.contract import Signer, TrustChain, is_signed_by, path_faults
from ca_core.identity.leafcsr import new_leaf_key
from ca_core.testing.conformance.handshaking import End, shake_hands
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.verdict import Violation, require

Certificates = Sequence[x509.Certificate]


def signed_under(mesh: Mesh, signer: Signer) -> x509.Certificate:
    """Sign a leaf under a signer and return it.

    Raises:
        Violation: that signer's certificate did not sign it.
    """
    leaf = mesh.leaf(mesh.ask.leaf(signer.id))
    seen = f"a leaf asked of signer {signer.id!r} is not signed by that signer's certificate"
    require(is_signed_by(leaf, signer.certificate), seen)
    return leaf


def below_primary(signer: Signer, authority: TrustChain) -> tuple[x509.Certificate, ...]:
    """Return what stands between a leaf and the primary CA; nothing if that signs leaves itself."""
    chain = Signer(signer.id, tuple(signer.chain))
    return tuple(up_to_primary(chain, authority)[:-1])


def require_path(path: Certificates, mesh: Mesh) -> None:
    """Fail the check unless CA certificates, signer first and anchor last, are a sound path now.

    Raises:
        Violation: with the first fault.
    """
    faults = path_faults(path, now=mesh.cluster.tempo.clock.now())
    require(not faults, faults[0] if faults else "")


def require_tls(
    mesh: Mesh, signer: Signer, between: Certificates, anchor: x509.Certificate
) -> None:
    """Fail the check unless TLS peers that trust ``anchor`` alone accept a leaf of ``signer``.

    Args:
        mesh: signs the leaf.
        signer: signs under this id.
        between: what is sent after the leaf.
        anchor: what both ends trust.

    Raises:
        Violation: with what OpenSSL says.
    """
    key = new_leaf_key()
    end = End((mesh.leaf(mesh.ask.leaf(signer.id, key=key)), *between), key)
    try:
        shake_hands(end, end, anchor)
    except ssl.SSLError as error:
        raise Violation(f"OpenSSL refuses the chain: {error}") from error
