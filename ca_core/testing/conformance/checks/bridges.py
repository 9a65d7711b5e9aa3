"""Cross-certificates at work: a leaf of the new authority under the old root, for every pair."""

from collections.abc import Iterator
from datetime import timedelta

from cryptography import x509

from ca_core.contract import Capability, KeySpec, ProviderError, RequestError
from ca_core.identity.leafcsr import leaf_csr, new_leaf_key
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.asking import web
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.scenes import Scene, scene
from ca_core.testing.conformance.verdict import refusal, require
from ca_core.testing.conformance.ways import below_primary, require_path, require_tls, signed_under
from ca_core.testing.conformance.words import Level, Need

CHECKS = Catalogue()

_DAY = timedelta(days=1)
_MONTH = timedelta(days=30)


def _pairs(arena: Arena) -> Iterator[tuple[Scene, Scene]]:
    """Yield this provider and an honest other one, with every pair of keys that there is."""
    ours = [scene(arena, key=key) for key in arena.keys]
    theirs = [_other(arena, key) for key in arena.keys]
    for here in ours:
        for there in theirs:
            yield here, there


def _other(arena: Arena, key: KeySpec | None = None) -> Scene:
    mesh = arena.other_side(key=key)
    return Scene(mesh, mesh.provider.trust_chain(), mesh.prepare(mesh.signer, key=key))


def _crossed(by: Mesh, of: Scene) -> x509.Certificate:
    """Have one authority cross-sign the other's primary CA, with a CSR if it needs one."""
    needs = Capability.CROSS_SIGN_NEEDS_CSR in by.provider.capabilities
    return by.cross(of.authority.primary, csr=of.mesh.cross_csr() if needs else None)


def _path(of: Scene, cross: x509.Certificate) -> tuple[x509.Certificate, ...]:
    """Return the way up from a signer with the cross-certificate in place of the primary CA."""
    return (*below_primary(of.signer, of.authority), cross)


@CHECKS.check(
    "cross.pairs",
    Level.L2,
    why="Consul signed with the algorithm that had signed the old root: an EC root could not be"
    " followed by an RSA one, nor one below a corporate RSA CA by anything.",
    sources=("S16", "S21", "Consul GH-10070", "Vault GH-7709"),
    fix="Derive hash and algorithm from the key that signs, and nothing from the other CA's.",
    capabilities={Capability.CROSS_SIGN},
)
def pairs(arena: Arena) -> None:
    """With every pair of keys, the path of a new signer is sound under the old root."""
    for ours, theirs in _pairs(arena):
        path = _path(theirs, _crossed(ours.mesh, theirs))
        require_path((*path, ours.authority.primary), ours.mesh)


@CHECKS.check(
    "cross.tls",
    Level.L2,
    why="During a rotation half of the mesh knows only the old root: what OpenSSL makes of a chain"
    " decides whether they can talk.",
    sources=("S10", "Consul GH-11672", "RFC 5280 §4.2.1.1", "RFC 8446 §4.4.2"),
    fix="Copy the key id of your AKI from your primary CA's SKI; name no issuer and serial in it.",
    capabilities={Capability.CROSS_SIGN},
)
def tls(arena: Arena) -> None:
    """With every pair of keys, TLS peers that trust the old root alone accept a new leaf."""
    for ours, theirs in _pairs(arena):
        path = _path(theirs, _crossed(ours.mesh, theirs))
        require_tls(theirs.mesh, theirs.signer, path, ours.authority.primary)


@CHECKS.check(
    "cross.by-another",
    Level.L2,
    why="A swap to this provider is smooth only if the one before it can sign its root: the CSR has"
    " to be by that root's key, whatever kind it is.",
    sources=("S16", "Consul GH-9443", "RFC 2986 §3"),
    fix="Sign the CSR with the primary key, and repeat the primary CA's subject and names.",
    capabilities={Capability.CROSS_SIGN_CSR},
)
def by_another(arena: Arena) -> None:
    """With every pair of keys, another provider cross-signs ours by its CSR, and leaves lead up."""
    for ours, theirs in _pairs(arena):
        cross = theirs.mesh.cross(ours.authority.primary, csr=ours.mesh.cross_csr())
        path, anchor = _path(ours, cross), theirs.authority.primary
        require_path((*path, anchor), ours.mesh)
        require_tls(ours.mesh, ours.signer, path, anchor)


