"""Providers that do not survive an outage of their backend."""

from collections import Counter
from typing import ClassVar

from ca_core.contract import Health, NotReadyError, ProviderError, UnavailableError
from tests.conformance.broken.faults import remote
from tests.conformance.remote.client import LONGEST, Client
from tests.conformance.remote.provider import RemoteProvider

ENOUGH = 3


class Waits(Client):
    """Has one timeout for everything."""

    def connect(self, connection):
        """Forget the deadline."""
        connection.timeout = LONGEST
        super().connect(connection)


class KeepsFailures(Client):
    """Closes a connection only if it worked."""

    def __init__(self, address, clock):
        super().__init__(address, clock)
        self.kept = []

    def connect(self, connection):
        """Keep a second handle, until it is known to have worked."""
        super().connect(connection)
        self.kept.append(connection.sock.dup())

    def read(self, status, headers, body, asked):
        """Close it: this one worked."""
        found = super().read(status, headers, body, asked)
        self.kept.pop().close()
        return found

    def __del__(self):
        for handle in self.kept:
            handle.close()


class AsksAlways(RemoteProvider):
    """Asks the backend for its own health."""

    def health(self, *, deep=False):
        """Look deep, always."""
        return super().health(deep=True)


class DeepRaises(RemoteProvider):
    """Raises what a deep look finds."""

    def health(self, *, deep=False):
        """Forget that nobody catches it."""
        if deep:
            try:
                self.trust_chain()
            except NotReadyError:
                return Health(ok=True)
        return Health(ok=True)


class Breaker(RemoteProvider):
    """Stops asking after some failures, and never begins again."""

    def __init__(self, config, context):
        super().__init__(config, context)
        self.failures = 0

    def sign_leaf(self, request):
        """Count failures."""
        if self.failures > ENOUGH:
            raise UnavailableError("switched off")
        try:
            return super().sign_leaf(request)
        except ProviderError:
            self.failures += 1
            raise


class Blacklist(RemoteProvider):
    """Remembers in its class which authorities failed to start."""

    FAILED: ClassVar[Counter] = Counter()

    def ensure_authority(self, request):
        """Look there first."""
        if self.FAILED[request.id] >= ENOUGH:
            raise UnavailableError("this authority has failed to start")
        try:
            return super().ensure_authority(request)
        except UnavailableError:
            self.FAILED[request.id] += 1
            raise


BROKEN = (
    remote("waits-ten-seconds", "ignores deadlines", "fault.deadline", client=Waits),
    remote("asks-always", "health asks the backend", "fault.shallow-health", AsksAlways),
    remote("deep-raises", "deep health raises", "fault.deep-health", DeepRaises),
    remote("breaker", "stays switched off", "fault.recovers", Breaker),
    remote("blacklist", "a failed object cannot be replaced", "fault.replaced", Blacklist),
    remote("keeps-failures", "leaks failed connections", "fault.leaks", client=KeepsFailures),
)
