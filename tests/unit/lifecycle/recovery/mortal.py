"""A backend that forgets everything, or is away for good."""

from dataclasses import replace

from ca_core.contract import ProviderPlugin, UnavailableError
from ca_core.testing.reference import reference_plugin
from ca_core.testing.reference_backend import ReferenceBackend


class MortalBackend(ReferenceBackend):
    """CAs in memory, for as long as it lives.

    Attributes:
        is_gone: nobody reaches it any more.
        lacks: what its providers may not do, as a probe finds it.
    """

    def __init__(self):
        super().__init__()
        self.is_gone = False
        self.lacks = ()

    def forget(self):
        """Lose every CA, as one that was restored from nothing; no id is known to be dead."""
        self._entries.clear()

    def get(self, authority, name):
        """Return the CA of that name, while anybody is there."""
        self._answer()
        return super().get(authority, name)

    def retire(self, authority, name):
        """Remove the CA of that name, while anybody is there."""
        self._answer()
        super().retire(authority, name)

    def _answer(self):
        if self.is_gone:
            raise UnavailableError("no route to host")

    def plugin(self) -> ProviderPlugin:
        """Return a descriptor whose providers cannot even be opened once it is gone."""
        inner = reference_plugin(self)

        def create(config, context):
            self._answer()
            provider = inner.create(config, context)
            probe = provider.probe
            provider.probe = lambda request: replace(probe(request), missing_permissions=self.lacks)
            return provider

        return replace(inner, create=create)