@CHECKS.check(
    "cross.near-end",
    Level.L2,
    why="Roots are replaced when they are old: a cross-certificate beyond the old root's end breaks"
    " on that day, long before its own.",
    sources=("S31", "cert-manager GH-1038", "RFC 5280 §6.1.3"),
    fix="Clamp to the moment at which the first certificate of your own chain ends.",
    capabilities={Capability.CROSS_SIGN},
    needs={Need.CLOCK},
)
def near_end(arena: Arena) -> None:
    """A cross-certificate made near the old root's end lives within it."""
    ours = arena.unmade()
    chain = ours.ensure(ttl=_MONTH).certificates
    ends = min(link.not_valid_after_utc for link in chain)
    arena.tempo.advance(ends - ours.cluster.tempo.clock.now() - 5 * _DAY)
    found = _crossed(ours, _other(arena)).not_valid_after_utc
    require(found <= ends, f"the cross-certificate ends at {found}, the old root at {ends}")


@CHECKS.check(
    "cross.own",
    Level.L2,
    why="A loop in the paths: verifiers that search for a path may walk it round and round, and the"
    " certificate serves nobody.",
    sources=("RFC 4158 §2.4.1", "RFC 5280 §3.2"),
    fix="Refuse a certificate with your own primary key (`checked_cross_sign` does).",
    capabilities={Capability.CROSS_SIGN},
)
def own(arena: Arena) -> None:
    """An authority does not cross-sign itself."""
    mesh = arena.mesh()
    able = Capability.CROSS_SIGN_CSR in mesh.provider.capabilities
    csr = mesh.cross_csr() if able else None
    with refusal(RequestError, of="cross-signing the authority's own certificate"):
        mesh.cross(mesh.provider.trust_chain().primary, csr=csr)


@CHECKS.check(
    "cross.only-cas",
    Level.L2,
    why="Whoever gets a leaf re-issued as a CA can mint any identity of the mesh.",
    sources=("RFC 5280 §4.2.1.9", "CVE-2002-0862"),
    fix="Refuse a certificate without BasicConstraints CA:TRUE (`checked_cross_sign` does).",
    capabilities={Capability.CROSS_SIGN},
)
def only_cas(arena: Arena) -> None:
    """A leaf is not made a CA by cross-signing it."""
    mesh, other, key = arena.mesh(), arena.other_side(), new_leaf_key()
    leaf = other.leaf(other.ask.leaf(other.signer, key=key))
    with refusal(RequestError, ProviderError, of="cross-signing a leaf"):
        mesh.cross(leaf, csr=leaf_csr(key, web()))


@CHECKS.check(
    "cross.changes-nothing",
    Level.L2,
    why="Consul hung the cross-certificate into its own chain, and lost it with the next change of"
    " leader: leaves verified on one day and not on the other.",
    sources=("S04", "S10", "Consul GH-14564", "Consul GH-16580"),
    fix="Return the cross-certificate and keep nothing: the core stores it.",
    capabilities={Capability.CROSS_SIGN},
)
def changes_nothing(arena: Arena) -> None:
    """Cross-signing changes neither the chain of the authority nor what signs."""
    mesh = arena.mesh()
    signer, before = mesh.prepare(mesh.signer), mesh.provider.trust_chain()
    _crossed(mesh, _other(arena))
    for server in (mesh, mesh.another()):
        after = server.provider.trust_chain()
        same = tuple(after.certificates) == tuple(before.certificates)
        require(same, "after a cross-signature the authority has another chain")
        signed_under(server, signer)
