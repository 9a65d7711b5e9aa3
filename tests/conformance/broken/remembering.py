"""What faults over time are made of: a small provider that knows what it has done."""

import dataclasses

from ca_core.contract import issue_leaf, signer_name
from tests.conformance.broken.breaking import Broken
from tests.conformance.broken.small import SmallProvider, plugin_of


class RememberingWork(SmallProvider):
    """Knows whether it has ever signed a leaf, and what this object itself has made or used."""

    def __init__(self, context):
        super().__init__(context)
        self.own = set()

    def prepare_signer(self, request):
        """Make a signer, and know it."""
        signer = super().prepare_signer(request)
        self.own.add(request.id)
        return signer

    def sign_leaf(self, request):
        """Sign, and note durably that it was done."""
        leaf = super().sign_leaf(request)
        self.context.state.create(self._mark, "yes")
        self.own.add(request.signer)
        return leaf

    @property
    def has_signed(self):
        """Say whether any object of this authority has signed a leaf."""
        return self.context.state.get(self._mark) is not None

    @property
    def _mark(self):
        return f"has-signed/{self.context.authority_id}"


class KnowingOrder(RememberingWork):
    """Knows which signer was prepared before which other."""

    def made(self):
        """Return the ids of all signers that were prepared, oldest first."""
        prefix = f"order/{self.context.authority_id}/"
        return [self.context.state.get(key) for key in self.context.state.keys(prefix)]

    def prepare_signer(self, request):
        """Note the order."""
        signer = super().prepare_signer(request)
        if request.id not in self.made():
            number = f"{len(self.made()):04}"
            self.context.state.create(f"order/{self.context.authority_id}/{number}", request.id)
        return signer


class Hoarding(SmallProvider):
    """Keeps whatever has signed here in memory; a subclass signs with it too long."""

    def __init__(self, context):
        super().__init__(context)
        self.hoard = {}

    def sign_leaf(self, request):
        """Sign, from memory if it still may."""
        if request.signer in self.hoard and self.clings_to(request.signer):
            return issue_leaf(self.hoard[request.signer].pair, request)
        leaf = super().sign_leaf(request)
        self.hoard[request.signer] = self.kept.signer(request.signer)
        return leaf

    def retired(self, signer=None):
        """Say whether the authority, or one signer, was retired."""
        parts = [self.context.authority_id, *([signer_name(signer)] if signer else []), "retired"]
        return self.context.state.get("/".join(["authority", *parts])) is not None

    def clings_to(self, signer):
        """Say whether to sign from memory."""
        return False


def on(backend):
    """Return a descriptor whose ``create`` is the backend itself, so that a supply can find it."""
    return dataclasses.replace(plugin_of(SmallProvider), create=backend)


def later(name, fault, kind, check):
    """Return a provider that errs only later."""
    return Broken(
        name=name,
        fault=fault,
        caught_by=frozenset({check}),
        plugin=lambda: plugin_of(kind),
        later=True,
    )
