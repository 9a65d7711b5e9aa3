"""Every method of the Vault provider that asks the server, with a request that it can answer."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ca_core.contract import Findings, Health, Request, Role
from ca_core.errors import Error
from ca_core.testing.conformance.trying import Attempt, attempt
from docs.vaultfailure import HEALTHY, SICK, TELLS, WORKS
from tests.stopwatch import Stopwatch, stopwatch

METHODS = (
    "probe", "health", "crl", "ensure_authority", "prepare_signer", "sign_leaf",
    "sign_intermediate", "cross_sign", "cross_sign_csr", "revoke", "intermediate_csr",
    "install_intermediate", "retire_signer", "retire",
)  # fmt: skip
"""In the order in which they are called. ``trust_chain`` asks the store alone."""

READS = frozenset({"probe", "health", "crl"})

RECOVERY = 2.0
"""Seconds after an outage within which everything works again."""

GENTLE = 0.02
"""Seconds between two tries of a call that is made until it succeeds."""


class ShiftedClock:
    """The machine's clock, set wrong by ``by``."""

    def __init__(self):
        self.by = timedelta()

    def now(self):
        """Return the wall-clock time, aware UTC, as wrong as it is."""
        return datetime.now(UTC) + self.by

    def monotonic(self):
        """Return seconds, which no setting of the clock moves."""
        return time.monotonic()

    async def sleep(self, _seconds):
        """Refuse: no provider sleeps on the event loop."""
        raise NotImplementedError


@dataclass(frozen=True)
class Outcome:
    """What one call came to, in the words of ``docs.vaultfailure``, and how long it took."""

    got: str
    seconds: float
    error: Error | None

    @property
    def is_good(self) -> bool:
        """Say whether nothing was wrong."""
        return self.got in {WORKS, HEALTHY}


@dataclass(frozen=True)
class Call:
    """One method with its request; ``undo`` takes back what it makes, whether it did or not."""

    name: str
    method: Callable
    request: Request | None
    clock: ShiftedClock
    undo: Callable[[], object] = field(default=lambda: None)

    def made(self, patience: float) -> Outcome:
        """Call with a deadline in ``patience`` seconds."""
        with stopwatch() as watch:
            found = attempt(lambda: self._call(patience), self.name)
            return Outcome(said(found), watch.seconds, found.error)

    def done(self, patience: float, watch: Stopwatch) -> Outcome:
        """Call as the core does, again after each failure within ``RECOVERY`` of the watch."""
        while True:
            found = self.made(patience)
            if found.is_good or watch.seconds > RECOVERY:
                return found
            time.sleep(GENTLE)

    def undone(self, watch: Stopwatch) -> None:
        """Take back what it made, again after each failure within ``RECOVERY`` of the watch."""
        while (found := attempt(self.undo, "undo")).error is not None:
            if watch.seconds > RECOVERY:
                raise found.error
            time.sleep(GENTLE)

    def _call(self, patience: float):
        if self.request is None:
            return self.method()
        deadline = self.clock.now() + timedelta(seconds=patience)
        return self.method(dataclasses.replace(self.request, deadline=deadline))


def said(found: Attempt) -> str:
    """Return what a call came to: the public class of its error, or what its answer says."""
    if found.error is not None:
        kinds = type(found.error).__mro__
        return next(kind.__name__ for kind in kinds if kind.__module__ == Error.__module__)
    match found.answer:
        case Findings(missing_permissions=missing):
            return TELLS if missing else WORKS
        case Health(ok=ok):
            return HEALTHY if ok else SICK
        case _:
            return WORKS


class World:
    """A primary, a secondary and the honest others that their methods need; with tokens in hand.

    Attributes:
        mesh: the primary.
    """

    def __init__(self, arena, clock, config):
        self._arena, self._clock, self._config = arena, clock, config
        self._new_id = arena.tempo.new_id
        self.mesh, self._secondary = self._server(), self._server(Role.SECONDARY)
        self.mesh.ensure()
        self._signer = self.mesh.prepare().id
        self._leaf = self.mesh.leaf()
        self._other = arena.other_side()
        self._csr = arena.other_secondary().csr(self._new_id("s"))
        self._secondary.provider.install_intermediate(self._install_intermediate().request)

    def call(self, name: str) -> Call:
        """Return a call of one method that was not made before."""
        return getattr(self, f"_{name}")()

    def end(self):
        """Remove everything of this world."""
        self.mesh.retire()
        self._secondary.retire()

    def _server(self, role=Role.PRIMARY):
        return self._arena.cluster(role=role).server(config=self._config)

    def _call(self, mesh, name, request=None, undo=lambda: None):
        return Call(name, getattr(mesh.provider, name), request, self._clock, undo)

    def _probe(self):
        return self._call(self.mesh, "probe", self.mesh.ask.probe())

    def _health(self):
        found = self._call(self.mesh, "health")
        return dataclasses.replace(found, method=lambda: self.mesh.provider.health(deep=True))

    def _crl(self):
        return self._call(self.mesh, "crl", self.mesh.ask.crl(self._signer))

    def _ensure_authority(self):
        mesh = self._server()  # has no token yet, as after a restart
        return self._call(mesh, "ensure_authority", mesh.ask.authority(), mesh.retire)

    def _prepare_signer(self):
        name = self._new_id("s")
        request = self.mesh.ask.signer(name)
        return self._call(
            self.mesh, "prepare_signer", request, lambda: self.mesh.retire_signer(name)
        )

    def _sign_leaf(self):
        return self._call(self.mesh, "sign_leaf", self.mesh.ask.leaf(self._signer))

    def _sign_intermediate(self):
        return self._call(self.mesh, "sign_intermediate", self.mesh.ask.intermediate(self._csr))

    def _cross_sign(self):
        theirs, csr = self._other.provider.trust_chain().primary, self._other.cross_csr()
        return self._call(self.mesh, "cross_sign", self.mesh.ask.cross(theirs, csr=csr))

    def _cross_sign_csr(self):
        return self._call(self.mesh, "cross_sign_csr", self.mesh.ask.cross_csr())

    def _revoke(self):
        return self._call(self.mesh, "revoke", self.mesh.ask.revoke(self._leaf, self._signer))

    def _intermediate_csr(self):
        mesh, name = self._secondary, self._new_id("s")
        request = mesh.ask.signer(name)
        return self._call(mesh, "intermediate_csr", request, lambda: mesh.retire_signer(name))

    def _install_intermediate(self):
        mesh, name = self._secondary, self._new_id("s")
        signed = self._other.intermediate(mesh.csr(name))
        chain = (signed, *self._other.provider.trust_chain().certificates)
        request = mesh.ask.install(chain, signer=name)
        return self._call(mesh, "install_intermediate", request, lambda: mesh.retire_signer(name))

    def _retire_signer(self):
        doomed = self.mesh.prepare().id
        return self._call(self.mesh, "retire_signer", self.mesh.ask.retire_signer(doomed))

    def _retire(self):
        mesh = self._server()
        mesh.ensure()
        mesh.prepare()
        return self._call(mesh, "retire", mesh.ask.retire())
