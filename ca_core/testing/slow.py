"""The slow provider: its backend answers every request later, and names nothing uniquely.

What it stores, and when: an idempotency token before it asks for a CA, the ARN before it waits for
it, the ARN of the CA's certificate before it waits for that. Killed anywhere, a new object
continues from these, with or without the token of the ``PendingError``. Where not even the ARN was
stored, the backend's tag finds the CA.
"""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from ca_core.contract import (
    ROOT,
    AuthorityRequest,
    AuthorityRetiredError,
    Capability,
    CrossSignRequest,
    Findings,
    IntermediateRequest,
    Kept,
    KeyPair,
    KeySpec,
    LeafRequest,
    NotReadyError,
    PendingError,
    PrivateKey,
    ProbeRequest,
    Provider,
    ProviderContext,
    ProviderPlugin,
    Request,
    RequestError,
    RetireRequest,
    RetireSignerRequest,
    Signer,
    SignerRequest,
    SignerUnknownError,
    TrustChain,
    checked_cross_sign,
    checked_intermediate,
    issue_cross_certificate,
    issue_intermediate,
    issue_leaf,
    issue_root,
    json_schema,
    parse_struct,
    positive_life,
    signer_name,
    spki_digest,
)
from ca_core.testing.slow_backend import SlowBackend, Work

ABILITIES = frozenset(
    {
        Capability.CROSS_SIGN,
        Capability.CROSS_SIGN_NEEDS_CSR,
        Capability.SIGN_INTERMEDIATE,
        Capability.TEMPLATE,
    }
)
POLL_AFTER = timedelta(milliseconds=50)


class SlowConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing can be configured: how slow it is belongs to the backend."""


class SlowProvider(Provider):
    """Raises ``PendingError`` for everything that makes something, at least once."""

    def __init__(self, context: ProviderContext, backend: SlowBackend) -> None:
        self.capabilities = ABILITIES
        self._context = context
        self._backend = backend
        self._kept = Kept(context)

    def probe(self, request: ProbeRequest) -> Findings:
        """Say whether the authority exists."""
        return Findings(exists=bool(self._chain(ROOT)))

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Make the CA, wait, have it sign itself, wait, give it its chain."""
        if request.id != self._context.authority_id:
            raise RequestError("this object serves another authority", field="id")
        ttl, now = positive_life(request.ttl), self._context.clock.now()

        def itself(key: PrivateKey, _chain: tuple[x509.Certificate, ...]) -> x509.Certificate:
            domain, label = request.trust_domain, f"root {request.id}"
            return issue_root(key, trust_domain=domain, label=label, now=now, ttl=ttl)

        arn = self._ca(ROOT, request.key)
        return TrustChain(self._imported(ROOT, arn, arn, itself))

    def trust_chain(self) -> TrustChain:
        """Return the chain that the authority's CA was given."""
        chain = self._chain(ROOT)
        if not chain:
            self._kept.refuse_retired(ROOT)
            raise NotReadyError("the authority does not exist yet")
        return TrustChain(chain)

    def prepare_signer(self, request: SignerRequest) -> Signer:
        """Make a CA, wait, have it signed by the primary CA, wait, give it its chain."""
        root = self.trust_chain()
        ttl, name = positive_life(request.ttl), signer_name(request.id)
        arn = self._ca(name, request.key)
        public_key = self._backend.public_key_of(arn)
        work = self._intermediate(public_key, f"signer {request.id}", ttl)
        issuer = self._arn(ROOT)
        return Signer(request.id, self._imported(name, arn, issuer, work, root.primary))

    def sign_leaf(self, request: LeafRequest) -> x509.Certificate:
        """Ask the signer's CA for a leaf; a lost token means a second leaf, which is allowed."""
        try:
            name = signer_name(request.signer)
        except RequestError:
            raise SignerUnknownError(request.signer) from None
        if not self._chain(name):
            self._kept.refuse_retired(ROOT)
            raise SignerUnknownError(request.signer)
        return self._issued(
            self._arn(name), request, lambda key, chain: issue_leaf(KeyPair(chain[0], key), request)
        )

    def sign_intermediate(self, request: IntermediateRequest) -> x509.Certificate:
        """Ask the primary CA for a secondary's intermediate."""
        self.trust_chain()
        csr = checked_intermediate(request, self._context.trust_domain)
        key, label = csr.public_key(), f"secondary {spki_digest(csr.public_key())[:16]}"
        work = self._intermediate(key, label, positive_life(request.ttl))
        return self._issued(self._arn(ROOT), request, work)

    def cross_sign(self, request: CrossSignRequest) -> x509.Certificate:
        """Ask the primary CA for a cross-certificate; this backend wants a CSR for that."""
        chain, now = self.trust_chain().certificates, self._context.clock.now()
        if request.csr is None:
            raise RequestError("this backend cross-signs CSRs only", field="csr")
        fitting = checked_cross_sign(request, chain, now=now)

        def work(key: PrivateKey, chain: tuple[x509.Certificate, ...]) -> x509.Certificate:
            return issue_cross_certificate(KeyPair(chain[0], key), fitting, now=now)

        return self._issued(self._arn(ROOT), request, work)

    def retire_signer(self, request: RetireSignerRequest) -> None:
        """Delete that signer's CA and forget its names."""
        self._kept.retire_signer(request.id)
        self._delete(self._tag(signer_name(request.id)))

    def retire(self, request: RetireRequest) -> None:
        """Delete every CA of this authority and forget their names."""
        self._kept.retire()
        self._delete(self._tag())

    def _ca(self, name: str, spec: KeySpec) -> str:
        """Return the ARN of the one CA of that name, ready; make it if there is none.

        Raises:
            PendingError: it is not ready; its ARN is stored.
        """
        self._kept.claim(name, spec)
        arn = self._kept.recorded(name, "arn") or self._requested(name, spec)
        if not self._backend.chain(arn):
            self._wait_for(arn)
        return arn

    def _requested(self, name: str, spec: KeySpec) -> str:
        token = self._kept.standing(name, "token", uuid.uuid4().hex)
        tag = self._tag(name)
        mine = next(iter(self._backend.find(tag)), "") or self._backend.request_ca(token, tag, spec)
        standing = self._kept.standing(name, "arn", mine)
        if standing != mine:
            self._backend.delete_ca(mine)
        self._undo_if_retired(name, standing)
        return standing

    def _undo_if_retired(self, name: str, arn: str) -> None:
        try:
            self._kept.refuse_retired(name)
        except (AuthorityRetiredError, RequestError):
            self._backend.delete_ca(arn)
            raise

    def _imported(
        self, name: str, arn: str, issuer: str, work: Work, *above: x509.Certificate
    ) -> tuple[x509.Certificate, ...]:
        """Return the CA's chain; have ``issuer`` sign its certificate if it has none.

        Raises:
            AuthorityRetiredError: another server retired it meanwhile; the CA is gone.
        """
        try:
            return self._signed(name, arn, issuer, work, *above)
        finally:
            self._undo_if_retired(name, arn)

    def _signed(
        self, name: str, arn: str, issuer: str, work: Work, *above: x509.Certificate
    ) -> tuple[x509.Certificate, ...]:
        if not self._backend.chain(arn):
            asked = self._kept.recorded(name, "certificate")
            if asked is None:
                asked = self._backend.issue(issuer, f"certificate of {arn}", work)
                asked = self._kept.standing(name, "certificate", asked)
            certificate = self._wait_for_certificate(asked)
            self._backend.import_chain(arn, (certificate, *above))
        return self._backend.chain(arn)

    def _issued(self, ca: str, request: Request, work: Work) -> x509.Certificate:
        """Return what ``request`` asked for: what its token names, else a certificate asked now."""
        asked = request.pending or self._backend.issue(ca, request.request_id, work)
        return self._wait_for_certificate(asked)

    def _wait_for(self, arn: str) -> None:
        if not self._backend.is_ready(arn):
            raise PendingError(f"{arn} is not ready", token=arn, poll_after=POLL_AFTER)

    def _wait_for_certificate(self, arn: str) -> x509.Certificate:
        certificate = self._backend.certificate(arn)
        if certificate is None:
            raise PendingError(f"{arn} is not ready", token=arn, poll_after=POLL_AFTER)
        return certificate

    def _intermediate(self, key: CertificatePublicKeyTypes, label: str, ttl: timedelta) -> Work:
        domain, now = self._context.trust_domain, self._context.clock.now()

        def work(signing: PrivateKey, chain: tuple[x509.Certificate, ...]) -> x509.Certificate:
            return issue_intermediate(
                KeyPair(chain[0], signing),
                key,
                trust_domain=domain,
                label=label,
                now=now,
                ttl=ttl,
            )

        return work

    def _arn(self, name: str) -> str:
        arn = self._kept.recorded(name, "arn")
        if arn is None:
            raise NotReadyError(f"{name} does not exist yet")
        return arn

    def _chain(self, name: str) -> tuple[x509.Certificate, ...]:
        arn = self._kept.recorded(name, "arn")
        return self._backend.chain(arn) if arn else ()

    def _tag(self, name: str = "") -> str:
        return f"{self._context.authority_id}/{name}".rstrip("/")

    def _delete(self, tag: str) -> None:
        for arn in self._backend.find(tag):
            self._backend.delete_ca(arn)


def _parse(raw: Mapping[str, Any]) -> SlowConfig:
    return parse_struct(SlowConfig, raw, where="ca.config")


def slow_plugin(backend: SlowBackend | None = None) -> ProviderPlugin[SlowConfig]:
    """Return a descriptor whose providers share ``backend``; give it to a registry as it is."""
    shared = SlowBackend() if backend is None else backend
    return ProviderPlugin(
        parse_config=_parse,
        create=lambda _config, context: SlowProvider(context, shared),
        description="answers everything later, like a cloud's private CA; for tests",
        capabilities=ABILITIES,
        schema=json_schema(SlowConfig),
    )
