"""What retirement removes, what it must leave alone, and that an id is never used again."""

from ca_core.contract import (
    AuthorityRetiredError,
    ProviderError,
    RequestError,
    SignerUnknownError,
)
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.counting import objects
from ca_core.testing.conformance.verdict import refusal, require
from ca_core.testing.conformance.ways import signed_under
from ca_core.testing.conformance.words import Level, Need

CHECKS = Catalogue()


@CHECKS.check(
    "retire.signer",
    Level.L2,
    why="A signer that is out of the bundle but still signs makes leaves that nobody can account"
    " for.",
    sources=("S17", "Consul GH-9498"),
    fix="Forget what you hold in memory of a signer when you remove it.",
)
def signer(arena: Arena) -> None:
    """A retired signer that has signed leaves is unknown."""
    mesh = arena.mesh()
    mesh.leaf()
    mesh.retire_signer(mesh.signer)
    with refusal(SignerUnknownError, of="a leaf of a retired signer"):
        mesh.leaf()


@CHECKS.check(
    "retire.signer-elsewhere",
    Level.L2,
    why="One server retires, all of them sign: a key that another server keeps in memory would sign"
    " until its next restart.",
    sources=("S17", "Consul GH-9498"),
    fix="Ask the state whether the signer still stands before each signature.",
)
def signer_elsewhere(arena: Arena) -> None:
    """What one server retired is at once unknown to another that was signing with it."""
    mesh = arena.mesh()
    other = mesh.another()
    other.leaf()
    mesh.retire_signer(mesh.signer)
    with refusal(SignerUnknownError, of="a leaf of a signer that another server retired"):
        other.leaf()


@CHECKS.check(
    "retire.signer-dead",
    Level.L2,
    why="Records name a signer by its id for years; a second signer of that id would be taken for"
    " the first.",
    sources=("S16", "Consul GH-8576"),
    fix="Leave a mark behind when you remove a signer, and refuse the id (`Kept` does so).",
)
def signer_dead(arena: Arena) -> None:
    """The id of a retired signer is not given to a new one, by a restarted provider either."""
    mesh = arena.mesh()
    gone = mesh.signer
    mesh.prepare()
    mesh.retire_signer(gone)
    with refusal(RequestError, ProviderError, of="preparing a retired id"):
        mesh.another().prepare(gone)


@CHECKS.check(
    "retire.signer-alone",
    Level.L2,
    why="Cleaning up after a rotation removed what the current signer needed.",
    sources=("S17", "Consul GH-9498"),
    fix="Delete by the signer's id, never by kind, age or position.",
)
def signer_alone(arena: Arena) -> None:
    """Retiring one signer leaves older and younger ones at work."""
    mesh = arena.mesh()
    older, middle, younger = (mesh.prepare() for _ in range(3))
    mesh.retire_signer(middle.id)
    signed_under(mesh, older)
    signed_under(mesh, younger)


@CHECKS.check(
    "retire.signer-name",
    Level.L2,
    why="Backends list by prefix: removing `s-1` took `s-10` along.",
    sources=("S17", "Consul GH-9498"),
    fix="End the prefix with a separator that no id may contain, for example `/`.",
)
def signer_name(arena: Arena) -> None:
    """Retiring a signer leaves one alone whose id begins with the same letters."""
    mesh = arena.mesh()
    longer = mesh.prepare(f"{mesh.signer}-0")
    mesh.retire_signer(longer.id.removesuffix("-0"))
    signed_under(mesh.another(), longer)


@CHECKS.check(
    "retire.again",
    Level.L2,
    why="A server that dies during retirement is followed by one that retires again: if that fails,"
    " the operation never ends.",
    sources=("S27", "SPIRE GH-6964"),
    fix="Treat what is gone already as removed.",
)
def again(arena: Arena) -> None:
    """Retiring a signer or an authority again, by another server, is no error."""
    mesh = arena.mesh()
    gone = mesh.signer
    mesh.prepare()
    mesh.prepare()
    for server in (mesh, mesh.another()):
        server.retire_signer(gone)
    for server in (mesh, mesh.another()):
        server.retire()


@CHECKS.check(
    "retire.unmade",
    Level.L2,
    why="An operation that is aborted early retires ids whose making never began.",
    sources=("S15", "Consul GH-10630"),
    fix="Treat what never was as removed.",
)
def unmade(arena: Arena) -> None:
    """Retiring a signer or an authority that was never made is no error."""
    mesh = arena.mesh()
    mesh.retire_signer(arena.tempo.new_id("s"))
    arena.unmade().retire()


