"""Chains that a secondary must not keep, and what a refused one must leave as it was."""

from collections.abc import Callable

from cryptography import x509

from ca_core.contract import Capability, RequestError, Role, SignerUnknownError
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.misissuing import Chain, Misissuer
from ca_core.testing.conformance.verdict import refusal, require
from ca_core.testing.conformance.ways import signed_under
from ca_core.testing.conformance.words import Level

CHECKS = Catalogue()

_SECONDARY = frozenset({Capability.SECONDARY})
_WHY = "A wrong answer of a primary, once kept, stands for that id for ever: "

Wrong = Callable[[Misissuer, x509.CertificateSigningRequest], Chain]


def _refuses(arena: Arena, wrong: Wrong, of: str) -> None:
    """Try to install a wrong chain, and the right one afterwards."""
    mesh, name = arena.unmade(role=Role.SECONDARY), arena.tempo.new_id("s")
    primary, csr = Misissuer(arena.tempo), mesh.csr(name)
    with refusal(RequestError, of=of):
        mesh.install(name, wrong(primary, csr))
    signed_under(mesh, mesh.install(name, primary.right(csr)))


@CHECKS.check(
    "install.other-domain",
    Level.L2,
    why=_WHY + "an intermediate of another trust domain mints identities of strangers.",
    sources=("S19", "Consul GH-6491", "SPIFFE X509-SVID §3"),
    fix="Check the one URI of the certificate (`contract.intermediate_faults`).",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def other_domain(arena: Arena) -> None:
    """An intermediate of another trust domain is not installed."""
    _refuses(arena, Misissuer.other_domain, "installing another trust domain's intermediate")


@CHECKS.check(
    "install.not-a-ca",
    Level.L2,
    why=_WHY + "leaves below a leaf are refused by everybody.",
    sources=("S19", "RFC 5280 §6.1.4"),
    fix="Check that it is a CA that may sign (`contract.intermediate_faults`).",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def not_a_ca(arena: Arena) -> None:
    """A leaf is not installed as an intermediate."""
    _refuses(arena, Misissuer.leaf, "installing a leaf")


@CHECKS.check(
    "install.forged",
    Level.L2,
    why=_WHY + "a chain whose signatures do not hold verifies nowhere.",
    sources=("RFC 5280 §6.1.3", "S10"),
    fix="Verify each signature of the chain (`contract.intermediate_faults`).",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def forged(arena: Arena) -> None:
    """An intermediate that its issuer has not signed is not installed."""
    _refuses(arena, Misissuer.forged, "installing an intermediate that its issuer did not sign")


@CHECKS.check(
    "install.expired",
    Level.L2,
    why=_WHY + "an answer that was on its way too long is dead when it arrives.",
    sources=("S16", "Consul GH-8576", "RFC 5280 §6.1.3"),
    fix="Check every certificate's life against `context.clock` (`contract.intermediate_faults`).",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def expired(arena: Arena) -> None:
    """An intermediate that has ended is not installed."""
    _refuses(arena, Misissuer.expired, "installing an expired intermediate")


@CHECKS.check(
    "install.no-anchor",
    Level.L2,
    why=_WHY + "without the anchor nobody can say what a leaf leads to.",
    sources=("S10", "Consul GH-11671"),
    fix="Ask for at least the signer and what signed it (`contract.intermediate_faults`).",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def no_anchor(arena: Arena) -> None:
    """An intermediate without anything above it is not installed."""
    _refuses(arena, Misissuer.alone, "installing an intermediate without its anchor")


@CHECKS.check(
    "install.other-key",
    Level.L2,
    why=_WHY + "with the certificate of another key, every leaf is signed by the wrong one.",
    sources=("Consul GH-6542", "RFC 5280 §6.1.3"),
    fix="Compare the certificate's public key with the one kept (`contract.intermediate_faults`).",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def other_key(arena: Arena) -> None:
    """An intermediate for another key is refused, and the signer at work stays at work."""
    mesh, primary = arena.unmade(role=Role.SECONDARY), Misissuer(arena.tempo)
    signer = _installed(mesh, primary)
    name, foreign = arena.tempo.new_id("s"), mesh.csr(arena.tempo.new_id("s"))
    mesh.csr(name)
    with refusal(RequestError, of="installing an intermediate for another key"):
        mesh.install(name, primary.right(foreign))
    mesh.signer = signer
    mesh.leaf()


def _installed(mesh: Mesh, primary: Misissuer) -> str:
    name = mesh.cluster.tempo.new_id("s")
    return mesh.install(name, primary.right(mesh.csr(name))).id


@CHECKS.check(
    "install.second-chain",
    Level.L2,
    why="Leaves below the first certificate are in use; a second one for the same id makes two"
    " signers of one name.",
    sources=("S32", "SPIRE GH-6964"),
    fix="Keep the first chain with `create`, and compare when another one comes.",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def second_chain(arena: Arena) -> None:
    """Another sound chain for an installed signer is refused, and the first one stands."""
    mesh, primary = arena.unmade(role=Role.SECONDARY), Misissuer(arena.tempo)
    name = arena.tempo.new_id("s")
    csr = mesh.csr(name)
    chain = primary.right(csr)
    first = mesh.install(name, chain)
    signed_under(mesh, first)
    with refusal(RequestError, of="installing a second chain"):
        mesh.another().install(name, primary.right(csr))
    signed_under(mesh, first)
    again = mesh.another().install(name, chain)
    require(tuple(again.chain) == chain, "the first chain no longer stands")


@CHECKS.check(
    "install.unasked",
    Level.L2,
    why="A certificate whose key is not here cannot sign; kept, it would block the id.",
    sources=("S27", "SPIRE GH-6964"),
    fix="Refuse an id for which you hold no key.",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def unasked(arena: Arena) -> None:
    """Nothing is installed under an id for which there was no CSR, nor does it sign."""
    mesh, primary = arena.unmade(role=Role.SECONDARY), Misissuer(arena.tempo)
    chain = primary.right(mesh.csr(arena.tempo.new_id("s")))
    name = arena.tempo.new_id("s")
    with refusal(RequestError, of="installing under an id without a CSR"):
        mesh.install(name, chain)
    with refusal(SignerUnknownError, of="a leaf of a signer that was not installed"):
        mesh.leaf(mesh.ask.leaf(name))
