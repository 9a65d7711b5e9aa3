"""Providers that go wrong when their process dies between two writes."""

import dataclasses
import secrets
from contextlib import suppress

from ca_provider_builtin import BuiltinSecondary

from ca_core.contract import (
    ROOT,
    Kept,
    RequestError,
    UnavailableError,
    generate_key,
    key_bytes,
    spki_der,
)
from tests.conformance.broken.breaking import Broken
from tests.conformance.broken.races import secondary_of
from tests.conformance.broken.small import SmallProvider, plugin_of


class ChainFirst(Kept):
    """Keeps the certificate before its private key; the key is in memory until then."""

    def __init__(self, context, late):
        super().__init__(context)
        self.late = late
        self.unsaved = {}

    def made(self, name, spec, issue, *, make_key=None):
        """Record the chain, then save the key."""
        if not self.late(name):
            return super().made(name, spec, issue, make_key=make_key)
        self.claim(name, spec)
        chain = self.chain_or_none(name)
        if chain is None:
            key = self.unsaved.setdefault(name, generate_key(spec))
            chain = self.installed(name, issue(key))
        mine = self.unsaved.get(name)
        if mine and spki_der(mine.public_key()) == spki_der(chain[0].public_key()):
            self._secrets.create(self._path(name), key_bytes(mine))
        return chain


class RootWithoutKey(SmallProvider):
    """Records a root before its key is durable."""

    def __init__(self, context):
        super().__init__(context)
        self.kept = ChainFirst(context, lambda name: name == ROOT)


class SignerWithoutKey(SmallProvider):
    """Records a signer before its key is durable."""

    def __init__(self, context):
        super().__init__(context)
        self.kept = ChainFirst(context, lambda name: name != ROOT)


class MarksFirst(Kept):
    """Takes an installation that was begun for one that somebody else is still doing."""

    def installed(self, name, chain):
        """Put up a mark that nobody takes down."""
        if self.recorded(name, "installing") and self.chain_or_none(name) is None:
            raise RequestError("an installation for this id is under way", field="id")
        self.standing(name, "installing", "begun")
        return super().installed(name, chain)


class StuckInstallation(BuiltinSecondary):
    """Cannot finish an installation that was cut off."""

    def __init__(self, config, context):
        super().__init__(config, context)
        self.kept = MarksFirst(context)


class RetiresHalfway(SmallProvider):
    """Takes the mark of a retired authority as proof that everything is gone."""

    def retire(self, request):
        """Return if the mark is there."""
        with suppress(UnavailableError):
            if self.context.state.get(f"authority/{self.context.authority_id}/retired"):
                return
        super().retire(request)


class Scattered:
    """Secrets under names drawn by lot, each pointed to by a record in the state."""

    def __init__(self, context):
        self.state = context.state
        self.inner = context.secrets

    def get(self, name):
        """Follow the pointer."""
        pointer = self.state.get(f"at/{name}")
        return None if pointer is None else self.inner.get(pointer)

    def create(self, name, value):
        """Keep the secret, then record where."""
        mine = f"key-{secrets.token_hex(8)}"
        self.inner.create(mine, value)
        standing = self.state.create(f"at/{name}", mine)
        if standing != mine:
            self.inner.delete(mine)
        return self.inner.get(standing)

    def delete(self, name):
        """Forget the secret, then the pointer."""
        pointer = self.state.get(f"at/{name}")
        if pointer is not None:
            self.inner.delete(pointer)
            self.state.replace(f"at/{name}", pointer, None)


class OrphanedKeys(SmallProvider):
    """Loses sight of a key that was kept just before the process died."""

    def __init__(self, context):
        super().__init__(dataclasses.replace(context, secrets=Scattered(context)))


BROKEN = (
    Broken(
        name="root-without-key",
        fault="a root is recorded before its private key is durable",
        caught_by=frozenset({"death.authority"}),
        plugin=lambda: plugin_of(RootWithoutKey),
        later=True,
    ),
    Broken(
        name="signer-without-key",
        fault="a signer is recorded before its private key is durable",
        caught_by=frozenset({"death.signer"}),
        plugin=lambda: plugin_of(SignerWithoutKey),
        later=True,
    ),
    Broken(
        name="stuck-installation",
        fault="an installation that was cut off can never be finished",
        caught_by=frozenset({"death.install"}),
        plugin=lambda: secondary_of(StuckInstallation),
        later=True,
    ),
    Broken(
        name="retires-halfway",
        fault="a retirement that was cut off leaves private keys for ever",
        caught_by=frozenset({"death.retirement"}),
        plugin=lambda: plugin_of(RetiresHalfway),
        later=True,
    ),
    Broken(
        name="orphaned-keys",
        fault="a key made just before the process died is never found again",
        caught_by=frozenset({"death.orphans"}),
        plugin=lambda: plugin_of(OrphanedKeys),
        later=True,
    ),
)
