"""A mesh whose provider reaches its backend through the fault proxy."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from ca_core.testing.conformance.arena import Arena
from ca_core.testing.conformance.mesh import Mesh, RequestT
from ca_core.testing.conformance.trying import Attempt, attempt
from ca_core.testing.faultproxy import FaultProxy
from ca_core.testing.faults import Fault


@dataclasses.dataclass(frozen=True, slots=True)
class Proxied:
    """A provider behind the proxy.

    Attributes:
        arena: the check's world.
        proxy: between provider and backend.
        mesh: an authority with a signer.
    """

    arena: Arena
    proxy: FaultProxy
    mesh: Mesh

    def unmade(self) -> Mesh:
        """Open a provider behind the proxy for an authority that does not exist yet."""
        return self.arena.unmade(address=self.proxy.address)

    def calls(self, fault: Fault) -> Iterator[tuple[str, Attempt[object]]]:
        """Sign a leaf and make an authority while every request has ``fault``; yield what came.

        A call that did not reach the backend is left out: it has nothing to say about faults.
        """
        leaf, fresh = self.mesh.ask.leaf(self.mesh.signer), self.unmade()
        authority = fresh.ask.authority()
        yield from self._hit(
            fault, "sign_leaf()", lambda: self.mesh.provider.sign_leaf(self.soon(leaf))
        )
        yield from self._hit(
            fault,
            "ensure_authority()",
            lambda: fresh.provider.ensure_authority(self.soon(authority)),
        )

    def soon(self, request: RequestT, span: timedelta = timedelta(seconds=2)) -> RequestT:
        """Return the request with a deadline so soon that no provider waits for long."""
        deadline = self.arena.tempo.clock.now() + span
        return dataclasses.replace(request, deadline=deadline)

    def signs_soon(self) -> None:
        """Ask for a leaf, with a deadline so soon that a provider does not retry for long."""
        request = self.mesh.ask.leaf(self.mesh.signer)
        self.mesh.provider.sign_leaf(self.soon(request))

    def _hit(
        self, fault: Fault, what: str, call: Callable[[], object]
    ) -> Iterator[tuple[str, Attempt[object]]]:
        self.proxy.plan(fault)
        before = self.proxy.requests
        found = attempt(call, what)
        hit = self.proxy.requests > before
        self.proxy.heal()
        if hit:
            yield what, found


@contextmanager
def proxied(arena: Arena) -> Iterator[Proxied]:
    """Start a proxy in front of the backend, and make an authority with a signer through it."""
    with FaultProxy(arena.subject.backend or "") as proxy:
        yield Proxied(arena, proxy, arena.mesh(address=proxy.address))
