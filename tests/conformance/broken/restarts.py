"""Providers that are not the same after a restart, or on another server."""

from ca_core.contract import (
    ROOT,
    NotReadyError,
    Signer,
    SignerUnknownError,
    TrustChain,
    UnavailableError,
    signer_name,
)
from tests.conformance.broken.breaking import Broken
from tests.conformance.broken.remembering import KnowingOrder, RememberingWork, later, on
from tests.conformance.broken.small import SmallProvider


class RenewsRootAtStart(RememberingWork):
    """Signs its root once more when it starts, and answers with that."""

    def ensure_authority(self, request):
        """Return a root of the same key, another certificate."""
        chain = super().ensure_authority(request)
        if not self.has_signed or self.own:
            return chain
        return TrustChain(tuple(self.root(self.kept.held(ROOT).pair.key, request)))


class RenewsSignerAtStart(RememberingWork):
    """Signs a signer that it does not remember once more, if there are others."""

    def prepare_signer(self, request):
        """Return a signer of the same key, another certificate."""
        known = request.id in self.own or not self.has_signed
        signer = super().prepare_signer(request)
        signers = [name for name in self.kept.names() if name != ROOT]
        if known or len(signers) < 2:
            return signer
        key = self.kept.held(signer_name(request.id)).pair.key
        return Signer(request.id, tuple(self.intermediate(key, request)))


class AppliesNewLife(RememberingWork):
    """Makes a signer again if it does not remember it and another life is asked for."""

    def prepare_signer(self, request):
        """Take the life as a part of what the id names."""
        known = request.id in self.own
        signer = super().prepare_signer(request)
        name = signer_name(request.id)
        if known or self.kept.standing(name, "life", str(request.ttl)) == str(request.ttl):
            return signer
        key = self.kept.held(name).pair.key
        return Signer(request.id, tuple(self.intermediate(key, request)))


class KnowsNewestOnly(KnowingOrder):
    """Remembers of the signers made before it started only the newest."""

    def __init__(self, context):
        super().__init__(context)
        self.before = self.made()

    def sign_leaf(self, request):
        """Do not find an older one."""
        if request.signer in self.before[:-2] and request.signer not in self.own:
            raise SignerUnknownError(request.signer)
        return super().sign_leaf(request)


class RemembersAbsence(SmallProvider):
    """Looks once, when it is opened, whether there is an authority."""

    def __init__(self, context):
        super().__init__(context)
        self.absent = self.kept.chain_or_none(ROOT) is None

    def ensure_authority(self, request):
        """Find out that there is one after all."""
        self.absent = False
        return super().ensure_authority(request)

    def trust_chain(self):
        """Answer from memory."""
        if self.absent:
            raise NotReadyError("there is no authority")
        return super().trust_chain()


class LearnsSignersOnce(RememberingWork):
    """Reads the list of signers with its first leaf, and never again."""

    def sign_leaf(self, request):
        """Look into the list."""
        if self.own and request.signer not in self.own:
            raise SignerUnknownError(request.signer)
        self.own |= {name.removeprefix("signer/") for name in self.kept.names()}
        return super().sign_leaf(request)


class CleansUpOnClose(RememberingWork):
    """Takes being closed for being replaced."""

    def close(self):
        """Remove the signers that it has signed with."""
        if self.has_signed:
            for signer in self.own:
                self.kept.retire_signer(signer)


class SharesOneSession(RememberingWork):
    """All objects of an authority share one session with the backend, as long as it is open."""

    def __init__(self, context):
        super().__init__(context)
        self.closed = False
        prefix = f"session/{context.authority_id}/"
        self.session = f"{prefix}{len(context.state.keys(prefix))}"

    def sign_leaf(self, request):
        """Sign while the session is open."""
        if self.context.state.get(self.session) is not None and not self.closed:
            raise UnavailableError("the session is closed")
        return super().sign_leaf(request)

    def close(self):
        """Close the session under everybody's feet."""
        if self.own:
            self.closed = True
            self.context.state.create(self.session, "closed")


class VolatileBackend:
    """Keeps new signers in memory until the backend's next restart."""

    def __init__(self):
        self.fresh = []

    def __call__(self, _config, context):
        """Open a provider."""
        return OnVolatileBackend(context, self)

    def restart(self):
        """Lose them."""
        for provider, signer in self.fresh:
            provider.kept.retire_signer(signer)
        self.fresh.clear()


class OnVolatileBackend(SmallProvider):
    """Answers before its backend has written anything down."""

    def __init__(self, context, backend):
        super().__init__(context)
        self.backend = backend

    def prepare_signer(self, request):
        """Make a signer in memory."""
        signer = super().prepare_signer(request)
        self.backend.fresh.append((self, request.id))
        return signer


class StrayKeys:
    """A backend that counts the keys that nobody needs."""

    def __init__(self):
        self.keys = 0

    def __call__(self, _config, context):
        """Open a provider."""
        return MakesKeysFirst(context, self)


class MakesKeysFirst(RememberingWork):
    """Has the backend make a key before it looks whether the signer has one."""

    def __init__(self, context, backend):
        super().__init__(context)
        self.backend = backend

    def prepare_signer(self, request):
        """Make a key, needed or not."""
        if request.id not in self.own and self.has_signed:
            self.backend.keys += 1
        return super().prepare_signer(request)


BROKEN = (
    later(
        "renews-root-at-start",
        "answers with a root signed anew after a restart",
        RenewsRootAtStart,
        "restart.same-authority",
    ),
    later(
        "renews-signer-at-start",
        "answers with a signer signed anew after a restart",
        RenewsSignerAtStart,
        "restart.same-signer",
    ),
    later(
        "applies-new-life",
        "makes a known signer again when another ttl is asked for",
        AppliesNewLife,
        "restart.other-life",
    ),
    later(
        "knows-newest-only",
        "signs after a restart under the newest signers only",
        KnowsNewestOnly,
        "restart.old-signers",
    ),
    later(
        "remembers-absence",
        "remembers that there was no authority when it was opened",
        RemembersAbsence,
        "restart.reads-through",
    ),
    later(
        "learns-signers-once",
        "does not see what another server prepares once it has signed",
        LearnsSignersOnce,
        "restart.prepared-elsewhere",
    ),
    later(
        "cleans-up-on-close",
        "removes its signers when it is closed",
        CleansUpOnClose,
        "restart.close-destroys-nothing",
    ),
    later(
        "shares-one-session",
        "closes the session of every other object of its authority",
        SharesOneSession,
        "restart.close-alone",
    ),
    Broken(
        name="volatile-backend",
        fault="answers before its backend has written the signer down",
        caught_by=frozenset({"restart.backend"}),
        plugin=lambda: on(VolatileBackend()),
        later=True,
        supply=lambda plugin, _clock: {"restart": plugin.create.restart},
    ),
    Broken(
        name="makes-keys-first",
        fault="leaves a key behind at every restart",
        caught_by=frozenset({"restart.makes-nothing"}),
        plugin=lambda: on(StrayKeys()),
        later=True,
        supply=lambda plugin, _clock: {"count_objects": lambda: {"keys": plugin.create.keys}},
    ),
)
