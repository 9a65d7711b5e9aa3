"""Providers that go wrong when the store fails."""

import dataclasses

from ca_core.contract import Health, UnavailableError
from tests.conformance.broken.breaking import Broken
from tests.conformance.broken.small import SmallProvider, plugin_of


class GoesOnInMemory:
    """A state that remembers by itself what the store does not take."""

    def __init__(self, inner):
        self.inner = inner
        self.memory = {}
        self.keys = inner.keys
        self.replace = inner.replace

    def get(self, key):
        """Ask the store, then memory."""
        try:
            return self.inner.get(key)
        except UnavailableError:
            return self.memory.get(key)

    def create(self, key, value):
        """Tell the store, or memory."""
        try:
            return self.inner.create(key, value)
        except UnavailableError:
            return self.memory.setdefault(key, value)


class Forgetful(SmallProvider):
    """Goes on without the store, and forgets all that with its process."""

    def __init__(self, context):
        super().__init__(dataclasses.replace(context, state=GoesOnInMemory(context.state)))


class GivesUp(SmallProvider):
    """Remembers for ever that its initialisation failed once."""

    failed = False

    def ensure_authority(self, request):
        """Fail once, fail always."""
        return self._tried(super().ensure_authority, request)

    def prepare_signer(self, request):
        """Fail once, fail always."""
        return self._tried(super().prepare_signer, request)

    def _tried(self, method, request):
        if self.failed:
            raise UnavailableError("the initialisation has failed")
        try:
            return method(request)
        except UnavailableError as error:
            self.failed = type(error) is UnavailableError
            raise


class ForeignWhenReading(SmallProvider):
    """Turns an error of the store into an exception of nobody's."""

    def sign_leaf(self, request):
        """Take every failure to read for a missing key."""
        try:
            return super().sign_leaf(request)
        except UnavailableError:
            raise KeyError(request.signer) from None


class HealthRaises(SmallProvider):
    """Asks the store for its health, and lets it fail."""

    def health(self, *, deep=False):
        """Count the keys."""
        found = self.context.state.keys()
        return Health(ok=True, details={"keys": str(len(found))})


BROKEN = (
    Broken(
        name="goes-on-in-memory",
        fault="answers with what the store did not keep",
        caught_by=frozenset({"store.outage"}),
        plugin=lambda: plugin_of(Forgetful),
        later=True,
    ),
    Broken(
        name="gives-up",
        fault="one failure of the store ends it until a restart",
        caught_by=frozenset({"store.recovers"}),
        plugin=lambda: plugin_of(GivesUp),
        later=True,
    ),
    Broken(
        name="foreign-when-reading",
        fault="a store that cannot be read comes out as a KeyError",
        caught_by=frozenset({"store.reading"}),
        plugin=lambda: plugin_of(ForeignWhenReading),
        later=True,
    ),
    Broken(
        name="health-needs-the-store",
        fault="health raises when the store is away",
        caught_by=frozenset({"store.health"}),
        plugin=lambda: plugin_of(HealthRaises),
        later=True,
    ),
)
