"""Providers that are right when they begin, and wrong when time has passed."""

from datetime import timedelta

from ca_core.contract import (
    ROOT,
    KeyPair,
    Signer,
    TrustChain,
    issue_leaf,
    signer_name,
)
from ca_core.testing import FakeClock, ReferenceProvider
from tests.conformance.broken.breaking import Broken
from tests.conformance.broken.remembering import later, on
from tests.conformance.broken.small import SmallProvider
from tests.conformance.broken.spoiling import broken
from tests.unit.authority.drafts import draft

DAY = timedelta(days=1)


class ClampsToTheSpan(SmallProvider):
    """No leaf lives longer than the signer did altogether."""

    def sign_leaf(self, request):
        """Clamp to the length of the signer's life, from now on."""
        pair = self.kept.signer(request.signer).pair
        if pair.ends <= self.context.clock.now():
            return super().sign_leaf(request)
        life = pair.ends - pair.certificate.not_valid_before_utc - timedelta(seconds=60)
        endless = KeyPair(pair.certificate, pair.key)
        object.__setattr__(endless, "ends", self.context.clock.now() + life)
        return issue_leaf(endless, request)


class StumblesOverExpired(SmallProvider):
    """Lets its library complain about a leaf that would end before it begins."""

    def sign_leaf(self, request):
        """Raise what the library raises."""
        if self.kept.signer(request.signer).pair.ends <= self.context.clock.now():
            raise ValueError("the not valid after date must be after the not valid before date")
        return super().sign_leaf(request)


class ClampsSignersToTheSpan(SmallProvider):
    """No signer lives longer than the root did altogether."""

    def intermediate(self, key, request):
        """Clamp to the length of the root's life, from now on."""
        signer, *above = super().intermediate(key, request)
        root, now = self.kept.held(ROOT), self.context.clock.now()
        life = root.ends - above[0].not_valid_before_utc - timedelta(seconds=60)
        ends = now + min(request.ttl, life)
        return [draft(signer).but(ends=ends).signed(root.pair.key), *above]


class SignsBelowExpired(SmallProvider):
    """Does not look at the root's end once it is past."""

    def intermediate(self, key, request):
        """Sign as if the root lived."""
        root, now = self.kept.held(ROOT), self.context.clock.now()
        if root.ends > now:
            return super().intermediate(key, request)
        self.context.clock, real = FakeClock(root.ends - DAY), self.context.clock
        try:
            signer, *above = super().intermediate(key, request)
        finally:
            self.context.clock = real
        return [draft(signer).but(ends=now + request.ttl).signed(root.pair.key), *above]


class DatesByItsBeginning(SmallProvider):
    """Took the time when it was opened."""

    def __init__(self, context):
        super().__init__(context)
        self.began = context.clock.now()

    def intermediate(self, key, request):
        """Let the signer begin with this object."""
        signer, *above = super().intermediate(key, request)
        start = max(self.began, above[0].not_valid_before_utc)
        return [draft(signer).but(begins=start).signed(self.kept.held(ROOT).pair.key), *above]


class RootRenewsItself(SmallProvider):
    """Shows a root of its own making past half of the root's life."""

    def ensure_authority(self, request):
        """Sign it once more."""
        chain = super().ensure_authority(request)
        now, root = self.context.clock.now(), self.kept.held(ROOT)
        if root.ends <= now or now - chain.primary.not_valid_before_utc < root.ends - now:
            return chain
        return TrustChain((draft(chain.primary).but(ends=now + request.ttl).signed(root.pair.key),))


class SignerRenewsItself(SmallProvider):
    """Answers with a new certificate past half of a signer's life."""

    def prepare_signer(self, request):
        """Sign it once more."""
        signer = super().prepare_signer(request)
        now, held = self.context.clock.now(), self.kept.held(signer_name(request.id))
        if now - signer.certificate.not_valid_before_utc < held.ends - now:
            return signer
        root = self.kept.held(ROOT)
        ends = min(now + request.ttl, root.ends)
        again = draft(signer.certificate).but(ends=ends).signed(root.pair.key)
        return Signer(request.id, (again, *signer.chain[1:]))


class Looked:
    """A backend that counts how often somebody looked at it an hour after the last time."""

    def __init__(self):
        self.keys = 0

    def __call__(self, _config, context):
        """Open a provider."""
        return MakesWhileItLooks(context, self)


