"""Providers that do not wait well for somebody else's signature."""

import dataclasses
from datetime import timedelta

from ca_core.contract import (
    AuthorityRetiredError,
    PendingError,
    TrustChain,
    generate_key,
    issue_root,
)
from ca_core.testing import ReferenceProvider
from ca_core.testing.reference_backend import ROOT
from tests.conformance.broken.installations import ignoring
from tests.conformance.broken.spoiling import below_corporate, broken

WEEK = timedelta(days=7)


class NewKeyAfterAWeek(ReferenceProvider):
    """Gives up a CSR that nobody has answered for a week."""

    def ensure_authority(self, request):
        """Begin again with another key."""
        entry, now = self._backend.ensure(self._id, ROOT, request.key), self._context.clock.now()
        since = self._backend.__dict__.setdefault("since", {}).setdefault(self._id, now)
        if now - since > WEEK and not entry.chain:
            entry.key = generate_key(request.key)
        return super().ensure_authority(request)


class WaitsForEver(ReferenceProvider):
    """Does not see that another server has installed the answer."""

    waiting = None

    def ensure_authority(self, request):
        """Answer again what was answered before."""
        if self.waiting is not None:
            raise self.waiting
        try:
            return super().ensure_authority(request)
        except PendingError as pending:
            self.waiting = pending
            raise

    def install_authority(self, request):
        """Wait no longer on this object."""
        self.waiting = None
        return super().install_authority(request)


class HelpsItself(ReferenceProvider):
    """Shows a root of its own while it waits."""

    def trust_chain(self):
        """Sign itself for the time being."""
        entry = self._backend.get(self._id, ROOT)
        if entry is None or entry.chain:
            return super().trust_chain()
        domain, now = self._context.trust_domain, self._context.clock.now()
        root = issue_root(entry.key, trust_domain=domain, label="own", now=now, ttl=WEEK)
        return TrustChain((root,))


class KeepsThree(ReferenceProvider):
    """Has room for three certificates in its chain."""

    def install_authority(self, request):
        """Cut off the rest."""
        kept = dataclasses.replace(request, chain=request.chain[:3])
        super().install_authority(kept)
        return TrustChain(request.chain)


class ClampsToPrimary(ReferenceProvider):
    """Looks at its own end, and not at those above."""

    def _intermediate(self, root, key, label, ttl):
        """Take the primary CA for the whole chain."""
        return super()._intermediate(
            dataclasses.replace(root, chain=root.chain[:1]), key, label, ttl
        )


class InstallsRetired(ReferenceProvider):
    """Takes the answer for an authority that was retired."""

    def install_authority(self, request):
        """Say yes to it."""
        try:
            return super().install_authority(request)
        except AuthorityRetiredError:
            return TrustChain(request.chain)


def below(name, fault, check, kind, *, later=False):
    """Return a provider that waits for a corporate CA's signature."""
    return broken(name, fault, check, kind, later=later, supply=below_corporate)


BROKEN = (
    below(
        "new-key-after-a-week",
        "makes a new key when its CSR was not answered for a week",
        "external.days",
        NewKeyAfterAWeek,
        later=True,
    ),
    below(
        "waits-for-ever",
        "does not see what was installed on another server",
        "external.elsewhere",
        WaitsForEver,
        later=True,
    ),
    below(
        "helps-itself",
        "reports a root of its own while it waits",
        "external.waits",
        HelpsItself,
    ),
    below(
        "keeps-three",
        "loses the top of a long chain",
        "external.issuers",
        KeepsThree,
    ),
    below(
        "clamps-to-primary",
        "lets a signer outlive a corporate CA",
        "external.life",
        ClampsToPrimary,
    ),
    below(
        "installs-retired",
        "installs an authority that was retired",
        "external.retired",
        InstallsRetired,
        later=True,
    ),
    below(
        "installs-leaf-authority",
        "installs a leaf as its primary CA",
        "external.not-a-ca",
        ignoring("not a CA", alone=False, authority=True),
    ),
    below(
        "installs-forged-authority",
        "installs a chain that does not verify",
        "external.forged",
        ignoring("signature does not verify", authority=True),
    ),
    below(
        "installs-expired-authority",
        "installs an expired primary CA",
        "external.expired",
        ignoring("expired or not yet valid", authority=True),
    ),
    below(
        "installs-other-domain-authority",
        "installs a primary CA of another trust domain",
        "external.other-domain",
        ignoring("it carries", authority=True),
    ),
)
