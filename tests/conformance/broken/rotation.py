"""Providers that a rotation breaks."""

import dataclasses

from ca_core.contract import (
    ROOT,
    NotReadyError,
    Signer,
    TrustChain,
    issue_root,
    load_key,
    signer_name,
)
from tests.conformance.broken.breaking import Broken
from tests.conformance.broken.remembering import KnowingOrder, RememberingWork, later, on
from tests.conformance.broken.small import SmallProvider
from tests.unit.authority.drafts import draft


class OneRole(RememberingWork):
    """Writes the kind of key into the one role that every signer uses."""

    role = None

    def prepare_signer(self, request):
        """Rewrite the role."""
        signer = super().prepare_signer(request)
        path = f"role/{self.context.authority_id}"
        standing = self.context.state.create(path, f"{request.key} {request.id}")
        if not standing.startswith(str(request.key)):
            self.context.state.replace(path, standing, f"{request.key} {request.id}")
            self.role = request.id
        return signer

    def sign_leaf(self, request):
        """Sign with what the role names."""
        if self.role is not None and request.signer in self.own:
            request = dataclasses.replace(request, signer=self.role)
        return super().sign_leaf(request)


class Configured:
    """Opens providers that know whether their configuration is the other one."""

    def __call__(self, _config, context):
        """Open one."""
        provider = OneMount(context)
        provider.changed, self.changed = self.changed, False
        return provider

    changed = False

    def other(self):
        """Return the other configuration; who is opened next has it."""
        self.changed = True
        return {}


class OneMount(SmallProvider):
    """Applies its configuration to the place in which every signer lives."""

    changed = False

    def prepare_signer(self, request):
        """Move everything that is there."""
        if self.changed:
            for name in self.kept.names():
                if name not in {ROOT, signer_name(request.id)}:
                    self.kept.retire_signer(name.removeprefix("signer/"))
        return super().prepare_signer(request)


class SeesTwoSigners(KnowingOrder):
    """Follows the first renewals and no later one."""

    def sign_leaf(self, request):
        """Stay with the third signer."""
        known = self.made()[:3]
        stays = len(known) == 3 and self.kept.recorded(signer_name(known[-1]), "chain")
        if stays and request.signer not in known and self.has_signed:
            request = dataclasses.replace(request, signer=known[-1])
        return super().sign_leaf(request)


class RenewsRootAlong(RememberingWork):
    """Shows a root signed anew once it has renewed its signer more than once."""

    def trust_chain(self):
        """Sign it once more."""
        chain = super().trust_chain()
        if len(self.kept.names()) < 4 or not self.has_signed:
            return chain
        return TrustChain((draft(chain.primary).signed(self.kept.held(ROOT).pair.key),))


class KeepsOldOnesInChain(KnowingOrder):
    """Answers with older signers between a new one and its anchor."""

    def prepare_signer(self, request):
        """Add the fourth to every later one."""
        signer = super().prepare_signer(request)
        older = self.made()
        if request.id not in older[5:]:
            return signer
        fourth = self.kept.chain(signer_name(older[4]))[0]
        return Signer(request.id, (signer.chain[0], fourth, *signer.chain[1:]))