class MakesWhileItLooks(SmallProvider):
    """Makes a new key every hour, whatever happens."""

    def __init__(self, context, backend):
        super().__init__(context)
        self.backend = backend
        self.made = context.clock.now()

    def probe(self, request):
        """Look after everything."""
        if self.context.clock.now() >= self.made + timedelta(hours=1):
            self.backend.keys += 1
        return super().probe(request)


class FirstCrlForEver(ReferenceProvider):
    """Signs a CRL when an entry is new, and never again."""

    def crl(self, request):
        """Show the last one while nothing is new."""
        entry = self._signer(request.signer)
        lists = self._backend.__dict__.setdefault("lists", {})
        key = (request.signer, tuple(entry.revoked))
        if key not in lists:
            lists[key] = super().crl(request)
        return lists[key]


class ForgetsAfterThreeDays(ReferenceProvider):
    """Lists a revocation for three days."""

    def crl(self, request):
        """Drop what is older."""
        entry, now = self._signer(request.signer), self._context.clock.now()
        for serial, revoked in tuple(entry.revoked.items()):
            if revoked.at < now - 3 * DAY:
                del entry.revoked[serial]
        return super().crl(request)


class CountsForItself(ReferenceProvider):
    """Begins to count its CRLs when it is opened."""

    def __init__(self, *args):
        super().__init__(*args)
        self.numbers = {}

    def crl(self, request):
        """Number by memory."""
        entry = self._signer(request.signer)
        entry.crl_number = self.numbers.get(request.signer, 0)
        found = super().crl(request)
        self.numbers[request.signer] = entry.crl_number
        return found


class RevokesForItself(ReferenceProvider):
    """Keeps revocations in the memory of one object."""

    def __init__(self, *args):
        super().__init__(*args)
        self.mine = set()

    def revoke(self, request):
        """Remember it here."""
        self.mine.add(request.certificate.serial_number)
        super().revoke(request)

    def crl(self, request):
        """List what is remembered here."""
        entry = self._signer(request.signer)
        for serial in entry.revoked.keys() - self.mine:
            del entry.revoked[serial]
        return super().crl(request)


BROKEN = (
    later(
        "clamps-to-the-span",
        "clamps a leaf to the length of its signer's life instead of its end",
        ClampsToTheSpan,
        "time.leaf-near-end",
    ),
    later(
        "stumbles-over-expired",
        "raises a ValueError when the signer has expired",
        StumblesOverExpired,
        "time.expired-signer",
    ),
    later(
        "clamps-signers-to-the-span",
        "clamps a signer to the length of its root's life instead of its end",
        ClampsSignersToTheSpan,
        "time.signer-near-end",
    ),
    later(
        "signs-below-expired",
        "prepares living signers below an expired root",
        SignsBelowExpired,
        "time.expired-authority",
    ),
    later(
        "dates-by-its-beginning",
        "dates signers by the moment at which it was opened",
        DatesByItsBeginning,
        "time.begins-now",
    ),
    later(
        "root-renews-itself",
        "answers with a renewed root past half of the root's life",
        RootRenewsItself,
        "time.same-authority",
    ),
    later(
        "signer-renews-itself",
        "answers with a renewed certificate past half of a signer's life",
        SignerRenewsItself,
        "time.same-signer",
    ),
    Broken(
        name="makes-while-it-looks",
        fault="makes a key every hour while it is only looked at",
        caught_by=frozenset({"time.idle"}),
        plugin=lambda: on(Looked()),
        later=True,
        supply=lambda plugin, _clock: {"count_objects": lambda: {"keys": plugin.create.keys}},
    ),
    broken(
        "first-crl-for-ever",
        "never signs a CRL anew",
        "time.crl-fresh",
        FirstCrlForEver,
        later=True,
    ),
    broken(
        "forgets-after-three-days",
        "drops revocations after three days",
        "time.crl-keeps",
        ForgetsAfterThreeDays,
        later=True,
    ),
    broken(
        "counts-for-itself",
        "begins to number its CRLs anew with every restart",
        "time.crl-restart",
        CountsForItself,
        later=True,
    ),
    broken(
        "revokes-for-itself",
        "forgets revocations when it is restarted",
        "time.crl-restart",
        RevokesForItself,
        later=True,
    ),
)
