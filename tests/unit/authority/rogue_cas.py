"""Liars about intermediates and cross-certificates."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cryptography import x509

from ca_core.authority.guard import GuardedProvider
from ca_core.contract.issuing import ca_csr
from ca_core.contract.requests import CrossSignRequest, IntermediateRequest
from ca_core.identity.keys import KeySpec, generate_key
from ca_core.testing.clock import START
from tests.unit.authority.drafts import DAY, DEADLINE, DOMAIN, Draft, draft, new_root
from tests.unit.authority.liars import CN, SECOND, UNKNOWN, Act, Liar, Rogue, World, ready
from tests.unit.authority.rogue_leaves import DNS


def sign_intermediate(ttl: timedelta = 10 * DAY) -> Act:
    """Ask for a secondary's intermediate."""

    def act(provider: GuardedProvider, liar: Liar) -> object:
        ready(provider)
        liar.lying = True
        csr = ca_csr(generate_key(KeySpec()), trust_domain=DOMAIN, label="secondary")
        return provider.sign_intermediate(
            IntermediateRequest(
                request_id="i", deadline=DEADLINE, csr=csr, trust_domain=DOMAIN, ttl=ttl
            )
        )

    return act


def cross_sign(*, not_after: timedelta = 10 * DAY, path_length: int | None = 1) -> Act:
    """Ask for a cross-certificate of another root."""

    def act(provider: GuardedProvider, liar: Liar) -> object:
        ready(provider)
        liar.lying = True
        return provider.cross_sign(
            CrossSignRequest(
                request_id="x",
                deadline=DEADLINE,
                certificate=liar.world.notes.setdefault("theirs", new_root("ca-2")).certificate,
                not_after=START + not_after,
                path_length=path_length,
            )
        )

    return act


def made(
    rule: str, what: str, change: Callable[[Draft], Draft], act: Act | None = None, **more: Any
) -> Rogue:
    """Return a liar that alters an intermediate or a cross-certificate."""
    crosses = rule.startswith("cross")

    def alter(world: World, honest: Any, _request: Any) -> object:
        return change(draft(honest)).signed(world.root.key)

    return Rogue(
        rule=rule,
        what=what,
        method="cross_sign" if crosses else "sign_intermediate",
        alter=alter,
        act=act or (cross_sign() if crosses else sign_intermediate()),
        **more,
    )


def other_key(honest: Draft) -> Draft:
    """Put another public key in."""
    return honest.but(key=generate_key(KeySpec()).public_key())


def own_names(*found: x509.GeneralName) -> Callable[[Draft], Draft]:
    """Return a change: exactly these names."""
    return lambda d: d.having(x509.SubjectAlternativeName(found), critical=False)


def path(length: int | None) -> Callable[[Draft], Draft]:
    """Return a change: this path length."""
    return lambda d: d.having(x509.BasicConstraints(ca=True, path_length=length))


def not_critical(kind: type) -> Callable[[Draft], Draft]:
    """Return a change: the extension is not critical."""
    return lambda d: d.having(d.extensions[kind][0], critical=False)


OURS = x509.UniformResourceIdentifier(f"spiffe://{DOMAIN}")
THEIRS = x509.UniformResourceIdentifier("spiffe://other.example")


def by_other(world: World, honest: Any, _request: Any) -> x509.Certificate:
    """Sign with a key that is not the root's."""
    return draft(honest).signed(world.other.key)


def serial_of_theirs(world: World, honest: Any, request: Any) -> x509.Certificate:
    """Take the serial number of the certificate that was to be cross-signed."""
    return draft(honest).but(serial=request.certificate.serial_number).signed(world.root.key)


def common(kind: str, numbers: dict[str, int]) -> list[Rogue]:
    """Return the liars that intermediates and cross-certificates share."""
    act = cross_sign() if kind == "cross" else sign_intermediate()
    method = "cross_sign" if kind == "cross" else "sign_intermediate"
    rule = {what: f"{kind}.{number}" for what, number in numbers.items()}
    wide = cross_sign(not_after=400 * DAY) if kind == "cross" else sign_intermediate(400 * DAY)
    return [
        Rogue(rule=f"{kind}.2", what="other key signs", method=method, alter=by_other, act=act),
        made(rule["aki"], "no AKI", lambda d: d.without(x509.AuthorityKeyIdentifier)),
        made(rule["key"], "another public key", other_key),
        made(rule["ca"], "no keyCertSign", lambda d: d.usage(key_cert_sign=False)),
        made(rule["ca"], "BasicConstraints not critical", not_critical(x509.BasicConstraints)),
        made(
            rule["ca"],
            "no CA",
            lambda d: d.having(x509.BasicConstraints(ca=False, path_length=None)),
            alone=False,
        ),
        made(rule["asked"], "a day more than asked", lambda d: d.but(ends=START + 11 * DAY)),
        made(rule["above"], "outlives", lambda d: d.but(ends=START + 366 * DAY), wide),
        made(rule["begin"], "valid in 61 s", lambda d: d.but(begins=START + 61 * SECOND)),
        made(rule["serial"], "a counter as serial number", lambda d: d.but(serial=7)),
        made(rule["profile"], "an unknown extension", lambda d: d.having(UNKNOWN, critical=False)),
    ]


INTERMEDIATES = [
    *common(
        "intermediate",
        {
            "aki": 3,
            "key": 4,
            "ca": 6,
            "asked": 10,
            "above": 11,
            "begin": 12,
            "serial": 13,
            "profile": 14,
        },
    ),
    made("intermediate.5", "another trust domain", own_names(THEIRS)),
    made("intermediate.5", "a DNS name too", own_names(OURS, DNS)),
    made("intermediate.5", "no SAN", lambda d: d.without(x509.SubjectAlternativeName)),
    made("intermediate.7", "no path length", path(None)),
    made("intermediate.7", "path length 1", path(1)),
    made("intermediate.8", "no subject", lambda d: d.but(subject=x509.Name([]))),
    made("intermediate.9", "no SKI", lambda d: d.without(x509.SubjectKeyIdentifier)),
]

CROSSES = [
    *common(
        "cross",
        {
            "aki": 3,
            "key": 5,
            "ca": 8,
            "asked": 10,
            "above": 11,
            "begin": 12,
            "serial": 13,
            "profile": 15,
        },
    ),
    made("cross.4", "another subject", lambda d: d.but(subject=CN)),
    made(
        "cross.6",
        "another SKI",
        lambda d: d.having(x509.SubjectKeyIdentifier(b"0" * 20), critical=False),
    ),
    made("cross.7", "another trust domain", own_names(THEIRS)),
    made("cross.7", "no SAN", lambda d: d.without(x509.SubjectAlternativeName)),
    made("cross.9", "no path length", path(None)),
    made("cross.9", "a longer path", path(2)),
    Rogue(
        rule="cross.14",
        what="the serial number of theirs",
        method="cross_sign",
        alter=serial_of_theirs,
        act=cross_sign(),
    ),
]
