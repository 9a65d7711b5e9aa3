"""Providers whose health and probes are wrong."""

import dataclasses
import time

from ca_core.contract import Credential, Findings, Health
from ca_core.testing import ReferenceProvider
from tests.conformance.broken.spoiling import broken


class HealthRaises(ReferenceProvider):
    """Asks a backend that knows nothing yet, in earnest."""

    def health(self, *, deep=False):
        """Raise what the backend raises."""
        if deep:
            self.trust_chain()
        return Health(ok=True)


class HealthAsks(ReferenceProvider):
    """Asks its backend each time."""

    def health(self, *, deep=False):
        """Wait for the backend."""
        time.sleep(0.06)
        return Health(ok=True)


class NaiveEnd(ReferenceProvider):
    """Reads its token's end from a clock on the wall."""

    def health(self, *, deep=False):
        """Leave the zone to the reader."""
        ends = self._context.clock.now().replace(tzinfo=None)
        return Health(ok=True, credential=Credential(ends=ends))


class CountsDown(ReferenceProvider):
    """Counts the attempts that are left instead of those that failed, once it is at work."""

    def health(self, *, deep=False):
        """Give a number below zero."""
        known = super().probe(None).exists
        return Health(ok=True, credential=Credential(ends=None, failures=-int(known)))


class NeverThere(ReferenceProvider):
    """Finds nothing."""

    def probe(self, request):
        """Say that nothing exists."""
        return dataclasses.replace(super().probe(request), exists=False)


class NotesProbes(ReferenceProvider):
    """Writes down when it was probed."""

    def probe(self, request):
        """Leave a trace."""
        now = self._context.clock.now().isoformat()
        self._context.state.create("probed/last", now)
        return Findings(exists=super().probe(request).exists)


BROKEN = (
    broken("health-raises", "raises before anything exists", "health.answers", HealthRaises),
    broken("health-asks", "asks its backend when it should not", "health.quick", HealthAsks),
    broken("naive-end", "tells an end without a zone", "health.credential", NaiveEnd),
    broken("counts-down", "counts failures below zero", "health.credential", CountsDown),
    broken("never-there", "finds nothing", "probe.exists", NeverThere),
    broken("notes-probes", "writes when it is probed", "probe.changes-nothing", NotesProbes),
)
