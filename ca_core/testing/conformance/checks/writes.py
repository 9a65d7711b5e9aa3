"""Death at every write: what was begun is finished by a repeat, and nothing is left behind."""

from collections.abc import Callable

from cryptography import x509

from ca_core.contract import (
    AuthorityRetiredError,
    Capability,
    Role,
    SignerUnknownError,
    is_signed_by,
)
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.disturbing import Disturbed, disturbed, each_moment
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.trying import attempt
from ca_core.testing.conformance.verdict import refusal, require
from ca_core.testing.conformance.words import Level
from ca_core.testing.faultystore import Killed, Moment
from ca_core.testing.lending import MemorySecrets

CHECKS = Catalogue()

_FINISH = (
    "Write records in an order in which each one can be found again, and let a repeat finish what "
    "is missing; `Kept` does both."
)


@CHECKS.check(
    "death.authority",
    Level.L3,
    why="A server that died between two writes left an authority that could neither be used nor "
    "made again.",
    sources=("S27", "SPIRE GH-6964", "S13"),
    fix=_FINISH,
)
def death_authority(arena: Arena) -> None:
    """Whichever write of it a server dies at, a repeat makes one authority that works and stays."""

    def killed(moment: Moment) -> bool:
        world, request_id = disturbed(arena), arena.tempo.new_id("r")
        heir = world.calm.server()
        _die(world, moment, lambda: world.victim(heir).ensure(request_id=request_id))
        chain = heir.ensure(request_id=request_id)
        signed = is_signed_by(heir.prepare().certificate, chain.primary)
        require(signed, f"its key is not the one that signs, {moment}")
        same = heir.another().ensure() == chain
        require(same, f"the authority changes from call to call, {moment}")
        return world.store.reached

    each_moment(killed)


@CHECKS.check(
    "death.signer",
    Level.L3,
    why="A signer of which only the certificate was kept signs nothing, and its id is taken.",
    sources=("S27", "SPIRE GH-6964", "Consul GH-15253"),
    fix=_FINISH,
)
def death_signer(arena: Arena) -> None:
    """Whichever write of it a server dies at, a repeat makes one signer that signs and stays."""

    def killed(moment: Moment) -> bool:
        world, name, request_id = disturbed(arena), arena.tempo.new_id("s"), arena.tempo.new_id("r")
        heir = world.calm.server()
        heir.ensure()
        _die(world, moment, lambda: world.victim(heir).prepare(name, request_id=request_id))
        signer = heir.prepare(name, request_id=request_id)
        _require_signs(heir, signer.certificate, moment)
        same = heir.another().prepare(name) == signer
        require(same, f"the signer changes from call to call, {moment}")
        return world.store.reached

    each_moment(killed)


@CHECKS.check(
    "death.install",
    Level.L3,
    why="A secondary whose key is lost between its CSR and the installation holds a certificate "
    "that it cannot use, and its primary has signed in vain.",
    sources=("S27", "Consul GH-6542"),
    fix=_FINISH,
    capabilities={Capability.SECONDARY},
    role=Role.SECONDARY,
)
def death_install(arena: Arena) -> None:
    """Whichever write of it a secondary dies at, its signer is installed by a repeat and signs."""
    primary = arena.other_side()
    above = primary.provider.trust_chain().certificates

    def killed(moment: Moment) -> bool:
        world, name = disturbed(arena, role=Role.SECONDARY), arena.tempo.new_id("s")
        heir, chains = world.calm.server(), list[tuple[x509.Certificate, ...]]()

        def installed(mesh: Mesh) -> None:
            if not chains:
                chains.append((primary.intermediate(mesh.csr(name)), *above))
            mesh.install(name, chains[0])

        _die(world, moment, lambda: installed(world.victim(heir)))
        installed(heir)
        _require_signs(heir, chains[0][0], moment)
        return world.store.reached

    each_moment(killed)


@CHECKS.check(
    "death.retirement",
    Level.L3,
    why="A retirement that was cut off once was taken for done ever after, and its private keys "
    "stayed.",
    sources=("SPIRE GH-5497", "Consul GH-14429"),
    fix="Mark the id first, and let every repeat remove again whatever is still there.",
)
def death_retirement(arena: Arena) -> None:
    """Whichever write of it a server dies at, a repeated retirement leaves no more than one."""
    undisturbed = arena.mesh()
    _retire(undisturbed)
    most = _held(undisturbed)

    def killed(moment: Moment) -> bool:
        world = disturbed(arena)
        heir = world.calm.server()
        heir.ensure()
        heir.prepare()
        _die(world, moment, lambda: _retire(world.victim(heir)))
        _retire(heir)
        kept = _held(heir)
        require(kept <= most, f"{kept - most} secrets are left, {moment}")
        with refusal(SignerUnknownError, AuthorityRetiredError, of="signing after retirement"):
            heir.another().leaf(heir.ask.leaf(heir.signer))
        return world.store.reached

    each_moment(killed)


@CHECKS.check(
    "death.orphans",
    Level.L3,
    why="What a dying server leaves behind is found by nobody: keys pile up until a limit of the "
    "backend stops the next rotation.",
    sources=("SPIRE GH-5497", "SPIRE GH-4415", "Consul GH-14429"),
    fix="Record the name of what you are about to make before you make it, so that a repeat finds "
    "it.",
)
def death_orphans(arena: Arena) -> None:
    """Whichever write a server dies at, it leaves no more secrets or objects than an honest run."""
    most = _left_by(arena, lambda: _made(arena.unmade()))

    def killed(moment: Moment) -> bool:
        world = disturbed(arena)
        heir, name = world.calm.server(), arena.tempo.new_id("s")

        def finished() -> Mesh:
            _die(world, moment, lambda: _made(world.victim(heir), name))
            attempt(lambda: _made(heir, name), "the repeat")
            return heir

        left = _left_by(arena, finished)
        more = [what for what, count in left.items() if count > most.get(what, 0)]
        reached = world.store.reached
        require(not (reached and more), f"more {', '.join(more)} than without the death, {moment}")
        return reached

    each_moment(killed)


def _die(world: Disturbed, moment: Moment, call: Callable[[], object]) -> None:
    """Run ``call`` until its process dies at ``moment``; afterwards the store works again."""
    world.store.die(moment)
    try:
        attempt(call, "a call")
    except Killed:
        return
    finally:
        world.store.heal()


def _made(mesh: Mesh, signer: str | None = None) -> Mesh:
    mesh.ensure()
    mesh.prepare(signer)
    return mesh


def _retire(mesh: Mesh) -> None:
    mesh.retire_signer(mesh.signer)
    mesh.retire()


def _require_signs(mesh: Mesh, issuer: x509.Certificate, moment: Moment) -> None:
    leaf = attempt(mesh.leaf, "sign_leaf()")
    right = leaf.answer is not None and is_signed_by(leaf.answer, issuer)
    require(right, f"a leaf under that signer came to {leaf}, {moment}")


def _held(mesh: Mesh) -> int:
    """Return how many secrets the cluster of ``mesh`` keeps."""
    secrets = mesh.cluster.secrets
    return len(secrets.names()) if isinstance(secrets, MemorySecrets) else 0


def _left_by(arena: Arena, call: Callable[[], Mesh]) -> dict[str, int]:
    """Return how many secrets and backend objects there are more after ``call``."""
    before = _objects(arena)
    mesh = call()
    found = {what: count - before.get(what, 0) for what, count in _objects(arena).items()}
    return found | {"secrets": _held(mesh)}


def _objects(arena: Arena) -> dict[str, int]:
    count = arena.subject.count_objects
    return dict(count()) if count else {}
