"""Two steps of every renewal: the new is prepared while the old signs, then the core switches.

Which signer is current is one row of the core's; nothing of a provider may move it.
"""

from ca_core.contract import KeySpec
from ca_core.identity.certificates import authority_key_id, subject_key_id
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.asking import SIGNER_LIFE
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.counting import objects
from ca_core.testing.conformance.verdict import require
from ca_core.testing.conformance.ways import signed_under
from ca_core.testing.conformance.words import Level, Need

CHECKS = Catalogue()

_ROTATIONS = 50
_RENEWALS = 8


def _other_key(arena: Arena) -> KeySpec:
    return arena.keys[-1]


@CHECKS.check(
    "rotate.other-settings",
    Level.L2,
    why="A changed key type or life was written into the one role that every signer used, and the"
    " signer at work changed under the core's feet.",
    sources=("S03", "Consul GH-14516", "Consul GH-16592"),
    fix="Give every signer its own role or template, named by its id; change no shared one.",
)
def other_settings(arena: Arena) -> None:
    """The old signer still signs after one with another key and life was prepared."""
    mesh = arena.mesh()
    old = mesh.prepare(mesh.signer)
    new = mesh.prepare(key=_other_key(arena), ttl=SIGNER_LIFE / 4)
    signed_under(mesh, old)
    signed_under(mesh, new)
    signed_under(mesh, old)


@CHECKS.check(
    "rotate.other-config",
    Level.L2,
    why="Applying a new configuration rewrote mounts and roles in place, and leaves failed until"
    " the old configuration was put back.",
    sources=("S03", "S18", "Consul GH-14516", "Consul GH-10330"),
    fix="Let a configuration decide what is made next; what stands keeps what it was made with.",
    needs={Need.OTHER_CONFIG},
)
def other_config(arena: Arena) -> None:
    """The old signer still signs after a new one was prepared under another configuration."""
    mesh = arena.mesh()
    old = mesh.prepare(mesh.signer)
    other = arena.subject.other_config
    changed = mesh.another(config=None if other is None else other())
    new = changed.prepare(arena.tempo.new_id("s"))
    for server in (mesh, changed):
        signed_under(server, old)
        signed_under(server, new)


@CHECKS.check(
    "rotate.three-times",
    Level.L2,
    why="Consul noticed the first rotation of a root and no later one; elsewhere a new intermediate"
    " was imported and never signed anything.",
    sources=("S01", "S07", "Consul GH-15005", "Consul GH-15217"),
    fix="Choose the key by `request.signer` in every call, never by what was current.",
)
def three_times(arena: Arena) -> None:
    """After each of three renewals the next leaf names the new signer's key."""
    mesh = arena.mesh()
    mesh.leaf()
    for renewal in (1, 2, 3):
        signer = mesh.prepare()
        named = authority_key_id(mesh.leaf())
        wanted = subject_key_id(signer.certificate)
        require(named == wanted, f"after renewal {renewal} the leaf names another signer's key")


@CHECKS.check(
    "rotate.same-anchor",
    Level.L2,
    why="Renewing an intermediate is no rotation: agents wait for no new root, and a changed one is"
    " in no bundle.",
    sources=("S02", "Consul GH-18112", "Consul GH-11811"),
    fix="Leave the authority's chain alone when you prepare a signer.",
)
def same_anchor(arena: Arena) -> None:
    """Renewing signers changes nothing of the authority that is reported."""
    mesh = arena.mesh()
    before = tuple(mesh.provider.trust_chain().certificates)
    for _ in range(3):
        mesh.prepare()
        mesh.leaf()
    after = tuple(mesh.another().provider.trust_chain().certificates)
    require(after == before, "after three renewals the authority has another chain")


@CHECKS.check(
    "rotate.short-chain",
    Level.L2,
    why="Old intermediates stayed in the chain until it no longer fitted into a TLS handshake.",
    sources=("S05", "Consul GH-9308"),
    fix="Answer with the signer, what signed it, and nothing else.",
)
def short_chain(arena: Arena) -> None:
    """The chain of a signer grows with no renewal."""
    mesh = arena.mesh()
    first = len(mesh.prepare(mesh.signer).chain)
    for _ in range(_RENEWALS):
        length = len(mesh.prepare().chain)
        require(length <= first, f"a chain of {first} certificates has become one of {length}")


@CHECKS.check(
    "rotate.bounded",
    Level.L2,
    why="Every renewal left an issuer and a key behind; after a year the backend was slow, then"
    " full.",
    sources=("S05", "S11", "Consul GH-14429", "SPIRE GH-4415", "Vault GH-29083"),
    fix="Remove everything of a signer in `retire_signer`: key, certificate, role, entries.",
    needs={Need.COUNT_OBJECTS},
)
def bounded(arena: Arena) -> None:
    """Fifty renewals whose old signers are retired leave as many objects as one."""
    mesh = arena.mesh()
    few = many = 0
    for renewal in range(_ROTATIONS):
        old = mesh.signer
        mesh.prepare()
        mesh.retire_signer(old)
        many = objects(arena)
        few = few if renewal else many
    require(many <= few, f"{few} objects after one renewal, {many} after {_ROTATIONS}")


@CHECKS.check(
    "rotate.beside",
    Level.L2,
    why="Agents learn of a new root over minutes: until the last one has it, and while leaves are"
    " renewed, both authorities must sign.",
    sources=("S04", "S02", "Consul GH-14598"),
    fix="Keep nothing like an active authority; every object serves the one of its context.",
)
def beside(arena: Arena) -> None:
    """An authority signs on while and after a second one is made in its cluster."""
    mesh = arena.mesh()
    old = mesh.prepare(mesh.signer)
    other = arena.beside(mesh)
    signed_under(other, other.prepare(other.signer))
    signed_under(mesh, old)
    signed_under(mesh.another(), old)


@CHECKS.check(
    "rotate.own-key",
    Level.L2,
    why="A root path was changed, but the old root's key went on signing: the rotation had changed"
    " a name.",
    sources=("S02", "S18", "Consul GH-18112", "Consul GH-10331"),
    fix="Make a new key for a new authority id, and a subject that no other CA of yours has.",
)
def own_key(arena: Arena) -> None:
    """A second authority has a key and a subject of its own."""
    mesh = arena.mesh()
    old = mesh.provider.trust_chain().primary
    new = arena.beside(mesh).provider.trust_chain().primary
    require(new.public_key() != old.public_key(), "two authorities share one key")
    require(new.subject != old.subject, f"two authorities are called {old.subject}")


@CHECKS.check(
    "rotate.back",
    Level.L2,
    why="A rotation that goes wrong is rolled back: the old authority must be whole, not just its"
    " last signer.",
    sources=("S17", "Consul GH-9498", "Consul GH-14598"),
    fix="Take nothing from an authority before `retire` says so.",
)
def back(arena: Arena) -> None:
    """An authority still prepares signers after a second one has signed leaves."""
    mesh = arena.mesh()
    arena.beside(mesh).leaf()
    signed_under(mesh, mesh.prepare())
