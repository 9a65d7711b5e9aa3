"""Providers that go wrong only when two servers do something at the same time."""

import dataclasses

from ca_provider_builtin import BuiltinSecondary, ca_provider, create

from ca_core.contract import (
    ROOT,
    Kept,
    Role,
    Signer,
    TrustChain,
    UnavailableError,
    signer_name,
)
from tests.conformance.broken.breaking import Broken
from tests.conformance.broken.small import SmallProvider, plugin_of


def secondary_of(kind):
    """Return the built-in provider's descriptor with another class for secondaries."""

    def made(config, context):
        return kind(config, context) if context.role is Role.SECONDARY else create(config, context)

    return dataclasses.replace(ca_provider(), create=made)


class OwnRoot(SmallProvider):
    """Returns the root that it made itself, whichever one the store has kept."""

    def ensure_authority(self, request):
        """Ignore what `create` says."""
        self.check_own(request)
        self.kept.claim(ROOT, request.key)
        chain = self.kept.chain_or_none(ROOT)
        if chain is None:
            chain = tuple(self.root(self.kept.key(ROOT, request.key), request))
            self.kept.installed(ROOT, chain)
        return TrustChain(chain)


class OwnSigner(SmallProvider):
    """Returns the signer that it made itself, whichever one the store has kept."""

    def prepare_signer(self, request):
        """Ignore what `create` says."""
        name = signer_name(request.id)
        self.kept.chain(ROOT)
        self.kept.claim(name, request.key)
        chain = self.kept.chain_or_none(name)
        if chain is None:
            chain = tuple(self.intermediate(self.kept.key(name, request.key), request))
            self.kept.installed(name, chain)
        return Signer(request.id, chain)


class LastChainStands(Kept):
    """Writes a signer's chain over whatever is there by now."""

    def installed(self, name, chain):
        """Remove, then write."""
        other = self.recorded(name, "chain")
        if name != ROOT and other is not None:
            self._state.replace(self._path(name, "chain"), other, None)
        return super().installed(name, chain)


class LastInstallWins(BuiltinSecondary):
    """Looks whether a chain is installed, and then writes over another server's."""

    def __init__(self, config, context):
        super().__init__(config, context)
        self.kept = LastChainStands(context)


class NoLookBack(Kept):
    """Looks for the mark of a retired signer only before it writes."""

    def _undo_if_retired(self, name):
        if name == ROOT:
            super()._undo_if_retired(name)


class SignerComesBack(SmallProvider):
    """Finishes a signer that was retired meanwhile."""

    def __init__(self, context):
        super().__init__(context)
        self.kept = NoLookBack(context)


class RetiresOnlyWhatIsThere(SmallProvider):
    """Marks an authority as retired only if it can see it."""

    def retire(self, request):
        """Take an authority under way for none."""
        if self.kept.names() and self.kept.chain_or_none(ROOT) is None:
            return
        super().retire(request)


class SwitchesTooEarly(SmallProvider):
    """Refuses to sign while a signer is being made."""

    def prepare_signer(self, request):
        """Put up a sign that every server obeys."""
        self.context.state.create(self._busy, "busy")
        try:
            return super().prepare_signer(request)
        finally:
            self.context.state.replace(self._busy, "busy", None)

    def sign_leaf(self, request):
        """Obey it."""
        if self.context.state.get(self._busy):
            raise UnavailableError("a new signer is being made")
        return super().sign_leaf(request)

    @property
    def _busy(self):
        return f"busy/{self.context.authority_id}"


BROKEN = (
    Broken(
        name="own-root-in-a-race",
        fault="the loser of a race for the authority returns its own root",
        caught_by=frozenset({"race.authority"}),
        plugin=lambda: plugin_of(OwnRoot),
        later=True,
    ),
    Broken(
        name="own-signer-in-a-race",
        fault="the loser of a race for a signer returns its own certificate",
        caught_by=frozenset({"race.signer"}),
        plugin=lambda: plugin_of(OwnSigner),
        later=True,
    ),
    Broken(
        name="last-install-wins",
        fault="of two chains installed at once the later one replaces the earlier",
        caught_by=frozenset({"race.install"}),
        plugin=lambda: secondary_of(LastInstallWins),
        later=True,
    ),
    Broken(
        name="signer-comes-back",
        fault="finishes a signer that another server retired meanwhile",
        caught_by=frozenset({"race.retired-signer"}),
        plugin=lambda: plugin_of(SignerComesBack),
        later=True,
    ),
    Broken(
        name="retires-only-what-is-there",
        fault="an authority that another server still makes cannot be retired",
        caught_by=frozenset({"race.retired-authority"}),
        plugin=lambda: plugin_of(RetiresOnlyWhatIsThere),
        later=True,
    ),
    Broken(
        name="switches-too-early",
        fault="signs nothing while a new signer is being made",
        caught_by=frozenset({"race.signing-goes-on"}),
        plugin=lambda: plugin_of(SwitchesTooEarly),
        later=True,
    ),
)
