"""The chaos provider: surrounds any installed provider and makes it behave badly, yet legally.

For tests of whatever calls a provider, and for trying how a mesh lives with a bad backend::

    [ca]
    provider = "chaos"

    [ca.config]
    inner = "vault"
    inner_config = { address = "http://127.0.0.1:8200" }
    profile = "rough"        # calm, mild, rough; "lying" breaks the contract on purpose
    seed = 7
    lost_answer = 0.5        # one knob for each mischief

``ca_core.testing.mischief`` has the table of what may happen and who copes with it. Capabilities
and concurrency are those of the inner provider. The same seed and the same sequence of calls do the
same mischief: the first object that a descriptor opens begins at the seed, the next one elsewhere,
and a process that starts again begins again.

Time: a provider is synchronous, so nothing here waits on a clock. ``slow`` is told to the caller as
``PendingError(poll_after=…)``, which passes as fast as the caller's clock does, a fake one's
included; its token says how many polls are left, so it outlives a restart. ``stalled`` alone blocks
the thread, for real, briefly, and never beyond the request's deadline.
"""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from cryptography import x509

from ca_core.authority.registry import Registry
from ca_core.contract import (
    AuthorityRequest,
    Capability,
    CrlRequest,
    CrossSignRequest,
    CsrRequest,
    Findings,
    Health,
    InstallRequest,
    IntermediateRequest,
    LeafRequest,
    OutcomeUnknownError,
    PendingError,
    ProbeRequest,
    Provider,
    ProviderContext,
    ProviderPlugin,
    RateLimitedError,
    Request,
    RetireRequest,
    RetireSignerRequest,
    RevokeRequest,
    Signer,
    SignerRequest,
    TrustChain,
    UnavailableError,
    hookimpl,
    json_schema,
)
from ca_core.testing.chaosanswers import (
    Answers,
    ChainedT,
    bent,
    later_token,
    opened_token,
    shortened,
)
from ca_core.testing.chaosconfig import ChaosConfig, Surrounded, check_update, surrounded
from ca_core.testing.mischief import DISTURBING, REFUSED, Fate, Fates, Mischief

RequestT = TypeVar("RequestT", bound=Request)
AnswerT = TypeVar("AnswerT")

_ALWAYS = (DISTURBING - REFUSED) | {Mischief.STALLED}
_CHAIN = _ALWAYS | {Mischief.CROOKED_CHAIN, Mischief.SHORT_LIFE}
_CERTIFICATE = _ALWAYS | {Mischief.REPEATED, Mischief.SHORT_LIFE, Mischief.SWAPPED_ANSWER}
_READ = frozenset({Mischief.UNAVAILABLE, Mischief.CROOKED_CHAIN})
_MOST_POLLS = 3
_NEEDED = {
    "install_authority": Capability.EXTERNAL_ISSUER,
    "intermediate_csr": Capability.SECONDARY,
    "install_intermediate": Capability.SECONDARY,
    "sign_intermediate": Capability.SIGN_INTERMEDIATE,
    "cross_sign": Capability.CROSS_SIGN,
    "cross_sign_csr": Capability.CROSS_SIGN_CSR,
    "revoke": Capability.REVOKE,
    "crl": Capability.REVOKE,
}
_UNDISTURBED = Fate(frozenset(), 0.0)


