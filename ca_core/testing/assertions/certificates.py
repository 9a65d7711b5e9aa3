"""Assertions about certificates, whoever asked for them: shape, issuer, path, sameness."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cryptography import x509

from ca_core.contract import Signer, TrustChain, fingerprint, path_faults, path_length_of
from ca_core.identity.paths import is_alive, issue_faults, shape_faults
from ca_core.testing.assertions.wording import GUARD, named
from ca_core.testing.conformance.verdict import require


def assert_is_ca(certificate: x509.Certificate) -> None:
    """Assert that this is a CA that may sign certificates.

    CA:TRUE, keyCertSign, a subject, an SKI, a strong key, no critical extension that nobody knows.

    Raises:
        Violation: naming what is missing.
    Source: RFC 5280 §4.2.1.9, §4.2.1.3, §6.1.4.
    """
    _none(shape_faults((certificate,)), f"{named(certificate)} is no CA", "RFC 5280 §6.1.4")


def assert_path_length(certificate: x509.Certificate, expected: int | None) -> None:
    """Assert how many CA certificates may stand below this one; None is no limit.

    Raises:
        Violation: it has another path length.
    Source: RFC 5280 §4.2.1.9.
    """
    seen = path_length_of(certificate)
    require(
        seen == expected,
        f"{named(certificate)} has path length {seen}, expected {expected} (RFC 5280 §4.2.1.9)",
    )


def assert_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """Assert that ``issuer`` issued this: its name, its key's signature, AKI equal to its SKI.

    Raises:
        Violation: naming which of them does not fit.
    Source: RFC 5280 §6.1.3, §4.2.1.1.
    """
    what = f"{named(certificate)} was not issued by {named(issuer)}"
    _none(issue_faults(certificate, issuer), what, "RFC 5280 §6.1.3")


def assert_chains_to(
    leaf: x509.Certificate,
    chain: Sequence[x509.Certificate],
    anchors: Iterable[x509.Certificate],
    *,
    now: datetime,
) -> None:
    """Assert that a verifier that trusts ``anchors`` believes this leaf at ``now``.

    Args:
        leaf: what a service shows.
        chain: what signed it first, an anchor last.
        anchors: what the verifier trusts; a certificate among them needs no issuer.
        now: aware UTC.

    Raises:
        Violation: naming the certificate, by its position, and what is wrong with it.
    Source: RFC 5280 §6.1.
    """
    what = f"{named(leaf)} does not lead to an anchor"
    trusted = {fingerprint(anchor) for anchor in anchors}
    _none(path_faults(chain, now=now), what, "RFC 5280 §6.1")
    _none(issue_faults(leaf, chain[0]), what, "RFC 5280 §6.1.3")
    require(is_alive(leaf, now=now), f"{what}: it is not valid at {now} (RFC 5280 §6.1.3)")
    require(
        fingerprint(chain[-1]) in trusted,
        f"{what}: the chain ends at {named(chain[-1])}, which is not among the {len(trusted)}"
        " that are trusted (RFC 5280 §6.1.1)",
    )


def assert_same_authority(one: TrustChain, other: TrustChain) -> None:
    """Assert that two answers are one authority: the same certificates in the same order.

    Raises:
        Violation: showing both.
    Source: ``Provider.ensure_authority``: the same id gives the same authority for ever; the rule
        ``authority.7``.
    """
    require(
        one.certificates == other.certificates,
        f"the same id gave two authorities: {_listed(one.certificates)}, then"
        f" {_listed(other.certificates)} (authority.7 in {GUARD})",
    )


def assert_same_signer(one: Signer, other: Signer) -> None:
    """Assert that two answers are one signer: the same id and the same chain.

    Raises:
        Violation: showing both.
    Source: ``Provider.prepare_signer``: idempotent by id; the rule ``signer.12``.
    """
    require(
        one == other,
        f"one signer was expected: {one.id} {_listed(one.chain)}, then"
        f" {other.id} {_listed(other.chain)} (signer.12 in {GUARD})",
    )


def _none(faults: Sequence[str], what: str, source: str) -> None:
    require(not faults, f"{what}: {'; '.join(faults)} ({source})")


def _listed(chain: Iterable[x509.Certificate]) -> str:
    return f"[{', '.join(map(named, chain))}]"
