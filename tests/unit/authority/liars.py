"""Providers that lie in one method, and what they are asked."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from ca_core.authority.guard import GuardedProvider
from ca_core.authority.judge import RuleBook
from ca_core.contract.answers import Findings, Signer, TrustChain
from ca_core.contract.capabilities import Capability
from ca_core.contract.issuing import (
    BACKDATE,
    KeyPair,
    ca_csr,
    issue_cross_certificate,
    issue_intermediate,
    issue_leaf,
)
from ca_core.contract.provider import Provider
from ca_core.contract.requests import (
    AuthorityRequest,
    CrlRequest,
    CrossSignRequest,
    CsrRequest,
    InstallRequest,
    IntermediateRequest,
    LeafRequest,
    SignerRequest,
)
from ca_core.errors import GuardError, PendingError, ProviderError
from ca_core.identity.certificates import fingerprint
from ca_core.identity.csr import csr_public_key
from ca_core.identity.keys import KeySpec, KeyType, PrivateKey, generate_key, signature_hash
from ca_core.identity.leafcsr import csr_pem, leaf_csr, new_leaf_key
from ca_core.testing.clock import START, FakeClock
from tests.unit.authority.drafts import DAY, DEADLINE, DOMAIN, WEB, new_intermediate, new_root


@dataclass
class World:
    """What a lying provider has at hand: honest keys, and room for what tests remember."""

    root: KeyPair = field(default_factory=new_root)
    external: bool = False
    notes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.signer = new_intermediate(self.root)
        self.other = KeyPair(*_pair(generate_key(KeySpec()), self.root))


def _pair(key: PrivateKey, root: KeyPair) -> tuple[x509.Certificate, PrivateKey]:
    return root.certificate, key  # the root's certificate, somebody else's key


Alter = Callable[[World, Any, Any], Any]


class Liar(Provider):
    """Answers honestly, but for one method, whose answer is altered once ``lying`` is set."""

    capabilities = frozenset(Capability)

    def __init__(self, world: World, method: str, alter: Alter) -> None:
        self.world = world
        self.method = method
        self.alter = alter
        self.lying = False

    def _say(self, method: str, honest: Any, request: Any) -> Any:
        lies = self.lying and method == self.method
        return self.alter(self.world, honest, request) if lies else honest

    def probe(self, request: Any) -> Findings:
        """Say what exists."""
        return self._say("probe", Findings(), request)

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Return the root, or ask for an outside signature."""
        if self.world.external:
            key = self._say("ensure_authority", self.world.root.key, request)
            csr = csr_pem(ca_csr(key, trust_domain=DOMAIN, label="ca-1"))
            raise PendingError(token="t", poll_after=DAY, csr=csr)
        return self._say("ensure_authority", TrustChain((self.world.root.certificate,)), request)

    def install_authority(self, request: InstallRequest) -> TrustChain:
        """Return what was installed."""
        return self._say("install_authority", TrustChain(request.chain), request)

    def trust_chain(self) -> TrustChain:
        """Return the root."""
        return self._say("trust_chain", TrustChain((self.world.root.certificate,)), None)

    def prepare_signer(self, request: SignerRequest) -> Signer:
        """Return the signer."""
        chain = (self.world.signer.certificate, self.world.root.certificate)
        return self._say("prepare_signer", Signer(request.id, chain), request)

    def intermediate_csr(self, request: SignerRequest) -> x509.CertificateSigningRequest:
        """Return a CSR by the signer's key."""
        csr = ca_csr(self.world.signer.key, trust_domain=DOMAIN, label="signer")
        return self._say("intermediate_csr", csr, request)

    def install_intermediate(self, request: InstallRequest) -> Signer:
        """Return what was installed."""
        return self._say("install_intermediate", Signer(request.id, request.chain), request)

    def sign_leaf(self, request: LeafRequest) -> x509.Certificate:
        """Sign under the signer."""
        return self._say("sign_leaf", issue_leaf(self.world.signer, request), request)

    def sign_intermediate(self, request: IntermediateRequest) -> x509.Certificate:
        """Sign under the root."""
        made = issue_intermediate(
            self.world.root,
            csr_public_key(request.csr),
            trust_domain=request.trust_domain,
            label="secondary",
            now=START,
            ttl=request.ttl,
        )
        return self._say("sign_intermediate", made, request)

    def cross_sign(self, request: CrossSignRequest) -> x509.Certificate:
        """Re-issue under the root."""
        made = issue_cross_certificate(self.world.root, request, now=START)
        return self._say("cross_sign", made, request)

    def cross_sign_csr(self, request: CsrRequest) -> x509.CertificateSigningRequest:
        """Return a CSR by the root's key."""
        csr = ca_csr(self.world.root.key, trust_domain=DOMAIN, label="ca-1")
        return self._say("cross_sign_csr", csr, request)

    def revoke(self, request: Any) -> None:
        """Revoke nothing."""
        self._say("revoke", None, request)

    def crl(self, request: CrlRequest) -> x509.CertificateRevocationList:
        """Return an empty list."""
        return self._say("crl", crl_draft(self.world).sign(*_by(self.world.signer.key)), request)


