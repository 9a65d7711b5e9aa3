"""Providers that go wrong when one object is called several times at once."""

import threading
import time

from ca_core.testing import ReferenceProvider
from tests.conformance.broken.breaking import Broken
from tests.conformance.broken.leaves import reference_with
from tests.conformance.broken.reissuing import reissued
from tests.conformance.broken.small import SmallProvider, plugin_of

TURN = 0.002
"""Long enough for another thread to take its turn."""


class SharedRequest(ReferenceProvider):
    """Keeps the request on the object while it signs."""

    concurrency = 4

    def sign_leaf(self, request):
        """Let another call overwrite it."""
        self.request = request
        time.sleep(TURN)
        return super().sign_leaf(self.request)


class CountedSerials(ReferenceProvider):
    """Counts serial numbers without a lock."""

    concurrency = 4
    count = 0

    def sign_leaf(self, request):
        """Read, wait, write."""
        seen = self.count
        time.sleep(TURN)
        self.count = seen + 1
        leaf = super().sign_leaf(request)
        pair = self._signer(request.signer).pair
        start = pair.certificate.serial_number + (id(self) << 64)
        return reissued(leaf, pair.key, serial=(start + seen) % 2**127)


class OneLock(SmallProvider):
    """Holds one lock for everything, health too."""

    def __init__(self, context):
        super().__init__(context)
        self.lock = threading.RLock()

    def prepare_signer(self, request):
        """Hold it while the store is asked."""
        with self.lock:
            return super().prepare_signer(request)

    def health(self, *, deep=False):
        """Wait for it."""
        with self.lock:
            return super().health(deep=deep)


class GoneAfterClose(SmallProvider):
    """Drops on close what a call that is under way still uses."""

    def close(self):
        """Drop it."""
        self.kept = None


BROKEN = (
    Broken(
        name="shared-request",
        fault="mixes up two requests that are signed at once",
        caught_by=frozenset({"race.leaf-keys"}),
        plugin=lambda: reference_with(SharedRequest),
        later=True,
    ),
    Broken(
        name="counted-serials",
        fault="gives two leaves that are signed at once the same serial number",
        caught_by=frozenset({"race.serials"}),
        plugin=lambda: reference_with(CountedSerials),
        later=True,
    ),
    Broken(
        name="one-lock-for-everything",
        fault="health waits for the call that is under way",
        caught_by=frozenset({"race.health"}),
        plugin=lambda: plugin_of(OneLock),
        later=True,
    ),
    Broken(
        name="gone-after-close",
        fault="a call that overlaps a close dies of an AttributeError",
        caught_by=frozenset({"race.close"}),
        plugin=lambda: plugin_of(GoneAfterClose),
        later=True,
    ),
)
