"""A provider like the built-in one that fails where a test says."""

import dataclasses
from collections import Counter

from ca_provider_builtin import create

from ca_core.authority.registry import Registry
from ca_core.errors import UnavailableError

BUILTIN = Registry().get("builtin")


class Failing:
    """The built-in provider's plugin, whose methods fail while they are in ``failures``.

    Attributes:
        failures: method's name → error that it raises before it does anything.
        opened, closed: how many provider objects were made, and how many of them were closed.
        only_under: failures count only under configurations that ``only_under(config)`` accepts.
    """

    def __init__(self):
        self.failures = {}
        self.only_under = lambda _config: True
        self.counts = Counter()
        self.plugin = dataclasses.replace(BUILTIN, create=self._create)

    def fail(self, method, error=None):
        """Let a method fail from now on."""
        self.failures[method] = error or UnavailableError("the backend is away")

    def mend(self):
        """Let everything work again."""
        self.failures.clear()

    def _create(self, config, context):
        provider = create(config, context)
        self.counts["opened"] += 1
        for name in ("ensure_authority", "prepare_signer", "sign_leaf", "cross_sign", "retire"):
            setattr(provider, name, self._failing(name, getattr(provider, name), config))
        provider.close = self._closing(provider.close)
        return provider

    def _failing(self, name, method, config):
        def call(request):
            self.counts[name] += 1
            if name in self.failures and self.only_under(config):
                raise self.failures[name]
            return method(request)

        return call

    def _closing(self, close):
        def call():
            self.counts["closed"] += 1
            close()

        return call
