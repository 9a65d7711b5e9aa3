"""Providers whose signers are wrong, or are not the ones that sign."""

import dataclasses
from datetime import timedelta

from cryptography import x509

from ca_core.contract import (
    AgentId,
    KeySpec,
    KeyType,
    NotReadyError,
    ProviderError,
    Signer,
    SignerUnknownError,
    generate_key,
)
from ca_core.testing import ReferenceProvider
from tests.conformance.broken.spoiling import (
    FOREIGN_EXTENSION,
    broken,
    spoiled_signer,
)
from tests.unit.authority.drafts import draft

DAY = timedelta(days=1)
ED25519 = KeySpec(KeyType.ED25519)


class NoAuthorityNeeded(ReferenceProvider):
    """Stumbles over an authority that does not exist."""

    def prepare_signer(self, request):
        """Raise something else."""
        try:
            return super().prepare_signer(request)
        except NotReadyError:
            raise ProviderError("404 from the backend") from None


class ListOfCertificates(ReferenceProvider):
    """Answers a list to a repeat, as it comes from its cache."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.made = set()

    def prepare_signer(self, request):
        """Return a list where a tuple belongs."""
        found = super().prepare_signer(request)
        if request.id in self.made:
            return Signer(found.id, list(found.chain))
        self.made.add(request.id)
        return found


class CutIds(ReferenceProvider):
    """Answers as much of an id as its backend keeps."""

    def prepare_signer(self, request):
        """Cut the id."""
        found = super().prepare_signer(request)
        return Signer(found.id[:20], found.chain)


class AlwaysEc(ReferenceProvider):
    """Makes an EC key where Ed25519 was asked for, below an authority with an EC key."""

    def prepare_signer(self, request):
        """Exchange the key before it has a certificate."""
        root = self._backend.get(self._id, "")
        if root is not None and root.spec != ED25519 and request.key == ED25519:
            entry = self._backend.ensure(self._id, request.id, request.key)
            entry.key = entry.key if entry.chain else generate_key(KeySpec())
        return super().prepare_signer(request)


class AnyKeyWillDo(ReferenceProvider):
    """Does not look at the key of a signer that exists."""

    def prepare_signer(self, request):
        """Return what there is."""
        entry = self._backend.get(self._id, request.id)
        if entry is not None and entry.chain:
            return Signer(request.id, entry.chain)
        return super().prepare_signer(request)


class RenewedByAsking(ReferenceProvider):
    """Makes a new certificate when another life is asked for than it remembers."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.lives = {}

    def prepare_signer(self, request):
        """Re-issue the signer if this object made it for longer."""
        found = super().prepare_signer(request)
        if request.ttl < self.lives.setdefault(request.id, request.ttl):
            entry = self._backend.get(self._id, request.id)
            again = draft(found.certificate).but(serial=x509.random_serial_number())
            entry.chain = (again.signed(self._root().key), *found.chain[1:])
        return super().prepare_signer(request)


class FirstSignerOfNodes(ReferenceProvider):
    """Signs agents' leaves by the signer of the first of them: one role was not moved."""

    role = None

    def sign_leaf(self, request):
        """Keep the first signer for agents."""
        if isinstance(request.identity, AgentId):
            self.role = self.role or request.signer
            request = dataclasses.replace(request, signer=self.role)
        return super().sign_leaf(request)


class AnySignerWillDo(ReferenceProvider):
    """Lets any signer stand in for one that never was."""

    last = None

    def sign_leaf(self, request):
        """Sign by the last one used if the named one is unknown."""
        try:
            leaf = super().sign_leaf(request)
        except SignerUnknownError:
            if self.last is None or self._backend.get(self._id, self.last) is None:
                raise
            return super().sign_leaf(dataclasses.replace(request, signer=self.last))
        self.last = request.signer
        return leaf


class NewestForAll(ReferenceProvider):
    """Answers the newest signer for every one that this object has prepared."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.made = []

    def prepare_signer(self, request):
        """Return the default issuer for what was made before it."""
        found = super().prepare_signer(request)
        if request.id in self.made[:-1]:
            return Signer(request.id, self._signer(self.made[-1]).chain)
        self.made.append(request.id)
        return found


BROKEN = (
    broken("signer-404", "raises another error at first", "signer.not-ready", NoAuthorityNeeded),
    broken(
        "signer-chain-is-a-list", "answers a list to a repeat", "signer.type", ListOfCertificates
    ),
    broken("signer-cut-ids", "answers the first part of an id", "signer.id", CutIds),
    spoiled_signer(
        "signer-from-tomorrow",
        "lets second signers begin in an hour",
        "signer.path",
        lambda honest, _request: honest.but(begins=honest.begins + timedelta(hours=2)),
        second=True,
    ),
    spoiled_signer(
        "signer-without-anchor",
        "leaves the anchor out of a second signer's chain",
        "signer.anchor",
        lambda honest, _request: honest,
        more=lambda _root: (),
        second=True,
    ),
    spoiled_signer(
        "signer-beyond-authority",
        "does not clamp a signer's life",
        "signer.within-authority",
        lambda honest, request: (
            honest.but(ends=honest.begins + request.ttl) if request.ttl > 3650 * DAY else honest
        ),
    ),
    spoiled_signer(
        "signer-for-two-years",
        "gives signers two years where one was asked",
        "signer.life",
        lambda honest, request: (
            honest.but(ends=honest.begins + 730 * DAY) if request.ttl == 30 * DAY else honest
        ),
    ),
    broken("signer-always-ec", "makes EC keys only", "signer.key", AlwaysEc),
    spoiled_signer(
        "signer-any-length",
        "sets no path length",
        "signer.path-length",
        lambda honest, _request: honest.having(x509.BasicConstraints(ca=True, path_length=None)),
    ),
    spoiled_signer(
        "signer-without-uri",
        "leaves the trust domain out",
        "signer.trust-domain",
        lambda honest, _request: honest.without(x509.SubjectAlternativeName),
    ),
    spoiled_signer(
        "signer-with-foreign-extension",
        "adds an extension",
        "signer.profile",
        lambda honest, _request: honest.having(FOREIGN_EXTENSION, critical=False),
    ),
    spoiled_signer(
        "signers-of-one-name",
        "gives every signer the same subject",
        "signer.own-name",
        lambda honest, _request: honest.but(
            subject=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signer")])
        ),
    ),
    broken("signer-any-key", "ignores another key", "signer.other-key", AnyKeyWillDo),
    broken("signer-renewed-by-asking", "re-issues the signer", "signer.again", RenewedByAsking),
    broken("first-signer-of-nodes", "does not move one role", "signer.named", FirstSignerOfNodes),
    broken("any-signer-will-do", "signs by another signer", "signer.unknown", AnySignerWillDo),
    broken("newest-for-all", "answers the newest signer", "signer.apart", NewestForAll),
)
