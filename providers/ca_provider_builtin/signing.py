"""What both roles share: signing leaves with a named signer, revoking, retiring."""

import dataclasses
from datetime import datetime, timedelta
from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from ca_core.contract import (
    ROOT,
    Capability,
    CapabilityUnsupportedError,
    CrlRequest,
    Error,
    Health,
    Held,
    Kept,
    LeafRequest,
    NotReadyError,
    Provider,
    ProviderContext,
    ProviderError,
    RequestError,
    RetireRequest,
    RetireSignerRequest,
    RevokeRequest,
    Signer,
    SignerUnknownError,
    TrustChain,
    issue_leaf,
    release_claims,
    signer_name,
)
from ca_provider_builtin.config import BuiltinConfig
from ca_provider_builtin.revocation import Revocations

PRIMARY_SIGNS = "primary"
"""Stands in a signer's key record when it has no key of its own: the primary CA signs leaves."""

_EXPIRY_WARNING = timedelta(days=30)


class LocalSigning(Provider):
    """The half of the built-in provider that a primary and a secondary have in common.

    ``capabilities``, ``concurrency`` and ``only_computes`` follow the configuration and, once the
    CA has been seen, what its path length and its key allow.
    """

    ABILITIES: ClassVar[frozenset[Capability]] = frozenset({Capability.REVOKE, Capability.TEMPLATE})

    def __init__(self, config: BuiltinConfig, context: ProviderContext) -> None:
        self.config = config
        self.context = context
        self.kept = Kept(context)
        self.capabilities = self.ABILITIES
        self.concurrency, self.only_computes = 1, True
        self._revocations = Revocations(context, self.kept)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.context.authority_id!r})"

    def trust_chain(self) -> TrustChain:
        """Return the chain of this authority as the store has it; needs no private key."""
        return TrustChain(self.kept.chain(ROOT))

    def sign_leaf(self, request: LeafRequest) -> x509.Certificate:
        """Sign by template under the named signer; of the CSR only the public key is used."""
        signer = self.signing(request.signer)
        if signer.ends < request.not_after:
            request = dataclasses.replace(request, not_after=signer.ends)
        return issue_leaf(signer.pair, request)

    def revoke(self, request: RevokeRequest) -> None:
        """Note the certificate as revoked, for its signer's next CRL."""
        self._revocations.add(self._held(request.signer), request, now=self.now())

    def crl(self, request: CrlRequest) -> x509.CertificateRevocationList:
        """Return the signer's CRL; it is renewed when something changed, or at half of its life."""
        return self._revocations.crl(self.signing(request.signer), now=self.now())

    def retire_signer(self, request: RetireSignerRequest) -> None:
        """Remove that signer's key, chain and revocations."""
        self.kept.retire_signer(request.id)

    def retire(self, request: RetireRequest) -> None:
        """Remove every key, chain and revocation of this authority; an adopted CA is free again."""
        self.kept.retire()
        release_claims(self.context)

    def health(self, *, deep: bool = False) -> Health:
        """Say how long this authority still lives; deep also opens its private keys."""
        try:
            return self._health(deep=deep)
        except NotReadyError as error:
            return Health(ok=True, message=str(error))
        except Exception as error:  # noqa: BLE001 - health never raises, whatever the store does
            message = str(error) if isinstance(error, Error) else type(error).__name__
            return Health(ok=False, message=message)

    def close(self) -> None:
        """Let go of the private keys in memory."""
        self.kept.drop_loaded()

    def now(self) -> datetime:
        """Return the time, in whole seconds as certificates have it."""
        return self.context.clock.now().replace(microsecond=0)

    def require(self, capability: Capability) -> None:
        """Refuse what this instance does not declare.

        Raises:
            CapabilityUnsupportedError: it does not.
        """
        if capability not in self.capabilities:
            raise CapabilityUnsupportedError(capability)

    def check_own(self, authority_id: str) -> None:
        """Refuse a request for another authority than the one this object serves.

        Raises:
            RequestError: it is for another.
        """
        own = self.context.authority_id
        if authority_id != own:
            raise RequestError(f"this object serves {own!r}, not {authority_id!r}", field="id")

    def signing(self, signer_id: str) -> Held:
        """Return the named signer, alive.

        Raises:
            SignerUnknownError: this authority has none of that id.
            ProviderError: it has expired.
        """
        return self.alive(self._held(signer_id), f"signer {signer_id!r}")

    def alive(self, held: Held, what: str) -> Held:
        """Return ``held`` unless a certificate in its chain has expired.

        Raises:
            ProviderError: one has.
        """
        if held.ends <= self.context.clock.now():
            raise ProviderError(
                f"{what} or a CA above it expired at {held.ends.isoformat()}",
                hint="prepare a new signer, or rotate the root",
            )
        return held

    def signer_of(self, signer_id: str, chain: tuple[x509.Certificate, ...]) -> Signer:
        """Return the signer, and allow more calls at once if its key is an RSA key.

        RSA signing leaves the interpreter lock alone for its whole time and so gains from a second
        thread; an EC signature is over before the threads have taken turns.
        """
        if isinstance(chain[0].public_key(), rsa.RSAPublicKey):
            self.concurrency, self.only_computes = 2, False
        return Signer(signer_id, chain)

    def _held(self, signer_id: str) -> Held:
        try:
            return self.kept.signer(signer_id)
        except SignerUnknownError:
            if not self._is_primary(signer_id):
                raise
            return self.kept.held(ROOT)

    def _is_primary(self, signer_id: str) -> bool:
        try:
            return self.kept.recorded(signer_name(signer_id), "key") == PRIMARY_SIGNS
        except RequestError:
            return False

    def _health(self, *, deep: bool) -> Health:
        chain = self.kept.chain(ROOT)
        names = self.kept.names()
        if deep:
            for name in filter(self._signs, names):
                self.kept.held(name)
        return self._life(min(link.not_valid_after_utc for link in chain), len(names))

    def _signs(self, name: str) -> bool:
        """Say whether ``name`` has its certificate; a CSR under way has none."""
        return self.kept.chain_or_none(name) is not None

    def _life(self, ends: datetime, names: int) -> Health:
        details = {"authority_ends": ends.isoformat(), "keys": str(names)}
        left = ends - self.context.clock.now()
        if left <= timedelta():
            return Health(ok=False, message="the authority has expired", details=details)
        if left < _EXPIRY_WARNING:
            message = f"the authority ends in {left.days} days: rotate the root"
            return Health(ok=True, message=message, details=details)
        return Health(ok=True, message="ready", details=details)
