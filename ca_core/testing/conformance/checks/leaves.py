"""What a leaf must be: exactly what was asked, under exactly the named signer."""

from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.verdict import require
from ca_core.testing.conformance.words import Level

CHECKS = Catalogue()


@CHECKS.check(
    "leaf.key",
    Level.L1,
    why="A leaf for another key than the caller's is useless at best, an impersonation at worst.",
    sources=("RFC 2986 §3", "S21"),
    fix="Take the public key from `request.csr` and make none yourself.",
)
def leaf_key(arena: Arena) -> None:
    """A leaf carries the public key of the CSR."""
    mesh = arena.mesh()
    request = mesh.ask.leaf(mesh.signer)
    leaf = mesh.leaf(request)
    require(
        leaf.public_key() == request.csr.public_key(), "the leaf carries another key than the CSR"
    )