@CHECKS.check(
    "retire.dead",
    Level.L2,
    why="A retired authority that comes back under its id has another key: every bundle that ever"
    " held it is wrong.",
    sources=("S04", "Consul GH-14598"),
    fix="Leave a durable mark behind, and raise `AuthorityRetiredError` where you find it.",
)
def dead(arena: Arena) -> None:
    """A retired authority is not made again under its id, by a restarted provider either."""
    mesh = arena.mesh()
    mesh.leaf()
    mesh.retire()
    for server in (mesh, mesh.another()):
        request = server.ask.authority()
        with refusal(AuthorityRetiredError, of="making a retired authority"):
            server.patiently(server.provider.ensure_authority, request)


@CHECKS.check(
    "retire.elsewhere",
    Level.L2,
    why="A server that remembers a retired authority keeps reporting its root, and agents trust it"
    " again.",
    sources=("S02", "Consul GH-18112"),
    fix="Read the chain, or at least whether it still stands, from the state every time.",
)
def elsewhere(arena: Arena) -> None:
    """An authority that one server retired is at once gone on another that had reported it."""
    mesh = arena.mesh()
    other = mesh.another()
    other.provider.trust_chain()
    mesh.retire()
    with refusal(AuthorityRetiredError, of="trust_chain() of a retired authority"):
        other.provider.trust_chain()


@CHECKS.check(
    "retire.signs-nothing",
    Level.L2,
    why="Retiring an authority ends all it can do: a signer that survives it is a CA that nobody"
    " watches.",
    sources=("S17", "Consul GH-9498"),
    fix="Remove an authority's signers, or refuse them, before the authority itself.",
)
def signs_nothing(arena: Arena) -> None:
    """No signer of a retired authority signs, on any server."""
    mesh = arena.mesh()
    mesh.leaf()
    other = mesh.another()
    other.leaf()
    mesh.retire()
    for server in (mesh, other):
        with refusal(SignerUnknownError, AuthorityRetiredError, of="a leaf after retirement"):
            server.leaf()


@CHECKS.check(
    "retire.alone",
    Level.L2,
    why="After a rotation the old authority's clean-up deleted the mount in which the new one"
    " lived.",
    sources=("S17", "Consul GH-9498"),
    fix="Remove what carries this authority's id, and a shared place only when it is empty.",
)
def alone(arena: Arena) -> None:
    """Retiring an authority leaves the other one of its cluster at work."""
    mesh = arena.mesh()
    other = arena.beside(mesh)
    signer = other.prepare(other.signer)
    mesh.retire()
    signed_under(other, signer)
    signed_under(other.another(), signer)


@CHECKS.check(
    "retire.name",
    Level.L2,
    why="Backends list by prefix: removing `a-1` took `a-10` along.",
    sources=("S17", "Consul GH-9498"),
    fix="End the prefix with a separator that no id may contain, for example `/`.",
)
def name(arena: Arena) -> None:
    """Retiring an authority leaves one alone whose id begins with the same letters."""
    mesh = arena.mesh()
    longer = arena.beside(mesh, f"{mesh.authority}-0")
    kept = longer.prepare(longer.signer)
    mesh.retire()
    signed_under(longer.another(), kept)


@CHECKS.check(
    "retire.other-cluster",
    Level.L2,
    why="Two clusters share one backend; the failed switch of one unmounted what an operator had"
    " made for the other.",
    sources=("S17", "Consul GH-9498"),
    fix="Own things by id: never remove what you merely found.",
)
def other_cluster(arena: Arena) -> None:
    """Retiring an authority leaves another cluster's on the same backend at work."""
    mesh, other = arena.mesh(), arena.mesh()
    kept = other.prepare(other.signer)
    mesh.retire()
    signed_under(other, kept)
    signed_under(other.another(), kept)


@CHECKS.check(
    "retire.leaves-nothing",
    Level.L2,
    why="Keys of rotated authorities stayed in the store for ever, and expired intermediates piled"
    " up in the backend.",
    sources=("S05", "Consul GH-14429", "SPIRE GH-5497"),
    fix="Remove keys, certificates, roles and empty mounts of the id; only a small mark may stay.",
    needs={Need.COUNT_OBJECTS},
)
def leaves_nothing(arena: Arena) -> None:
    """A retired authority with its signers leaves no object behind in the backend."""
    before = objects(arena)
    mesh = arena.mesh()
    mesh.prepare()
    mesh.leaf()
    mesh.retire()
    after = objects(arena)
    require(after <= before, f"{after} objects are left where {before} were before")
