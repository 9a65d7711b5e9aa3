"""What must be the same after a restart, and what other servers must see at once.

Whatever fixes an id is durable: a provider object remembers nothing that another one cannot find.
"""

from datetime import timedelta

from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.counting import objects
from ca_core.testing.conformance.verdict import require
from ca_core.testing.conformance.ways import signed_under
from ca_core.testing.conformance.words import Level, Need

CHECKS = Catalogue()

_OTHER_LIFE = timedelta(days=100)


@CHECKS.check(
    "restart.same-authority",
    Level.L2,
    why="Consul made a new root when a leader that found none in its memory took over, and every"
    " leaf in the mesh lost its anchor.",
    sources=("S04", "Consul GH-14598", "Consul GH-10826"),
    fix="Look the authority up by its id before you make one; keep the chain with `state.create`.",
)
def same_authority(arena: Arena) -> None:
    """A restarted provider that has signed leaves returns the very chain of its authority."""
    mesh = arena.mesh()
    before = mesh.provider.trust_chain().certificates
    mesh.leaf()
    after = mesh.another().ensure().certificates
    require(tuple(after) == tuple(before), "after a restart the authority has another chain")


@CHECKS.check(
    "restart.same-signer",
    Level.L2,
    why="Every leader election minted a new intermediate in Vault; chains grew, and certificates of"
    " an external issuer were renewed without end.",
    sources=("S32", "Consul GH-11811", "cert-manager GH-3152"),
    fix="Keep the signer's chain under its id and return it for a known id.",
)
def same_signer(arena: Arena) -> None:
    """A restarted provider asked for its signers, old and new, returns each one's own chain."""
    mesh = arena.mesh()
    signers = [mesh.prepare(mesh.signer), mesh.prepare()]
    mesh.leaf()
    restarted = mesh.another()
    for signer in signers:
        same = tuple(restarted.prepare(signer.id).chain) == tuple(signer.chain)
        require(same, "after a restart the same signer id has another chain")


@CHECKS.check(
    "restart.other-life",
    Level.L2,
    why="A changed lifetime in the configuration re-tuned what existed already, and what was"
    " re-applied without a change renewed certificates.",
    sources=("S03", "S32", "Consul GH-14564"),
    fix="Let `ttl` count when something is made, and ignore it for a known id.",
)
def other_life(arena: Arena) -> None:
    """A known authority or signer asked for with another life is returned as it is."""
    mesh = arena.mesh()
    signer, root = mesh.prepare(mesh.signer), mesh.provider.trust_chain()
    later = mesh.another()
    wanted = later.ask.authority(ttl=_OTHER_LIFE)
    authority = later.patiently(later.provider.ensure_authority, wanted)
    require(authority.primary == root.primary, "another ttl made another primary CA")
    again = later.prepare(mesh.signer, ttl=_OTHER_LIFE)
    require(again.certificate == signer.certificate, "another ttl made another signer")


@CHECKS.check(
    "restart.old-signers",
    Level.L2,
    why="After a failover only the newest intermediate was known, and leaves under the older ones"
    " could not be renewed before the switch was complete.",
    sources=("S04", "Consul GH-14598"),
    fix="Find the signer by its id in the backend or the state, not in a list in memory.",
)
def old_signers(arena: Arena) -> None:
    """A restarted provider signs under every signer that was prepared before."""
    mesh = arena.mesh()
    signers = [mesh.prepare(mesh.signer), mesh.prepare(), mesh.prepare()]
    restarted = mesh.another()
    for signer in signers:
        signed_under(restarted, signer)


@CHECKS.check(
    "restart.reads-through",
    Level.L2,
    why="Followers opened their provider before the leader had made the root, and kept answering"
    " that there was none.",
    sources=("S15", "Consul GH-10630"),
    fix="Ask the state every time; remember no absence.",
)
def reads_through(arena: Arena) -> None:
    """An object opened before the authority existed sees it as soon as another has made it."""
    early = arena.unmade()
    maker = early.another()
    made = maker.ensure()
    seen = early.provider.trust_chain()
    require(seen.primary == made.primary, "an object opened earlier sees another authority")


@CHECKS.check(
    "restart.prepared-elsewhere",
    Level.L2,
    why="Which signer is current is one row that all servers follow: a server that learns of new"
    " signers only when it starts fails every leaf after the switch.",
    sources=("S01", "Consul GH-15217", "Consul GH-16592"),
    fix="Look an unknown id up before you answer `SignerUnknownError`.",
)
def prepared_elsewhere(arena: Arena) -> None:
    """A signer that one server prepared signs at once on another that was signing already."""
    mesh = arena.mesh()
    other = mesh.another()
    other.leaf()
    signed_under(other, mesh.prepare())


@CHECKS.check(
    "restart.close-destroys-nothing",
    Level.L2,
    why="Consul cleaned up a provider that was only being replaced, and deleted the key that the"
    " stored configuration still named.",
    sources=("S17", "Consul GH-9498"),
    fix="Let `close` release threads, connections and tokens; only the `retire` methods remove.",
)
def close_destroys_nothing(arena: Arena) -> None:
    """What a closed provider had made still signs for the next one."""
    mesh = arena.mesh()
    signer = mesh.prepare(mesh.signer)
    mesh.leaf()
    mesh.provider.close()
    signed_under(mesh.another(), signer)


@CHECKS.check(
    "restart.close-alone",
    Level.L2,
    why="A server opens a new object for every change of configuration and closes the old one; what"
    " they share in the process must not end with the first of them.",
    sources=("S28", "SPIRE GH-6590"),
    fix="Give every object its own client, or count who uses the shared one.",
)
def close_alone(arena: Arena) -> None:
    """Closing one object leaves another of the same authority at work."""
    mesh = arena.mesh()
    mesh.leaf()
    other = mesh.another()
    signer = other.prepare(arena.tempo.new_id("s"))
    signed_under(other, signer)
    mesh.provider.close()
    signed_under(other, signer)


@CHECKS.check(
    "restart.backend",
    Level.L2,
    why="A CA in the memory of its backend, or one that the backend had not written down before it"
    " answered, is gone with the backend's next restart.",
    sources=("S27", "SPIRE GH-6964"),
    fix="Return only after key and certificate are durable; for tests run the backend on disk.",
    needs={Need.RESTART},
)
def backend(arena: Arena) -> None:
    """Authority and signers outlive a restart of the backend, for open and for new objects."""
    mesh = arena.mesh()
    signer, root = mesh.prepare(mesh.signer), mesh.provider.trust_chain().primary
    if arena.subject.restart is not None:
        arena.subject.restart()
    for server in (mesh, mesh.another()):
        require(server.provider.trust_chain().primary == root, "the backend lost the authority")
        signed_under(server, signer)


@CHECKS.check(
    "restart.makes-nothing",
    Level.L2,
    why="A provider that makes first and looks afterwards leaves a key or an issuer behind at every"
    " start; the renewal loop of one filled a Vault until it fell over.",
    sources=("S05", "S11", "Consul GH-14429", "SPIRE GH-5497"),
    fix="Look up what stands for the id before you ask the backend for a key.",
    needs={Need.COUNT_OBJECTS},
)
def makes_nothing(arena: Arena) -> None:
    """Restarts that ask for what exists leave no more objects in the backend than before."""
    mesh = arena.mesh()
    mesh.leaf()
    before = objects(arena)
    for _ in range(3):
        restarted = mesh.another()
        restarted.ensure()
        restarted.prepare(mesh.signer)
    after = objects(arena)
    require(after == before, f"three restarts turned {before} objects into {after}")