def _by(key: PrivateKey) -> tuple[PrivateKey, Any]:
    return key, signature_hash(key)


def crl_draft(
    world: World,
    *,
    begins: timedelta = -BACKDATE,
    ends: timedelta = DAY,
    aki: bytes | None = None,
    issuer_name: x509.Name | None = None,
) -> x509.CertificateRevocationListBuilder:
    """Return an unsigned CRL of the world's signer."""
    issuer = world.signer.certificate
    ski = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    return (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer_name or issuer.subject)
        .last_update(START + begins)
        .next_update(START + ends)
        .add_extension(x509.AuthorityKeyIdentifier(aki or ski, None, None), critical=False)
    )


@dataclass
class Watch:
    """Counts what the guard reports."""

    violations: list[GuardError] = field(default_factory=list)
    bugs: list[ProviderError] = field(default_factory=list)


def guard(
    inner: Provider, watch: Watch, *, rules: RuleBook | None = None, strict: bool = False
) -> GuardedProvider:
    """Return the provider under the guard, with a clock that stands still."""
    return GuardedProvider(
        inner,
        name="liar",
        trust_domain=DOMAIN,
        clock=FakeClock(),
        on_violation=watch.violations.append,
        on_bug=watch.bugs.append,
        logger=logging.getLogger("test.guard"),
        strict_key_usage=strict,
        rules=rules or RuleBook(),
    )


def without(rule: str) -> RuleBook:
    """Return every rule but one."""
    book = RuleBook()
    kept = {
        f.name: tuple(r for r in getattr(book, f.name) if r.id != rule) for f in fields(RuleBook)
    }
    return RuleBook(**kept)


def authority_request() -> AuthorityRequest:
    """Ask for the authority."""
    return AuthorityRequest(
        request_id="a",
        deadline=DEADLINE,
        id="ca-1",
        key=KeySpec(),
        ttl=365 * DAY,
        trust_domain=DOMAIN,
    )


def signer_request(ttl: timedelta = 30 * DAY) -> SignerRequest:
    """Ask for the signer."""
    return SignerRequest(request_id="s", deadline=DEADLINE, id="signer-1", key=KeySpec(), ttl=ttl)


def leaf_request(**changes: Any) -> LeafRequest:
    """Ask for a leaf with one DNS name and one address."""
    key = new_leaf_key()
    asked = LeafRequest(
        request_id="leaf",
        deadline=DEADLINE,
        csr=leaf_csr(key, WEB),
        identity=WEB,
        dns_names=("web.local",),
        not_before=START - BACKDATE,
        not_after=START + 3 * DAY,
        signer="signer-1",
    )
    return replace(asked, **changes)


def install_request(chain: tuple[x509.Certificate, ...], name: str) -> InstallRequest:
    """Hand a chain to the provider."""
    return InstallRequest(request_id="i", deadline=DEADLINE, id=name, chain=chain)


Act = Callable[[GuardedProvider, Liar], object]
P384 = KeySpec(KeyType.EC, 384)
UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
CN = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web")])
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Rogue:
    """A provider with one lie: the rule that must stop it, and how it is asked."""

    rule: str
    what: str
    method: str
    alter: Callable[[World, Any, Any], Any]
    act: Act
    world: Callable[[], World] = World
    strict: bool = False
    alone: bool = True

    def __str__(self) -> str:
        return f"{self.rule} {self.what}"


def ready(provider: GuardedProvider) -> GuardedProvider:
    """Bring authority and signer up honestly."""
    provider.ensure_authority(authority_request())
    provider.prepare_signer(signer_request())
    return provider


def lying(method: str = "", alter: Any = None, world: World | None = None) -> Liar:
    """Return a provider that lies from the start."""
    made = Liar(world or World(), method, alter or (lambda _world, honest, _request: honest))
    made.lying = True
    return made


def raising(error: BaseException) -> Any:
    """Return a lie: raise instead of answering."""

    def alter(_world: World, _honest: Any, _request: Any) -> Any:
        raise error

    return alter


class SecretError(Exception):
    """What a backend's library might raise, with a token in its text."""


def stored(world: World) -> tuple[Signer, TrustChain, frozenset[str]]:
    """Return signer, authority and bundle as they stand in a store."""
    chain = (world.signer.certificate, world.root.certificate)
    bundle = frozenset({fingerprint(world.root.certificate)})
    return Signer("signer-1", chain), TrustChain(chain[1:]), bundle
