"""Scale and soak: what goes wrong only after thousands of leaves, hundreds of rotations, months."""

from datetime import timedelta

from cryptography import x509

from ca_core.contract import is_signed_by
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.counting import objects
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.verdict import require
from ca_core.testing.conformance.words import Level, Need
from ca_core.testing.lending import MemorySecrets

CHECKS = Catalogue()

LEAVES = 2000
ROTATIONS = 200
AUTHORITIES = 50
DAYS = 90

_SIGNER_LIFE = timedelta(days=30)
_LEAF_LIFE = timedelta(hours=72)
_EVERY = timedelta(hours=6)
_HALF_LIFE = timedelta(days=15)


@CHECKS.check(
    "soak.serials",
    Level.L4,
    why="A serial number came back once a counter had run over; two certificates were one.",
    sources=("S22", "Consul GH-7011", "RFC 5280 §4.1.2.2"),
    fix="Draw serial numbers of at least 64 random bits (`new_serial` draws 128).",
)
def soak_serials(arena: Arena) -> None:
    """Two thousand leaves have two thousand serial numbers."""
    mesh = arena.mesh()
    serials = {mesh.leaf().serial_number for _ in range(LEAVES)}
    require(len(serials) == LEAVES, f"{LEAVES} leaves have {len(serials)} serial numbers")


@CHECKS.check(
    "soak.rotations",
    Level.L4,
    why="What each rotation left behind stopped the one that met a limit of the backend.",
    sources=("S05", "S07", "SPIRE GH-5497", "Vault GH-29083"),
    fix="Remove in `retire_signer` everything that carries the signer's id.",
)
def soak_rotations(arena: Arena) -> None:
    """After two hundred rotations there are no more keys and objects than after two."""
    mesh = arena.mesh()
    _rotated(mesh, 2)
    most = _held(arena, mesh)
    _rotated(mesh, ROTATIONS)
    found = _held(arena, mesh)
    require(found <= most, f"{found} keys and objects after {ROTATIONS} rotations, {most} after 2")


@CHECKS.check(
    "soak.authorities",
    Level.L4,
    why="One backend serves many clusters, and each of them for years.",
    sources=("S02", "S17", "Consul GH-18112"),
    fix="Keep every authority under its own id, and evict nothing that cannot be read again.",
)
def soak_authorities(arena: Arena) -> None:
    """Fifty authorities on one backend, each still signing by its own signer at the end."""
    made = [_signing(arena) for _ in range(AUTHORITIES)]
    for number, (mesh, signer) in enumerate(made, start=1):
        right = is_signed_by(mesh.leaf(), signer)
        require(right, f"authority {number} of {AUTHORITIES} signs by another's key")


@CHECKS.check(
    "soak.months",
    Level.L4,
    why="Leaves stopped being renewed after days of quiet work: a token, a cache or a date was "
    "read once, at the start.",
    sources=("S06", "S34", "Consul GH-16818"),
    fix="Ask `context.clock` and the state each time; renew credentials while they live.",
    needs={Need.CLOCK},
)
def soak_months(arena: Arena) -> None:
    """Over ninety days, with a signer renewed at half its life, every leaf has its whole life."""
    mesh, age = arena.unmade(), _HALF_LIFE
    mesh.ensure()
    signers = list[x509.Certificate]()
    for quarter in range(DAYS * 4):
        if age >= _HALF_LIFE:
            signers.append(mesh.prepare(ttl=_SIGNER_LIFE).certificate)
            age = timedelta()
        leaf = mesh.leaf(mesh.ask.leaf(mesh.signer, ttl=_LEAF_LIFE))
        left = leaf.not_valid_after_utc - arena.tempo.clock.now()
        whole = left > _LEAF_LIFE * 0.9 and is_signed_by(leaf, signers[-1])
        require(whole, f"on day {quarter // 4} a leaf has {left} left, or another signer")
        arena.tempo.advance(_EVERY)
        age += _EVERY


def _rotated(mesh: Mesh, times: int) -> None:
    for _ in range(times):
        old = mesh.signer
        mesh.prepare()
        mesh.leaf()
        mesh.retire_signer(old)


def _signing(arena: Arena) -> tuple[Mesh, x509.Certificate]:
    mesh = arena.unmade()
    mesh.ensure()
    return mesh, mesh.prepare().certificate


def _held(arena: Arena, mesh: Mesh) -> int:
    secrets = mesh.cluster.secrets
    return objects(arena) + (len(secrets.names()) if isinstance(secrets, MemorySecrets) else 0)
