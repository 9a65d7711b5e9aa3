"""Providers that remove too little, too much, or not for ever."""

from ca_core.contract import (
    NotReadyError,
    RetireRequest,
    SignerUnknownError,
    signer_name,
)
from tests.conformance.broken.breaking import Broken
from tests.conformance.broken.remembering import Hoarding, KnowingOrder, RememberingWork, later, on
from tests.conformance.broken.small import SmallProvider


class KeepsWhatItRetired(Hoarding):
    """Removes a signer from the store, and signs on with what it holds."""

    def __init__(self, context):
        super().__init__(context)
        self.gone = set()

    def retire_signer(self, request):
        """Forget to let go of the key."""
        self.gone.add(request.id)
        super().retire_signer(request)

    def clings_to(self, signer):
        """Cling to what it retired itself."""
        return signer in self.gone and not self.retired()


class KeepsWhatOthersRetired(KeepsWhatItRetired):
    """Does not notice what another server retires."""

    def clings_to(self, signer):
        """Cling to what others retired."""
        return signer not in self.gone and not self.retired()


class KeepsSignersOfRetired(Hoarding):
    """Retires the authority and forgets its signers."""

    def clings_to(self, signer):
        """Cling to what is left of a retired authority."""
        return self.retired() and not self.retired(signer)


class GivesIdsAgain(SmallProvider):
    """Forgets a retired signer altogether, once it has another one."""

    def retire_signer(self, request):
        """Remove the mark too."""
        super().retire_signer(request)
        if self.kept.names()[1:]:
            path = f"authority/{self.context.authority_id}/{signer_name(request.id)}/retired"
            self.context.state.replace(path, "retired", None)


class TakesOlderAlong(KnowingOrder):
    """Retires a signer with everything that is older."""

    def retire_signer(self, request):
        """Take them for expired."""
        older = self.made()[1:]
        for signer in older[: older.index(request.id)] if request.id in older else ():
            self.kept.retire_signer(signer)
        super().retire_signer(request)


class TakesSignersByPrefix(SmallProvider):
    """Removes every signer whose name begins with the one to be retired."""

    def retire_signer(self, request):
        """List by prefix."""
        super().retire_signer(request)
        for name in self.kept.names():
            if name.startswith(signer_name(request.id)):
                self.kept.retire_signer(name.removeprefix("signer/"))


class RetiresOnce(RememberingWork):
    """Refuses to retire again, once there are other signers."""

    def retire_signer(self, request):
        """Miss it."""
        mark = f"gone/{self.context.authority_id}/{request.id}"
        standing = self.context.state.create(mark, request.request_id)
        if standing != request.request_id and self.kept.names()[2:]:
            raise SignerUnknownError(request.id)
        super().retire_signer(request)


class MissesUnmade(SmallProvider):
    """Refuses to retire an authority that was never made."""

    def retire(self, request):
        """Miss it."""
        if not self.context.state.keys(f"authority/{self.context.authority_id}/"):
            raise NotReadyError("there is no authority")
        super().retire(request)


class MakesRetiredAgain(RememberingWork):
    """Makes a retired authority again when it is asked for it after a restart."""

    def __init__(self, context):
        super().__init__(context)
        self.mark = f"authority/{context.authority_id}/retired"
        self.found = context.state.get(self.mark)

    def ensure_authority(self, request):
        """Remove the mark."""
        if self.found is not None and self.has_signed:
            self.context.state.replace(self.mark, self.found, None)
        return super().ensure_authority(request)


class ReportsFromMemory(SmallProvider):
    """Reads its chain once."""

    reported = None

    def trust_chain(self):
        """Answer from memory."""
        self.reported = self.reported or super().trust_chain()
        return self.reported

    def retire(self, request):
        """Forget it on this object."""
        self.reported = None
        super().retire(request)


class TakingOthersAlong(SmallProvider):
    """Retires other authorities of its cluster with its own."""

    def is_taken(self, other):
        """Say whether this other authority goes too."""
        raise NotImplementedError

    def retire(self, request):
        """Retire them all."""
        super().retire(request)
        others = {key.split("/")[1] for key in self.context.state.keys("authority/")}
        for other in others - {self.context.authority_id}:
            if self.is_taken(other):
                for key in self.context.state.keys(f"authority/{other}/"):
                    self.context.state.replace(key, self.context.state.get(key), None)