class Piling:
    """A backend in which something is left behind by every seventh retirement."""

    def __init__(self):
        self.retired = 0

    def __call__(self, _config, context):
        """Open a provider."""
        return LeavesSeventh(context, self)

    def left(self):
        """Return how many objects were left behind."""
        return {"issuers": self.retired // 7}


class LeavesSeventh(SmallProvider):
    """Forgets one thing in seven."""

    def __init__(self, context, backend):
        super().__init__(context)
        self.backend = backend

    def retire_signer(self, request):
        """Leave something behind now and then."""
        self.backend.retired += 1
        super().retire_signer(request)

    def retire(self, request):
        """Clean up properly at the end."""
        self.backend.retired = 0
        super().retire(request)


class Noting(SmallProvider):
    """Notes in the cluster's state which authority was made last."""

    def newest(self):
        """Return the id of the newest authority, as far as it was noted."""
        found = self.context.state.keys("newest/")
        return self.context.state.get(found[-1]) if found else None

    def ensure_authority(self, request):
        """Note it."""
        chain = super().ensure_authority(request)
        known = [self.context.state.get(key) for key in self.context.state.keys("newest/")]
        if request.id not in known:
            self.context.state.create(f"newest/{len(known):04}", request.id)
        return chain


class OneActiveAuthority(Noting):
    """Lets only the newest authority sign, with the signers it has."""

    def sign_leaf(self, request):
        """Refuse for an older one that has not been renewed since."""
        if self.newest() != self.context.authority_id and not self.kept.names()[2:]:
            raise NotReadyError("another authority is active")
        return super().sign_leaf(request)


class ClosesOldAuthorities(Noting):
    """Prepares nothing below an authority that is not the newest."""

    def prepare_signer(self, request):
        """Refuse what is new below an older one."""
        known = self.kept.recorded(signer_name(request.id), "key")
        if self.newest() != self.context.authority_id and known is None:
            raise NotReadyError("another authority is active")
        return super().prepare_signer(request)


class OneNameForAll(SmallProvider):
    """Gives every authority of a cluster the same subject."""

    def root(self, key, request):
        """Name it by the trust domain alone."""
        ttl, now = request.ttl, self.context.clock.now()
        domain = self.context.trust_domain
        return [issue_root(key, trust_domain=domain, label="root", now=now, ttl=ttl)]


class OneKeyForAll(Noting):
    """Signs every authority of a cluster with the key of the first one."""

    def ensure_authority(self, request):
        """Take the first one's key."""
        first = self.context.state.get("newest/0000")
        if first in {None, request.id}:
            return super().ensure_authority(request)
        theirs = load_key(self.context.secrets.get(f"authority/{first}/root"))
        chain = self.kept.made(
            ROOT,
            request.key,
            lambda key: self.root(key, request),
            make_key=lambda: theirs,
        )
        return TrustChain(chain)


BROKEN = (
    later(
        "one-role",
        "signs with a new signer where an old one of another kind is named",
        OneRole,
        "rotate.other-settings",
    ),
    Broken(
        name="one-mount",
        fault="removes what was made under another configuration",
        caught_by=frozenset({"rotate.other-config"}),
        plugin=lambda: on(Configured()),
        later=True,
        supply=lambda plugin, _clock: {"other_config": plugin.create.other},
    ),
    later(
        "sees-two-renewals",
        "signs with the third signer for ever",
        SeesTwoSigners,
        "rotate.three-times",
    ),
    later(
        "renews-root-along",
        "reports a renewed root when signers are renewed",
        RenewsRootAlong,
        "rotate.same-anchor",
    ),
    later(
        "keeps-old-ones-in-chain",
        "puts an older signer into the chain of a new one",
        KeepsOldOnesInChain,
        "rotate.short-chain",
    ),
    Broken(
        name="leaves-seventh",
        fault="leaves something behind with every seventh retirement",
        caught_by=frozenset({"rotate.bounded"}),
        plugin=lambda: on(Piling()),
        later=True,
        supply=lambda plugin, _clock: {"count_objects": plugin.create.left},
    ),
    later(
        "one-active-authority",
        "stops signing under an authority when a second one is made",
        OneActiveAuthority,
        "rotate.beside",
    ),
    later(
        "closes-old-authorities",
        "prepares no signer below an authority that is not the newest",
        ClosesOldAuthorities,
        "rotate.back",
    ),
    later(
        "one-name-for-all",
        "gives a second authority the subject of the first",
        OneNameForAll,
        "rotate.own-key",
    ),
    later(
        "one-key-for-all",
        "signs a second authority with the key of the first",
        OneKeyForAll,
        "rotate.own-key",
    ),
)
