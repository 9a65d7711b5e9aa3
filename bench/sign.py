"""Guarded signing against its primitives, for each key a CA may have.

Both start from the same CSR in PEM and end with a leaf in PEM, under the same signer. The
primitives load the CSR and check its signature, build and sign, verify under the signer, encode;
the guarded path does what a server does between a request and its record.
"""

import itertools
import logging
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

from ca_provider_builtin import ca_provider

from bench.beside import cost_of_queue_and_record
from bench.finding import Finding
from bench.interleaved import Turns, take_turns
from bench.primitives import Primitives, csr_pem
from ca_core.authority.guard import GuardedProvider
from ca_core.clock import SystemClock
from ca_core.contract import AuthorityRequest, LeafRequest, ProviderContext, SignerRequest
from ca_core.contract.issuing import BACKDATE
from ca_core.contract.keeping import Kept
from ca_core.identity.certificates import pem_of
from ca_core.identity.csr import check_csr, load_csr
from ca_core.identity.keys import ALL_KEY_SPECS, KeySpec
from ca_core.testing.lending import TRUST_DOMAIN, provider_context

GOAL = 0.8
ROUNDS = 9
CSRS = 64
WEB = f"spiffe://{TRUST_DOMAIN}/ns/default/dc/dc1/svc/web"
SIGNER = "signer-1"
LEAF_TTL = timedelta(hours=72)
PATIENCE = timedelta(seconds=60)


def run(*, seconds: float) -> Iterator[Finding]:
    """Measure every key type, about ``seconds`` each way."""
    csrs = [csr_pem(WEB) for _ in range(CSRS)]
    beside = cost_of_queue_and_record(seconds=seconds / 4)
    for spec in ALL_KEY_SPECS:
        yield _finding(spec, _measured(spec, csrs, seconds), beside)


def _finding(spec: KeySpec, turns: Turns, beside: str) -> Finding:
    return Finding(
        benchmark="sign",
        case=f"guarded, {spec}",
        value=turns.per_second("guarded"),
        unit="/s",
        ratio=turns.ratio("guarded", "primitives"),
        at_least=GOAL,
        compared=f"primitives {turns.per_second('primitives'):,.0f} /s; {beside}",
    )


def _measured(spec: KeySpec, csrs: list[bytes], seconds: float) -> Turns:
    context = provider_context(clock=SystemClock())
    guarded = guarded_provider(context, spec)
    pair = Kept(context).signer(SIGNER).pair
    bare = Primitives(pair.certificate, pair.key, WEB)
    ours, theirs = itertools.cycle(csrs), itertools.cycle(csrs)
    variants: dict[str, Callable[[], object]] = {
        "primitives": lambda: bare.leaf_pem(next(theirs)),
        "guarded": lambda: guarded_leaf_pem(guarded, next(ours), context),
    }
    return take_turns(variants, rounds=ROUNDS, seconds=seconds)


def guarded_leaf_pem(provider: GuardedProvider, csr: bytes, context: ProviderContext) -> str:
    """Do what a server does with a CSR, from text to text."""
    checked = check_csr(load_csr(csr))
    now = context.clock.now().replace(microsecond=0)
    request = LeafRequest(
        request_id=uuid.uuid4().hex,
        deadline=now + PATIENCE,
        csr=checked.csr,
        identity=checked.identity,
        dns_names=checked.dns_names,
        ip_addresses=checked.ip_addresses,
        not_before=now - BACKDATE,
        not_after=now + LEAF_TTL,
        signer=SIGNER,
    )
    return pem_of(provider.sign_leaf(request))


def guarded_provider(context: ProviderContext, spec: KeySpec) -> GuardedProvider:
    """Return the built-in provider under the guard, with an authority and a signer."""
    guarded = GuardedProvider(
        ca_provider().open({}, context),
        name="builtin",
        trust_domain=context.trust_domain,
        clock=context.clock,
        on_violation=lambda _: None,
        logger=logging.getLogger("bench"),
    )
    deadline = context.clock.now() + PATIENCE
    guarded.ensure_authority(
        AuthorityRequest(
            request_id="authority",
            deadline=deadline,
            id=context.authority_id,
            key=spec,
            ttl=timedelta(days=3650),
            trust_domain=context.trust_domain,
        )
    )
    guarded.prepare_signer(
        SignerRequest(
            request_id="signer", deadline=deadline, id=SIGNER, key=spec, ttl=timedelta(days=365)
        )
    )
    return guarded