class TakesWhatLooksAlike(TakingOthersAlong):
    """Takes every id that is as long as its own for its own."""

    def is_taken(self, other):
        """Compare their lengths."""
        return len(other) == len(self.context.authority_id)


class TakesAuthoritiesByPrefix(TakingOthersAlong):
    """Removes every authority whose name begins with the one to be retired."""

    def is_taken(self, other):
        """List by prefix."""
        return other.startswith(self.context.authority_id)


class SharedMount:
    """A backend with one place for everybody, and how many objects were left behind in it."""

    def __init__(self, kind):
        self.kind = kind
        self.users = []
        self.left = 0

    def __call__(self, _config, context):
        """Open a provider."""
        provider = self.kind(context)
        provider.backend = self
        return provider


class EmptiesTheMount(SmallProvider):
    """Removes the place in which it lived, with everybody in it."""

    def ensure_authority(self, request):
        """Move in."""
        if self not in self.backend.users:
            self.backend.users.append(self)
        return super().ensure_authority(request)

    def retire(self, request):
        """Remove the other clusters' authorities too."""
        super().retire(request)
        for user in self.backend.users:
            if user.context.state is not self.context.state:
                user.kept.retire()
        self.backend.users.clear()


class LeavesKeysBehind(SmallProvider):
    """Forgets to remove the keys of all signers but the first."""

    def retire(self, request):
        """Lose sight of them."""
        self.backend.left += len(self.kept.names()[2:])
        super().retire(RetireRequest(request_id=request.request_id, deadline=request.deadline))


BROKEN = (
    later(
        "keeps-what-it-retired",
        "signs with a signer that it has retired",
        KeepsWhatItRetired,
        "retire.signer",
    ),
    later(
        "keeps-what-others-retired",
        "signs with a signer that another server has retired",
        KeepsWhatOthersRetired,
        "retire.signer-elsewhere",
    ),
    later(
        "keeps-signers-of-retired",
        "signs under an authority that was retired",
        KeepsSignersOfRetired,
        "retire.signs-nothing",
    ),
    later(
        "gives-ids-again",
        "makes a new signer under the id of a retired one",
        GivesIdsAgain,
        "retire.signer-dead",
    ),
    later(
        "takes-older-along",
        "removes older signers with the one that is retired",
        TakesOlderAlong,
        "retire.signer-alone",
    ),
    later(
        "takes-signers-by-prefix",
        "removes signers whose ids begin alike",
        TakesSignersByPrefix,
        "retire.signer-name",
    ),
    later("retires-once", "refuses to retire what is retired", RetiresOnce, "retire.again"),
    later("misses-unmade", "refuses to retire what was never made", MissesUnmade, "retire.unmade"),
    later(
        "makes-retired-again", "makes a retired authority again", MakesRetiredAgain, "retire.dead"
    ),
    later(
        "reports-from-memory",
        "reports an authority that another server has retired",
        ReportsFromMemory,
        "retire.elsewhere",
    ),
    later(
        "takes-what-looks-alike",
        "retires its cluster's other authorities",
        TakesWhatLooksAlike,
        "retire.alone",
    ),
    later(
        "takes-authorities-by-prefix",
        "retires authorities whose ids begin alike",
        TakesAuthoritiesByPrefix,
        "retire.name",
    ),
    Broken(
        name="empties-the-mount",
        fault="retires other clusters' authorities on the same backend",
        caught_by=frozenset({"retire.other-cluster"}),
        plugin=lambda: on(SharedMount(EmptiesTheMount)),
        later=True,
    ),
    Broken(
        name="leaves-keys-behind",
        fault="leaves keys of retired signers in the backend",
        caught_by=frozenset({"retire.leaves-nothing"}),
        plugin=lambda: on(SharedMount(LeavesKeysBehind)),
        later=True,
        supply=lambda plugin, _clock: {"count_objects": lambda: {"keys": plugin.create.left}},
    ),
)
