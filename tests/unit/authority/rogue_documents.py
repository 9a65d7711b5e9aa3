"""Liars about CSRs and revocation lists."""

from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ca_core.authority.guard import GuardedProvider
from ca_core.contract.issuing import ca_csr
from ca_core.contract.requests import CrlRequest, CsrRequest
from ca_core.identity.keys import KeySpec, generate_key, signature_hash
from tests.unit.authority.drafts import (
    DAY,
    DEADLINE,
    DOMAIN,
)
from tests.unit.authority.liars import (
    CN,
    P384,
    SECOND,
    Act,
    Liar,
    Rogue,
    World,
    crl_draft,
    ready,
    signer_request,
)
from tests.unit.authority.rogue_cas import THEIRS


def ask_csr(provider: GuardedProvider, liar: Liar) -> object:
    """Ask for a secondary's CSR."""
    liar.lying = True
    return provider.intermediate_csr(signer_request())


def ask_csr_twice(provider: GuardedProvider, liar: Liar) -> object:
    """Ask for a CSR honestly, then ask the liar."""
    provider.intermediate_csr(signer_request())
    return ask_csr(provider, liar)


def ask_cross_csr(provider: GuardedProvider, liar: Liar) -> object:
    """Ask for a CSR by the primary CA's key."""
    ready(provider)
    liar.lying = True
    return provider.cross_sign_csr(CsrRequest(request_id="c", deadline=DEADLINE))


def ask_crl(provider: GuardedProvider, liar: Liar) -> object:
    """Ask for a CRL."""
    ready(provider)
    liar.lying = True
    return provider.crl(CrlRequest(request_id="c", deadline=DEADLINE, signer="signer-1"))


def csr(rule: str, what: str, alter: Callable[..., Any], act: Act = ask_csr) -> Rogue:
    """Return a liar about CSRs."""
    method = "cross_sign_csr" if act is ask_cross_csr else "intermediate_csr"
    return Rogue(rule=rule, what=what, method=method, alter=alter, act=act)


def crl(rule: str, what: str, alter: Callable[..., Any]) -> Rogue:
    """Return a liar about CRLs."""
    return Rogue(rule=rule, what=what, method="crl", alter=alter, act=ask_crl)


def corrupt_csr(_world: World, honest: Any, _request: Any) -> x509.CertificateSigningRequest:
    """Flip a bit of the signature."""
    der = honest.public_bytes(serialization.Encoding.DER)
    return x509.load_der_x509_csr(der[:-1] + bytes([der[-1] ^ 1]))


def csr_by(spec: KeySpec, domain: Any = DOMAIN) -> Callable[..., Any]:
    """Return a change: a CSR by a fresh key."""
    return lambda _world, _honest, _request: ca_csr(
        generate_key(spec), trust_domain=domain, label="signer"
    )


def foreign_names(world: World, honest: Any, _request: Any) -> x509.CertificateSigningRequest:
    """Ask for another trust domain."""
    key = world.signer.key
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(honest.subject)
        .add_extension(x509.SubjectAlternativeName([THEIRS]), critical=False)
        .sign(key, signature_hash(key))
    )


def signed_crl(builder: Callable[[World], Any], key: str = "signer") -> Callable[..., Any]:
    """Return a change: this list, signed by that key."""

    def alter(world: World, _honest: Any, _request: Any) -> object:
        private = getattr(world, key).key
        return builder(world).sign(private, signature_hash(private))

    return alter


PARTIAL = x509.IssuingDistributionPoint(None, None, True, False, None, False, False)
DOCUMENTS = [
    csr("csr.2", "corrupt signature", corrupt_csr),
    csr("csr.3", "another kind of key", csr_by(P384)),
    csr("csr.4", "another key the second time", csr_by(KeySpec()), ask_csr_twice),
    csr("csr.4", "not the primary CA's key", csr_by(KeySpec()), ask_cross_csr),
    csr("csr.5", "another trust domain", foreign_names),
    crl("crl.2", "signed by another key", signed_crl(crl_draft, "other")),
    crl("crl.2", "another issuer", signed_crl(lambda w: crl_draft(w, issuer_name=CN))),
    crl("crl.3", "another AKI", signed_crl(lambda w: crl_draft(w, aki=b"0" * 20))),
    crl("crl.4", "from the future", signed_crl(lambda w: crl_draft(w, begins=61 * SECOND))),
    crl("crl.5", "stale", signed_crl(lambda w: crl_draft(w, begins=-2 * DAY, ends=-SECOND))),
    crl(
        "crl.6",
        "only users",
        signed_crl(lambda w: crl_draft(w).add_extension(PARTIAL, critical=True)),
    ),
]
