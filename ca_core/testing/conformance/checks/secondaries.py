"""A secondary datacenter: its keys stay at home, and another datacenter's authority signs them."""

from ca_core.authority.documentrules import CsrFacts
from ca_core.contract import (
    Capability,
    CapabilityUnsupportedError,
    KeySpec,
    NotReadyError,
    Role,
    Signer,
    SignerUnknownError,
)
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.oracle import hold
from ca_core.testing.conformance.verdict import refusal, require
from ca_core.testing.conformance.ways import require_path, require_tls, signed_under
from ca_core.testing.conformance.words import Level
from ca_core.testing.lending import TRUST_DOMAIN

CHECKS = Catalogue()

_SECONDARY = frozenset({Capability.SECONDARY})


def _joined(primary: Mesh, secondary: Mesh, *, key: KeySpec | None = None) -> Signer:
    """Have the primary sign a new signer of the secondary."""
    name = secondary.cluster.tempo.new_id("s")
    made = primary.intermediate(secondary.csr(name, key=key))
    return secondary.install(name, (made, *primary.provider.trust_chain().certificates))


@CHECKS.check(
    "secondary.csr",
    Level.L2,
    why="Primaries refuse a CSR of the wrong trust domain, or sign one whose key nobody holds.",
    sources=("S19", "Consul GH-6491", "RFC 2986 §3", "SPIFFE X509-SVID §3"),
    fix="Sign the CSR with the new key; its one name is the URI `spiffe://<trust domain>`.",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def csr(arena: Arena) -> None:
    """A secondary's CSR is by a key of the kind asked for, and names exactly the trust domain."""
    for key in arena.keys:
        made = arena.unmade(role=Role.SECONDARY).csr(arena.tempo.new_id("s"), key=key)
        facts = CsrFacts(csr=made, key=key, trust_domain=TRUST_DOMAIN)
        hold(facts, "csr.2", "csr.3", "csr.5")


@CHECKS.check(
    "secondary.csr-key",
    Level.L2,
    why="Between CSR and answer a server may die; with another key the primary's certificate fits"
    " nothing.",
    sources=("S27", "SPIRE GH-6964"),
    fix="Keep the key under the signer's id before you return the CSR.",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def csr_key(arena: Arena) -> None:
    """Asked again, also after a restart, a signer's CSR is by the same key."""
    mesh, name = arena.unmade(role=Role.SECONDARY), arena.tempo.new_id("s")
    first = mesh.csr(name)
    for server in (mesh, mesh.another()):
        hold(CsrFacts(csr=server.csr(name), known=first), "csr.4")


@CHECKS.check(
    "secondary.csr-apart",
    Level.L2,
    why="Consul stored the new key before the new certificate was there: until the primary"
    " answered, leaves were signed by a key that no certificate named.",
    sources=("Consul GH-6542", "SPIRE GH-6964"),
    fix="Keep the key of a CSR apart from the signers at work until its certificate is installed.",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def csr_apart(arena: Arena) -> None:
    """Making the CSR of a new signer changes nothing of the signers at work."""
    mesh, signer = arena.secondary()
    signed_under(mesh, signer)
    mesh.csr(arena.tempo.new_id("s"))
    for server in (mesh, mesh.another()):
        signed_under(server, signer)


@CHECKS.check(
    "secondary.pairs",
    Level.L2,
    why="Datacenters have backends of different kinds: an EC secondary below an RSA primary is the"
    " usual case, and key ids by another method broke such chains.",
    sources=("S16", "S21", "Consul GH-9443", "RFC 5280 §4.2.1.2"),
    fix="Copy the AKI of your leaves from the SKI of the certificate that was installed.",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def pairs(arena: Arena) -> None:
    """With every pair of keys, a secondary's leaf leads to the primary's anchor, and TLS agrees."""
    for above in arena.keys:
        primary = arena.other_side(key=above)
        anchor = primary.provider.trust_chain().primary
        for key in arena.keys:
            mesh = arena.unmade(role=Role.SECONDARY)
            signer = _joined(primary, mesh, key=key)
            require_path(signer.chain, mesh)
            require_tls(mesh, signer, signer.chain[:-1], anchor)


@CHECKS.check(
    "secondary.renewal",
    Level.L2,
    why="Secondaries renewed their intermediate only when the primary's root changed, and stood"
    " with an expired one until then.",
    sources=("S01", "Consul GH-6542", "Consul GH-9308"),
    fix="Treat every signer id alike: a CSR, a certificate, the same anchor.",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def renewal(arena: Arena) -> None:
    """A secondary renews its signer below an unchanged primary, and the old one signs on."""
    primary, mesh = arena.other_side(), arena.unmade(role=Role.SECONDARY)
    old = _joined(primary, mesh)
    before = mesh.provider.trust_chain().primary
    new = _joined(primary, mesh)
    for signer in (old, new):
        signed_under(mesh, signer)
    require(mesh.provider.trust_chain().primary == before, "a renewal changed the authority")


@CHECKS.check(
    "secondary.reports-primary",
    Level.L2,
    why="A secondary that reports its own intermediate as the root makes its agents trust what no"
    " other datacenter does.",
    sources=("S10", "Consul GH-11598", "Consul GH-9428"),
    fix="Return what stands above the signer that was installed: the primary's chain.",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def reports_primary(arena: Arena) -> None:
    """A secondary reports the primary's chain as its authority, and nothing before it has one."""
    primary, mesh = arena.other_side(), arena.unmade(role=Role.SECONDARY)
    mesh.csr(arena.tempo.new_id("s"))
    with refusal(NotReadyError, of="trust_chain() before anything was installed"):
        mesh.provider.trust_chain()
    _joined(primary, mesh)
    wanted = tuple(primary.provider.trust_chain().certificates)
    for server in (mesh, mesh.another()):
        seen = tuple(server.provider.trust_chain().certificates)
        require(seen == wanted, "a secondary reports another chain than the primary's")


@CHECKS.check(
    "secondary.no-authority",
    Level.L2,
    why="A secondary that makes a root of its own splits the trust domain in two.",
    sources=("S04", "Consul GH-6751"),
    fix="Raise `CapabilityUnsupportedError` where the context's role is `SECONDARY`.",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def no_authority(arena: Arena) -> None:
    """A secondary makes no authority and signs no signer of its own."""
    mesh = arena.unmade(role=Role.SECONDARY)
    with refusal(CapabilityUnsupportedError, of="ensure_authority() in a secondary"):
        mesh.patiently(mesh.provider.ensure_authority, mesh.ask.authority())
    with refusal(CapabilityUnsupportedError, of="prepare_signer() in a secondary"):
        mesh.prepare()


@CHECKS.check(
    "secondary.elsewhere",
    Level.L2,
    why="One server asks, another installs, all of them sign: whoever keeps the key in memory is"
    " the only one who can.",
    sources=("S04", "Consul GH-14598"),
    fix="Keep keys in the secret store or the backend, and chains in the state.",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def elsewhere(arena: Arena) -> None:
    """What one server asked for, another installs, and a third that was at work signs with it."""
    primary, asking = arena.other_side(), arena.unmade(role=Role.SECONDARY)
    _joined(primary, asking)
    installing, signing = asking.another(), asking.another()
    signing.leaf()
    name = arena.tempo.new_id("s")
    made = primary.intermediate(asking.csr(name))
    above = primary.provider.trust_chain().certificates
    signed_under(signing, installing.install(name, (made, *above)))


@CHECKS.check(
    "secondary.retire",
    Level.L2,
    why="Old providers of secondaries were never cleaned up; their keys stayed in the store for"
    " ever.",
    sources=("S17", "Consul GH-9498"),
    fix="Remove key and certificate of that id, as in a primary.",
    capabilities=_SECONDARY,
    role=Role.SECONDARY,
)
def retire(arena: Arena) -> None:
    """A secondary's retired signer is unknown on every server, and the others sign on."""
    primary, mesh = arena.other_side(), arena.unmade(role=Role.SECONDARY)
    old, new = _joined(primary, mesh), _joined(primary, mesh)
    other = mesh.another()
    mesh.retire_signer(old.id)
    for server in (mesh, other):
        with refusal(SignerUnknownError, of="a leaf of a secondary's retired signer"):
            server.leaf(server.ask.leaf(old.id))
        signed_under(server, new)


@CHECKS.check(
    "secondary.below-ours",
    Level.L2,
    why="The other half of every pair of datacenters: what this authority signs has to be a CA that"
    " a provider of another kind can use.",
    sources=("S16", "S19", "S21", "Consul GH-6795", "Consul GH-9443"),
    fix="Sign with path length 0, a subject, and the SKI of the CSR's key.",
    capabilities={Capability.SIGN_INTERMEDIATE},
)
def below_ours(arena: Arena) -> None:
    """With every pair of keys, another provider's secondary below ours signs leaves that verify."""
    for above in arena.keys:
        primary = arena.mesh(key=above)
        anchor = primary.provider.trust_chain().primary
        for key in arena.keys:
            mesh = arena.other_secondary()
            signer = _joined(primary, mesh, key=key)
            path = signer.chain[: signer.chain.index(anchor) + 1]
            require_path(path, mesh)
            require_tls(mesh, signer, path[:-1], anchor)
