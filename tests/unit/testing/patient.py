"""A caller that never gives up, as the core is one: for providers that misbehave."""

import dataclasses
import logging

from ca_core.authority.guard import GuardedProvider
from ca_core.authority.registry import Registry
from ca_core.contract import (
    KeySpec,
    OutcomeUnknownError,
    PendingError,
    RateLimitedError,
    UnavailableError,
)
from ca_core.errors import GuardError
from ca_core.testing import (
    FakeClock,
    MemoryProviderState,
    MemorySecrets,
    ReferenceBackend,
    SlowBackend,
    chaos_plugin,
    provider_context,
    reference_plugin,
    slow_plugin,
)
from ca_core.testing.conformance.asking import Asking
from ca_core.testing.conformance.tempo import Tempo
from ca_core.testing.lending import TRUST_DOMAIN

MOST_TRIES = 60
_QUIET = logging.getLogger("tests.chaos")
_QUIET.disabled = True  # hundreds of warnings that are meant


def chaos_in_memory(clock):
    """Return a chaos descriptor that knows the built-in, the reference and the slow provider."""
    inner = {
        "builtin": Registry().get("builtin"),
        "reference": reference_plugin(ReferenceBackend()),
        "slow": slow_plugin(SlowBackend(clock, polls=1)),
    }
    return chaos_plugin(Registry(entry_points=(), extra=inner))


class Cluster:
    """State, secrets and backend below one chaos configuration; every ``server`` is an object."""

    def __init__(self, inner="reference", **config):
        self.clock = FakeClock()
        self.config = {"inner": inner, **config}
        self.state = MemoryProviderState()
        self.secrets = MemorySecrets()
        self.plugin = chaos_in_memory(self.clock)
        self.ask = Asking(Tempo(self.clock, KeySpec()), "a1")
        self.violations = []
        self.bugs = []
        self.disturbances = []

    def server(self):
        """Return a new chaos provider on this cluster: a restart, or another server."""
        context = provider_context("a1", state=self.state, secrets=self.secrets, clock=self.clock)
        return self.plugin.open(self.config, context)

    def guarded(self):
        """Return a new chaos provider behind the guard."""
        return GuardedProvider(
            self.server(),
            name="chaos",
            trust_domain=TRUST_DOMAIN,
            clock=self.clock,
            on_violation=self.violations.append,
            on_bug=self.bugs.append,
            logger=_QUIET,
        )

    def patiently(self, method, request):
        """Call as the core does: with the token while pending, with the same id after the rest."""
        for _ in range(MOST_TRIES):
            try:
                return method(request)
            except PendingError as pending:
                request = dataclasses.replace(request, pending=pending.token)
                self._pause(pending)
            except (RateLimitedError, UnavailableError) as limited:
                self._pause(limited)
            except (OutcomeUnknownError, GuardError) as lost:
                self.disturbances.append(lost)
        raise AssertionError(f"{method.__name__} is not done after {MOST_TRIES} tries")

    def _pause(self, error):
        self.disturbances.append(error)
        self.clock.advance(error.retry_after)
