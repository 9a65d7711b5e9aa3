"""The services of this host: registered, changed, kept, and told about."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from ca_core.agent.services import state as changes
from ca_core.agent.services.definitions import CheckDefinition, Fixed, Registration, Ttl
from ca_core.agent.services.keeping import Keeping, KeptNowhere
from ca_core.agent.services.localstate import LocalState
from ca_core.agent.services.standing import (
    MAX_OUTPUT,
    NODE_MAINTENANCE,
    SERVICE_MAINTENANCE,
    Report,
)
from ca_core.agent.services.telling import Teller
from ca_core.agent.waiting import Gathering
from ca_core.clock import Clock
from ca_core.errors import ConflictError, NotFoundError, RequestError, UnavailableError
from ca_core.wire.catalog import CheckStatus

_LAZY = 5.0
"""Seconds until a result is kept on disk: what is registered is kept before it is answered."""

_FOREVER = 86400.0

log = logging.getLogger(__name__)


class Services:
    """What is registered here. Used from one event loop; ``run`` keeps results, for ever.

    Args:
        node: this agent's.
        keeping: where they are kept; read at once.

    Attributes:
        changed: wakes whoever waits for other instances; results of checks wake nobody.
        teller: puts it into the words of the wire.
    """

    def __init__(self, node: str, clock: Clock, keeping: Keeping | None = None) -> None:
        self.node = node
        self._clock = clock
        self._keeping = keeping or KeptNowhere()
        self._state = self._keeping.restored(clock.now(), clock.monotonic())
        self._unkept = False
        self._failing = False
        self._listeners: list[Callable[[], None]] = []
        self._bell = Gathering()
        self.changed = Gathering()
        self.teller = Teller()

    @property
    def state(self) -> LocalState:
        """Return what is registered now."""
        return self._state

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` on the loop after every change; it must not raise."""
        self._listeners.append(listener)

    async def register(self, new: Sequence[Registration], *, only_these: bool = False) -> None:
        """Register instances, each in place of the one with its id; durable once it returns.

        Checks that an instance had stay unless they are defined anew, or ``only_these``.

        Raises:
            ConflictError: the id of a check is that of another instance's; nothing is changed.
            RequestError: it is too much for servers; nothing is changed.
            UnavailableError: it is registered, and could not be kept.
        """
        state = self._state
        for each in new:
            _refuse_taken(state, each.checks)
            state = changes.registered(state, each, at=self._at, only_these=only_these)
            self.teller.refuse_untellable(state, each.service.id, self.node)
        self._become(state)
        await self._kept()

    async def deregister(self, service_id: str) -> None:
        """Forget an instance, its checks and its sidecar.

        Raises:
            NotFoundError: there is none.
            UnavailableError: it is forgotten, and that could not be kept.
        """
        if service_id not in self._state.services:
            raise NotFoundError(f"Unknown service ID {service_id!r}")
        self._become(changes.deregistered(self._state, service_id, at=self._at))
        await self._kept()

    async def add_check(self, definition: CheckDefinition) -> None:
        """Register a check.

        Raises:
            NotFoundError: its service is not registered.
            ConflictError: its id is that of another instance's.
            RequestError: it is too much for servers.
            UnavailableError: it is registered, and could not be kept.
        """
        owner = definition.service_id
        if owner and owner not in self._state.services:
            raise NotFoundError(f"Unknown service ID {owner!r}")
        _refuse_taken(self._state, (definition,))
        state = changes.with_check(self._state, definition, at=self._at)
        self.teller.refuse_untellable(state, owner, self.node)
        self._become(state)
        await self._kept()

    async def remove_check(self, check_id: str) -> None:
        """Forget a check.

        Raises:
            NotFoundError: there is none.
            UnavailableError: it is forgotten, and that could not be kept.
        """
        if check_id not in self._state.checks:
            raise NotFoundError(f"Unknown check ID {check_id!r}")
        self._become(changes.without_check(self._state, check_id, at=self._at))
        await self._kept()

    async def maintain(self, service_id: str, *, reason: str | None) -> None:
        """Take an instance, or with '' the node, out of service for a reason; None ends that.

        Raises:
            NotFoundError: there is no such instance.
            UnavailableError: it is done, and could not be kept.
        """
        if service_id and service_id not in self._state.services:
            raise NotFoundError(f"Unknown service ID {service_id!r}")
        check_id = f"{SERVICE_MAINTENANCE}{service_id}" if service_id else NODE_MAINTENANCE
        if reason is None:
            self._become(changes.without_check(self._state, check_id, at=self._at))
        else:
            self._become(self._maintained(service_id, check_id, reason))
        await self._kept()

    def report(self, check_id: str, status: CheckStatus, output: str) -> None:
        """Take over what a program says of its TTL check; the time begins anew.

        Raises:
            NotFoundError: there is no such check.
            RequestError: it is no TTL check.
        """
        check = self._state.checks.get(check_id)
        if check is None:
            raise NotFoundError(f"Unknown check ID {check_id!r}")
        if not isinstance(check.definition.kind, Ttl):
            raise RequestError(f"check {check_id!r} is no TTL check: it is run by the agent")
        ttl = check.definition.kind.ttl
        self._take(check_id, status, output, ends_after=ttl)

    def found(self, check_id: str, status: CheckStatus, output: str) -> None:
        """Take over what running a check gave; nothing happens if it is gone."""
        self._take(check_id, status, output)

    def replace_configured(self, wanted: Sequence[Registration]) -> None:
        """Register what the configuration file names, and forget what it named before."""
        names = {each.service.id for each in wanted}
        state = self._state
        for service_id, each in self._state.services.items():
            if each.configured and service_id not in names:
                state = changes.deregistered(state, service_id, at=self._at)
        for each in wanted:
            state = self._with_configured(state, each)
        self._become(state)

    def _with_configured(self, state: LocalState, new: Registration) -> LocalState:
        try:
            _refuse_taken(state, new.checks)
            after = changes.registered(state, new, at=self._at, only_these=True)
            self.teller.refuse_untellable(after, new.service.id, self.node)
        except RequestError as error:
            log.error("service %s of the configuration is left out: %s", new.service.id, error)  # noqa: TRY400 - its sentence says it all
            return state
        return after

    async def run(self) -> None:
        """Keep the results of checks, a few seconds after they came, for ever."""
        while True:
            if not self._unkept:
                await self._bell.changed(_FOREVER, self._clock)
                continue
            await self._clock.sleep(_LAZY)
            with contextlib.suppress(UnavailableError):  # told by ``_kept``
                await self._kept()

    async def close(self) -> None:
        """Keep what is not kept yet."""
        with contextlib.suppress(UnavailableError):  # told by ``_kept``
            await self._kept()

    @property
    def _at(self) -> float:
        return self._clock.monotonic()

    def _maintained(self, service_id: str, check_id: str, reason: str) -> LocalState:
        name = "Service Maintenance Mode" if service_id else "Node Maintenance Mode"
        check = CheckDefinition(id=check_id, name=name, service_id=service_id, kind=Fixed())
        state = changes.with_check(self._state, check, at=self._at)
        told = Report(status=CheckStatus.CRITICAL, output=reason, at=self._at)
        return changes.reported(state, check_id, told)

    def _take(
        self,
        check_id: str,
        status: CheckStatus,
        output: str,
        *,
        ends_after: timedelta = timedelta(),
    ) -> None:
        report = Report(
            status=status,
            output=output[:MAX_OUTPUT],
            at=self._at,
            ends=self._clock.now() + ends_after if ends_after else None,
            deadline=self._at + ends_after.total_seconds(),
        )
        self._become(changes.reported(self._state, check_id, report))

    def _become(self, state: LocalState) -> None:
        before, self._state = self._state, state
        if state.version == before.version:
            return
        self._unkept = True
        for listener in self._listeners:
            listener()
        self._bell.wake()
        if state.services is not before.services:
            self.changed.wake()

    async def _kept(self) -> None:
        self._unkept = False
        try:
            await self._keeping.keep(lambda: self._state)
        except UnavailableError as error:
            if not self._failing:
                log.error("%s", error)  # noqa: TRY400 - its sentence says it all
            self._unkept = self._failing = True
            raise
        self._failing = False


def _refuse_taken(state: LocalState, definitions: Sequence[CheckDefinition]) -> None:
    """Refuse to put a check in the place of another instance's: that one would be healthy again."""
    for definition in definitions:
        there = state.checks.get(definition.id)
        if there is not None and there.definition.service_id != definition.service_id:
            raise ConflictError(f"check {definition.id!r} is another service's", field="CheckID")
