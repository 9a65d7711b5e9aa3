"""Spoiling one thing of the reference provider: a class, a certificate taken apart, one fault."""

import dataclasses
from collections.abc import Callable

from cryptography import x509
from cryptography.x509.oid import NameOID

from ca_core.testing import ReferenceBackend, ReferenceProvider, reference_plugin
from tests.conformance.broken.breaking import Broken
from tests.unit.authority.drafts import Draft, draft

SOMEBODY = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
FOREIGN_EXTENSION = x509.OCSPNoCheck()
"""An extension that none of our profiles has."""

COUNTED = 4711
"""A serial number as a counter gives it."""


def reference_with(kind, **changes):
    """Return the reference provider's descriptor with another class (and fields) behind it."""
    backend = ReferenceBackend()
    return dataclasses.replace(
        reference_plugin(backend),
        create=lambda config, context: kind(config, context, backend),
        **changes,
    )


def broken(name, fault, caught_by, kind, **more) -> Broken:
    """Return the reference provider with ``kind`` instead of its class, caught by one check."""
    return Broken(
        name=name,
        fault=fault,
        caught_by=frozenset({caught_by}),
        plugin=lambda: reference_with(kind),
        **more,
    )


def below_corporate(_plugin, _clock):
    """Supply a configuration that waits for a corporate CA's signature."""
    return {"make_config": lambda _address: {"external_issuer": True}}


def spoiled_leaf(name, fault, caught_by, change: Callable[..., Draft], when=None) -> Broken:
    """Return a provider with a second template for some leaves, which is wrong in one thing.

    ``change`` gets the draft of an honest leaf and its request; ``when`` says for which requests
    (None: those with DNS names).
    """

    class SecondTemplate(ReferenceProvider):
        def sign_leaf(self, request):
            leaf = super().sign_leaf(request)
            if not (request.dns_names if when is None else when(request)):
                return leaf
            return change(draft(leaf), request).signed(self._signer(request.signer).key)

    return broken(name, fault, caught_by, SecondTemplate)


def spoiled_intermediate(name, fault, caught_by, change, when=lambda request: True) -> Broken:
    """Return a provider whose intermediates for secondaries are wrong in one thing."""

    class SecondTemplate(ReferenceProvider):
        def sign_intermediate(self, request):
            made = super().sign_intermediate(request)
            if not when(request):
                return made
            return change(draft(made), request).signed(self._root().key)

    return broken(name, fault, caught_by, SecondTemplate)


def spoiled_cross(name, fault, caught_by, change, when=lambda request: True) -> Broken:
    """Return a provider whose cross-certificates are wrong in one thing."""

    class SecondTemplate(ReferenceProvider):
        def cross_sign(self, request):
            made = super().cross_sign(request)
            if not when(request):
                return made
            return change(draft(made), request).signed(self._root().key)

    return broken(name, fault, caught_by, SecondTemplate)


def spoiled_root(name, fault, caught_by, change, *, key=None, when=lambda request: True) -> Broken:
    """Return a provider whose root is wrong in one thing when it is made, ``key`` signing it."""

    class OtherRoot(ReferenceProvider):
        def ensure_authority(self, request):
            with self._backend._lock:
                fresh = self._backend.get(self._id, "") is None and when(request)
                chain = super().ensure_authority(request)
                if fresh:
                    entry = self._backend.get(self._id, "")
                    made = change(draft(chain.primary), request)
                    entry.chain = (made.signed(key or entry.key),)
                return super().ensure_authority(request)

    return broken(name, fault, caught_by, OtherRoot)


def spoiled_signer(
    name, fault, caught_by, change, *, more=lambda root: (root,), second=False
) -> Broken:
    """Return a provider whose signers are wrong in one thing when they are made.

    ``change`` gets the draft and the request; ``more`` the root, and gives what stands above.
    With ``second`` the first signer of an authority is right.
    """

    class OtherSigner(ReferenceProvider):
        def prepare_signer(self, request):
            with self._backend._lock:
                fresh = self._backend.get(self._id, request.id) is None and self._due()
                signer = super().prepare_signer(request)
                if fresh:
                    root, entry = self._root(), self._backend.get(self._id, request.id)
                    made = change(draft(signer.certificate), request).signed(root.key)
                    entry.chain = (made, *more(root.chain[0]))
                return super().prepare_signer(request)

        def _due(self):
            names = [signer for owner, signer in self._backend.names() if owner == self._id]
            return len(names) > 1 or not second

    return broken(name, fault, caught_by, OtherSigner)


def same(honest, _request):
    """Change nothing."""
    return honest
