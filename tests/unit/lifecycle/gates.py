"""A provider whose calls a test stops half-way: what a slow or hanging backend does to the core."""

import threading
from collections import Counter

from ca_core.contract import ProviderPlugin
from ca_core.errors import Error
from ca_core.testing.reference import ReferenceProvider, reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend

LIMIT = 20.0
"""Seconds; a gate that nobody opens fails the call instead of the whole run."""


class Gates:
    """Which calls wait, and what they answer; shared by every provider object of one plugin.

    Attributes:
        calls: how often each method was called.
    """

    def __init__(self):
        self.backend = ReferenceBackend()
        self.calls = Counter()
        self._open = {}
        self._errors = {}
        self._arrived = {}

    def close(self, *names):
        """Let calls of these methods wait from now on."""
        for name in names:
            self._open[name] = threading.Event()
            self._arrived[name] = threading.Event()

    def open(self, *names):
        """Let everybody through."""
        for name in names:
            self._open.pop(name).set()

    def fail(self, name, error: Error | None):
        """Have a method raise; None mends it."""
        self._errors[name] = error

    def is_waiting(self, name):
        """Say whether a call waits at a closed gate."""
        return name in self._open and self._arrived[name].is_set()

    def passed(self, name):
        """Count a call, hold it while its gate is closed, raise what it is to raise."""
        self.calls[name] += 1
        gate = self._open.get(name)
        if gate is not None:
            self._arrived[name].set()
            assert gate.wait(LIMIT), f"nobody opened the gate of {name}"
        if self._errors.get(name) is not None:
            raise self._errors[name]

    def plugin(self) -> ProviderPlugin:
        """Return a descriptor whose providers pass these gates."""
        honest = reference_plugin()

        def create(config, context):
            return Gated(self, config, context)

        return ProviderPlugin(parse_config=honest.parse_config, create=create)


class Gated(ReferenceProvider):
    """The reference provider behind gates."""

    def __init__(self, gates, config, context):
        self.gates = gates
        super().__init__(config, context, gates.backend)


def _gated(name):
    honest = getattr(ReferenceProvider, name)

    def method(self, *args, **kwargs):
        self.gates.passed(name)
        return honest(self, *args, **kwargs)

    return method


for _name in (
    "probe",
    "ensure_authority",
    "prepare_signer",
    "sign_leaf",
    "cross_sign",
    "retire",
    "retire_signer",
    "crl",
):
    setattr(Gated, _name, _gated(_name))
