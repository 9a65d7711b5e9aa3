"""Providers that are wrong in a secondary datacenter, or above one."""

from cryptography import x509

from ca_core.contract import (
    KeyPair,
    KeySpec,
    KeyType,
    NotReadyError,
    Role,
    SignerUnknownError,
    ca_name,
    generate_key,
    issue_leaf,
    key_spec_of,
    signature_hash,
)
from ca_core.testing import ReferenceProvider
from tests.conformance.broken.spoiling import broken, spoiled_intermediate
from tests.unit.authority.drafts import draft


class NamelessCsr(ReferenceProvider):
    """Leaves the trust domain out of its CSR."""

    def intermediate_csr(self, request):
        """Give a subject and nothing else."""
        super().intermediate_csr(request)
        key = self._backend.get(self._id, request.id).key
        name = ca_name(self._context.trust_domain, request.id)
        builder = x509.CertificateSigningRequestBuilder().subject_name(name)
        return builder.sign(key, signature_hash(key))


class NewKeyAfterRestart(ReferenceProvider):
    """Makes a new key for a CSR that it does not remember."""

    def __init__(self, *args):
        super().__init__(*args)
        self.asked = set()

    def intermediate_csr(self, request):
        """Replace the key of a signer that waits."""
        entry = self._backend.ensure(self._id, request.id, request.key)
        if request.id not in self.asked and not entry.chain:
            entry.key = generate_key(request.key)
        self.asked.add(request.id)
        return super().intermediate_csr(request)


class PendingKeySigns(ReferenceProvider):
    """Signs with the newest key, whether its certificate is there or not."""

    def sign_leaf(self, request):
        """Take the key of a CSR under way."""
        signer = self._signer(request.signer)
        names = [name for authority, name in self._backend.names() if authority == self._id]
        waiting = [self._backend.get(self._id, name) for name in names]
        keys = [entry.key for entry in waiting if not entry.chain]
        if self._context.role is Role.PRIMARY or not keys:
            return super().sign_leaf(request)
        return issue_leaf(KeyPair(signer.chain[0], keys[0]), request)


class OtherMethodOfKeyId(ReferenceProvider):
    """Names its key by another method where the primary's key is of another kind."""

    def sign_leaf(self, request):
        """Write an AKI of its own."""
        leaf, signer = super().sign_leaf(request), self._signer(request.signer)
        above = key_spec_of(signer.chain[-1].public_key())
        if self._context.role is Role.PRIMARY or above == signer.spec:
            return leaf
        aki = x509.AuthorityKeyIdentifier(b"another way", None, None)
        return draft(leaf).having(aki, critical=False).signed(signer.key)


class OneSignerAtATime(ReferenceProvider):
    """Replaces the signer of a secondary when the next one is installed."""

    def install_intermediate(self, request):
        """Forget the older ones."""
        signer = super().install_intermediate(request)
        for authority, name in self._backend.names():
            if authority == self._id and name != request.id:
                self._backend.retire(authority, name)
        return signer


class RemembersThePrimary(ReferenceProvider):
    """Knows the primary's chain on the server that installed it."""

    known = False

    def install_intermediate(self, request):
        """Note that it is there."""
        signer = super().install_intermediate(request)
        self.known = True
        return signer

    def trust_chain(self):
        """Look into memory."""
        if self._context.role is Role.SECONDARY and not self.known:
            raise NotReadyError("nothing was installed here")
        return super().trust_chain()


class MakesRootsAnywhere(ReferenceProvider):
    """Makes an authority in a secondary too."""

    def _refuse_secondary(self, what):
        """Refuse nothing."""


class SecondaryLearnsOnce(ReferenceProvider):
    """Reads the list of a secondary's signers with its first leaf, and never again."""

    list = None

    def sign_leaf(self, request):
        """Look into the list."""
        leaf = super().sign_leaf(request)
        self.list = self.list or {name for _, name in self._backend.names()}
        if self._context.role is Role.SECONDARY and request.signer not in self.list:
            raise SignerUnknownError(request.signer)
        return leaf

    def install_intermediate(self, request):
        """Learn what is installed here."""
        self.list = None
        return super().install_intermediate(request)


class SecondaryKeepsSigners(ReferenceProvider):
    """Retires nothing in a secondary."""

    def retire_signer(self, request):
        """Leave a secondary's signer alone."""
        if self._context.role is Role.PRIMARY:
            super().retire_signer(request)


def _other_issuer(made):
    key_id = made.extensions[x509.AuthorityKeyIdentifier][0].key_identifier
    return x509.AuthorityKeyIdentifier(key_id, [x509.DirectoryName(made.subject)], made.serial)


BROKEN = (
    broken(
        "nameless-csr",
        "leaves the trust domain out of a secondary's CSR",
        "secondary.csr",
        NamelessCsr,
    ),
    broken(
        "new-key-after-restart",
        "makes a new key for a CSR that waited over a restart",
        "secondary.csr-key",
        NewKeyAfterRestart,
        later=True,
    ),
    broken(
        "pending-key-signs",
        "signs with the key of a CSR that is not answered yet",
        "secondary.csr-apart",
        PendingKeySigns,
        later=True,
    ),
    broken(
        "other-method-of-key-id",
        "names its key by another method below a primary with another kind of key",
        "secondary.pairs",
        OtherMethodOfKeyId,
    ),
    broken(
        "one-signer-at-a-time",
        "forgets a secondary's signer when the next one is installed",
        "secondary.renewal",
        OneSignerAtATime,
        later=True,
    ),
    broken(
        "remembers-the-primary",
        "knows the primary's chain only on the server that installed it",
        "secondary.reports-primary",
        RemembersThePrimary,
        later=True,
    ),
    broken(
        "makes-roots-anywhere",
        "makes an authority in a secondary",
        "secondary.no-authority",
        MakesRootsAnywhere,
    ),
    broken(
        "secondary-learns-once",
        "does not see what another server of a secondary installs once it has signed",
        "secondary.elsewhere",
        SecondaryLearnsOnce,
        later=True,
    ),
    broken(
        "secondary-keeps-signers",
        "retires no signer of a secondary",
        "secondary.retire",
        SecondaryKeepsSigners,
        later=True,
    ),
    spoiled_intermediate(
        "another-issuer-below",
        "names a wrong issuer and serial in the intermediate of an Ed25519 secondary",
        "secondary.below-ours",
        lambda made, request: made.having(_other_issuer(made), critical=False),
        when=lambda request: key_spec_of(request.csr.public_key()) == KeySpec(KeyType.ED25519),
    ),
)
