"""The same authority at another time: a provider object whose clock runs ahead."""

import dataclasses
from datetime import timedelta

from ca_core.clock import SystemClock
from ca_core.testing.lending import provider_context


class Ahead:
    """The machine's clock, moved on by ``span``."""

    def __init__(self):
        self.span = timedelta()

    def now(self):
        return SystemClock().now() + self.span

    def monotonic(self):
        return SystemClock().monotonic() + self.span.total_seconds()


def on_clock(arena, mesh, clock):
    """Open another provider object for the authority of ``mesh``, which asks ``clock``."""
    lent = mesh.provider.context
    context = provider_context(mesh.authority, state=lent.state, secrets=lent.secrets, clock=clock)
    return arena.open(None, context)


def at(clock, request):
    """Return a request whose deadline is seen by ``clock``."""
    return dataclasses.replace(request, deadline=clock.now() + timedelta(seconds=10))
