"""Clusters whose store can be disturbed at every moment of a call, one after the other."""

import dataclasses
from collections.abc import Callable

from ca_core.contract import Role
from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.mesh import Cluster, Mesh
from ca_core.testing.faultystore import FaultyStore, Moment

MOST_MOMENTS = 200
"""A call with more writes than that is cut short: the first ones are tried."""


@dataclasses.dataclass(frozen=True, slots=True)
class Disturbed:
    """One cluster seen from two sides: servers that work, and servers whose store is disturbed.

    Attributes:
        calm: lends the stores themselves.
        store: disturbs when told to.
        nasty: lends the same stores through ``store``; the same authorities are there.
    """

    calm: Cluster
    store: FaultyStore
    nasty: Cluster

    def victim(self, mesh: Mesh) -> Mesh:
        """Open an object for the authority of ``mesh`` whose store can be disturbed."""
        found = self.nasty.server(mesh.authority)
        found.signer = mesh.signer
        return found


def disturbed(arena: Arena, *, role: Role = Role.PRIMARY) -> Disturbed:
    """Return a new cluster on the same backend."""
    calm = arena.cluster(role=role)
    store = FaultyStore(calm.state, calm.secrets)
    nasty = dataclasses.replace(
        calm, state=store.state, secrets=store.secrets, remember=lambda _mesh: None
    )
    return Disturbed(calm, store, nasty)


def each_moment(
    tried: Callable[[Moment], bool], *, reads: bool = False, first_after: bool = False
) -> None:
    """Try every moment of a call, until one does not come any more.

    Args:
        tried: tries one; says whether the moment came.
        reads: whether reads count too.
        first_after: leave out the moment before anything was written.
    """
    for number in range(1, MOST_MOMENTS + 1):
        skipped = first_after and number == 1
        if not skipped and not tried(Moment(number, reads=reads)):
            return
        if not tried(Moment(number, after=True, reads=reads)):
            return
