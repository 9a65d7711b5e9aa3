"""An existing CA that the configuration names: taken as it is, for one authority at a time."""

from ca_core.contract import ConfigError
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.check import Catalogue
from ca_core.testing.conformance.mesh import Mesh
from ca_core.testing.conformance.verdict import Inapplicable, refusal, require
from ca_core.testing.conformance.words import Level

CHECKS = Catalogue()


def _adopted(arena: Arena) -> Mesh:
    mesh = arena.mesh()
    if not (mesh.ensure().adopted and mesh.provider.trust_chain().adopted):
        raise Inapplicable("no existing CA is named in the configuration")
    return mesh


@CHECKS.check(
    "adopt.one-authority",
    Level.L2,
    why="Two authorities on one CA are one root under two names: retiring the first takes the key"
    " of the second.",
    sources=("S17", "Consul GH-9498", "Consul GH-18112"),
    fix="Record with `create` which id holds the CA, and raise `ConfigError` for another one.",
)
def one_authority(arena: Arena) -> None:
    """An adopted CA serves no second authority, also after the first has renewed its signer."""
    mesh = _adopted(arena)
    mesh.prepare()
    other = mesh.cluster.server()
    with refusal(ConfigError, of="adopting a CA that serves another authority"):
        other.ensure()


@CHECKS.check(
    "adopt.survives",
    Level.L2,
    why="A failed switch unmounted what the operator had made long before; a CA that was handed"
    " over is not ours to destroy.",
    sources=("S17", "Consul GH-9498"),
    fix="Remove your own records and copies; let go of the CA, so that a new id can adopt it.",
)
def survives(arena: Arena) -> None:
    """After its authority is retired, an adopted CA can be adopted again, unchanged."""
    mesh = _adopted(arena)
    before = mesh.provider.trust_chain().primary
    mesh.retire()
    again = mesh.cluster.server().ensure()
    require(again.primary == before, "another CA came back")
