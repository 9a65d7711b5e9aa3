"""Providers whose cross-certificates do not carry a rotation."""

import dataclasses
from datetime import timedelta

from cryptography import x509

from ca_core.contract import (
    Capability,
    KeyPair,
    generate_key,
    issue_cross_certificate,
    key_spec_of,
    subject_key_id,
)
from ca_core.contract import cross_sign_csr as csr_of
from ca_core.testing import ReferenceProvider
from tests.conformance.broken.spoiling import SOMEBODY, broken
from tests.unit.authority.drafts import draft

DAY = timedelta(days=1)


class WrongForAnotherKind(ReferenceProvider):
    """Makes a cross-certificate that is wrong where the other CA has another kind of key."""

    def cross_sign(self, request):
        """Change what was made."""
        made, root = super().cross_sign(request), self._root()
        if key_spec_of(made.public_key()) == root.spec:
            return made
        return self.changed(draft(made)).signed(root.key)

    def changed(self, made):
        """Return another draft."""
        raise NotImplementedError


class BeginsTomorrow(WrongForAnotherKind):
    """Lets it begin later."""

    def changed(self, made):
        """Begin tomorrow."""
        return made.but(begins=self._context.clock.now() + DAY)


class NamesAnotherIssuer(WrongForAnotherKind):
    """Names an issuer and serial number in the AKI that are not the root's."""

    def changed(self, made):
        """Name the other CA instead."""
        key_id = subject_key_id(self._root().chain[0])
        name = [x509.DirectoryName(made.subject)]
        aki = x509.AuthorityKeyIdentifier(key_id, name, made.serial)
        return made.having(aki, critical=False)


class CsrByAnotherKey(ReferenceProvider):
    """Signs the CSR with a key of its own where the root has an unusual one."""

    def cross_sign_csr(self, request):
        """Make a key for it."""
        self._require(Capability.CROSS_SIGN_CSR)
        root = self._root()
        if str(root.spec) == "ec-256":
            return super().cross_sign_csr(request)
        return csr_of(KeyPair(root.chain[0], generate_key(root.spec)))


class ClampsCrossToTheSpan(ReferenceProvider):
    """Clamps a cross-certificate to the length of the root's life."""

    def cross_sign(self, request):
        """Count from now on."""
        made, root = super().cross_sign(request), self._root()
        first = root.chain[0]
        life = first.not_valid_after_utc - first.not_valid_before_utc - timedelta(seconds=60)
        ends = min(request.not_after, self._context.clock.now() + life)
        return draft(made).but(ends=ends).signed(root.key)


class CrossSignsItself(ReferenceProvider):
    """Does not look whether a CA is its own."""

    def cross_sign(self, request):
        """Sign it all the same."""
        self._require(Capability.CROSS_SIGN)
        root = self._root()
        if request.certificate != root.chain[0]:
            return super().cross_sign(request)
        return issue_cross_certificate(root.pair, request, now=self._context.clock.now())


class CrossSignsLeaves(ReferenceProvider):
    """Does not look whether it is a CA that is cross-signed."""

    def cross_sign(self, request):
        """Make a CA of a leaf, with a name since it has none."""
        self._require(Capability.CROSS_SIGN)
        theirs, root = request.certificate, self._root()
        if theirs.subject.rdns:
            return super().cross_sign(request)
        named = draft(theirs).but(subject=SOMEBODY).signed(root.key)
        request = dataclasses.replace(request, certificate=named)
        return issue_cross_certificate(root.pair, request, now=self._context.clock.now())


class KeepsCross(ReferenceProvider):
    """Hangs the cross-certificate into its own chain."""

    def cross_sign(self, request):
        """Keep it."""
        made, root = super().cross_sign(request), self._root()
        root.chain = (*root.chain, made)
        return made


BROKEN = (
    broken(
        "crosses-from-tomorrow",
        "cross-signs a CA with another kind of key from tomorrow on",
        "cross.pairs",
        BeginsTomorrow,
        later=True,
    ),
    broken(
        "names-another-issuer",
        "names a wrong issuer and serial in the cross-certificate of another kind of key",
        "cross.tls",
        NamesAnotherIssuer,
        later=True,
    ),
    broken(
        "csr-by-another-key",
        "answers with a CSR by another key where the root's is not P-256",
        "cross.by-another",
        CsrByAnotherKey,
        later=True,
    ),
    broken(
        "clamps-cross-to-the-span",
        "clamps a cross-certificate to the length of the root's life instead of its end",
        "cross.near-end",
        ClampsCrossToTheSpan,
        later=True,
    ),
    broken(
        "cross-signs-itself",
        "cross-signs its own root",
        "cross.own",
        CrossSignsItself,
    ),
    broken(
        "cross-signs-leaves",
        "makes a CA of a leaf",
        "cross.only-cas",
        CrossSignsLeaves,
    ),
    broken(
        "keeps-cross",
        "hangs a cross-certificate into its own chain",
        "cross.changes-nothing",
        KeepsCross,
        later=True,
    ),
)