class ChaosProvider(Provider):
    """Passes every call to ``inner``, with a fate of its own. Thread-safe as ``inner``.

    Args:
        inner: the provider that does the work.
        context: as lent to ``inner``.
        fates: what happens to each call.
        pause: the shortest time to come back after.
        stall: how long a stalled call blocks.
        wait: blocks for so many seconds.
    """

    def __init__(
        self,
        inner: Provider,
        context: ProviderContext,
        fates: Fates,
        *,
        pause: timedelta,
        stall: timedelta,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._inner = inner
        self._clock = context.clock
        self._fates = fates
        self._pause = pause
        self._stall = stall
        self._wait = wait
        self._answers = Answers()

    @property
    def capabilities(self) -> frozenset[Capability]:  # type: ignore[override] # the inner one's
        """Return what the inner provider declares now."""
        return self._inner.capabilities

    @property
    def concurrency(self) -> int:  # type: ignore[override] # the inner one's
        """Return how many calls the inner provider takes at once."""
        return self._inner.concurrency

    def probe(self, request: ProbeRequest) -> Findings:
        """Ask the inner provider what exists."""
        return self._passed(self._inner.probe, request)

    def ensure_authority(self, request: AuthorityRequest) -> TrustChain:
        """Have the authority made; the chain may come crooked."""
        return self._chained(self._inner.ensure_authority, request)

    def install_authority(self, request: InstallRequest) -> TrustChain:
        """Have the chain installed; it may come back crooked."""
        return self._chained(self._inner.install_authority, request)

    def trust_chain(self) -> TrustChain:
        """Read the chain; without a request there is nothing to come back with later."""
        fate = self._fates.drawn("trust_chain", _READ)
        self._refuse(fate)
        return bent(self._inner.trust_chain(), fate)

    def prepare_signer(self, request: SignerRequest) -> Signer:
        """Have a signer made; its life may be shorter, its chain crooked."""
        return self._chained(self._inner.prepare_signer, request)

    def intermediate_csr(self, request: SignerRequest) -> x509.CertificateSigningRequest:
        """Have a CSR made."""
        return self._passed(self._inner.intermediate_csr, request)

    def install_intermediate(self, request: InstallRequest) -> Signer:
        """Have the chain installed; it may come back crooked."""
        return self._chained(self._inner.install_intermediate, request)

    def sign_leaf(self, request: LeafRequest) -> x509.Certificate:
        """Have a leaf signed."""
        return self._certified(self._inner.sign_leaf, request)

    def sign_intermediate(self, request: IntermediateRequest) -> x509.Certificate:
        """Have an intermediate signed."""
        return self._certified(self._inner.sign_intermediate, request)

    def cross_sign(self, request: CrossSignRequest) -> x509.Certificate:
        """Have another CA cross-signed, for as long as was asked: leaves are trusted by it."""
        return self._certified(self._inner.cross_sign, request)

    def cross_sign_csr(self, request: CsrRequest) -> x509.CertificateSigningRequest:
        """Have a CSR made."""
        return self._passed(self._inner.cross_sign_csr, request)

    def revoke(self, request: RevokeRequest) -> None:
        """Have a leaf revoked."""
        self._passed(self._inner.revoke, request)

    def crl(self, request: CrlRequest) -> x509.CertificateRevocationList:
        """Ask for a CRL."""
        return self._passed(self._inner.crl, request)

    def health(self, *, deep: bool = False) -> Health:
        """Return the inner provider's health, or say no for no reason."""
        if self._fates.drawn("health", frozenset({Mischief.SICK})).has(Mischief.SICK):
            return Health(ok=False, message="chaos: sick for the moment")
        return self._inner.health(deep=deep)

    def retire_signer(self, request: RetireSignerRequest) -> None:
        """Have a signer removed."""
        self._passed(self._inner.retire_signer, request)

    def retire(self, request: RetireRequest) -> None:
        """Have the authority removed."""
        self._passed(self._inner.retire, request)

    def close(self) -> None:
        """Close the inner provider."""
        self._inner.close()

    def _passed(self, method: Callable[[RequestT], AnswerT], request: RequestT) -> AnswerT:
        fate, asked = self._begun(method, request, _ALWAYS)
        return self._ended(fate, method(asked))

    def _chained(self, method: Callable[[RequestT], ChainedT], request: RequestT) -> ChainedT:
        fate, asked = self._begun(method, request, _CHAIN)
        return self._ended(fate, bent(method(asked), fate))

    def _certified(
        self, method: Callable[[RequestT], x509.Certificate], request: RequestT
    ) -> x509.Certificate:
        fate, asked = self._begun(method, request, _CERTIFICATE)
        return self._ended(fate, self._answers.given(request, lambda: method(asked), fate))

    def _begun(
        self, method: Callable[..., object], request: RequestT, possible: frozenset[Mischief]
    ) -> tuple[Fate, RequestT]:
        """Return the fate of a call and the request for the inner provider, if it comes so far.

        1. What is not declared is refused by the inner provider, at once.
        2. A token of ours has polls left: one less.
        3. Its fate is drawn.
        4. Refused, or told to come back, before anything was done.
        5. Blocked for a while.
        """
        if _NEEDED.get(method.__name__) not in {None, *self.capabilities}:
            return _UNDISTURBED, request  # (1)
        polls, token = opened_token(request.pending)
        if polls > 0:
            raise self._later(polls - 1, token)  # (2)
        fate = self._fates.drawn(method.__name__, possible)  # (3)
        self._refuse(fate)  # (4)
        if fate.has(Mischief.SLOW):
            raise self._later(int(fate.amount * _MOST_POLLS), token)
        if fate.has(Mischief.STALLED):
            self._wait(self._stall_before(request))  # (5)
        return fate, shortened(replace(request, pending=token), fate, now=self._clock.now())

    def _refuse(self, fate: Fate) -> None:
        pause = self._pause * (1 + fate.amount)
        if fate.has(Mischief.RATE_LIMITED):
            raise RateLimitedError("chaos: too fast", retry_after=pause)
        if fate.has(Mischief.UNAVAILABLE):
            raise UnavailableError("chaos: away for the moment", retry_after=pause)

    def _ended(self, fate: Fate, answer: AnswerT) -> AnswerT:
        """Return the answer of what was done, unless it is lost."""
        if fate.has(Mischief.LOST_ANSWER):
            raise OutcomeUnknownError("chaos: it was done, and the answer is lost")
        if fate.has(Mischief.FORGOTTEN):
            raise self._later(0, None)
        return answer

    def _later(self, polls: int, token: str | None) -> PendingError:
        return PendingError(
            "chaos: not yet", token=later_token(polls, token), poll_after=self._pause
        )

    def _stall_before(self, request: Request) -> float:
        left = request.deadline - self._clock.now()
        return max(timedelta(), min(self._stall, left)).total_seconds()


def chaos_plugin(registry: Registry | None = None) -> ProviderPlugin[Surrounded]:
    """Return a descriptor that finds the inner provider in ``registry``, or among the installed."""

    def parse(raw: Mapping[str, Any]) -> Surrounded:
        return surrounded(raw, registry or Registry())

    lives = itertools.count()
    return ProviderPlugin(
        parse_config=parse,
        create=lambda config, context: _created(config, context, next(lives)),
        description="for tests: surrounds another provider and behaves badly, yet legally",
        capabilities=frozenset(Capability),
        schema=json_schema(ChaosConfig),
        validate_update=check_update,
    )


@hookimpl
def ca_provider() -> ProviderPlugin[Surrounded]:
    """Describe this provider to the core."""
    return chaos_plugin()


def _created(config: Surrounded, context: ProviderContext, life: int) -> ChaosProvider:
    told = config.told
    fates = Fates(told.seed, config.odds, streak=told.streak, life=life)
    inner = config.plugin.create(config.config, context)
    return ChaosProvider(inner, context, fates, pause=told.pause, stall=told.stall)
