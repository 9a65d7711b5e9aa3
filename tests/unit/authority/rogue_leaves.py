"""Liars about leaves."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca_core.authority.guard import GuardedProvider
from ca_core.contract.issuing import KeyPair
from ca_core.identity.leafcsr import new_leaf_key
from ca_core.testing.clock import START
from tests.unit.authority.drafts import DAY, DOMAIN, Draft, draft, new_root
from tests.unit.authority.liars import (
    CN,
    SECOND,
    UNKNOWN,
    Act,
    Liar,
    Rogue,
    World,
    leaf_request,
    ready,
)


def sign_leaf(**changes: Any) -> Act:
    """Sign one leaf honestly, then ask the liar."""

    def act(provider: GuardedProvider, liar: Liar) -> object:
        ready(provider)
        liar.world.notes["first"] = provider.sign_leaf(leaf_request())
        liar.lying = True
        return provider.sign_leaf(leaf_request(request_id="second", **changes))

    return act


def leaf(
    rule: str, what: str, change: Callable[[Draft], Draft], act: Act | None = None, **more: Any
) -> Rogue:
    """Return a liar that alters a leaf."""

    def alter(world: World, honest: Any, _request: Any) -> object:
        return change(draft(honest)).signed(world.signer.key)

    return Rogue(
        rule=rule, what=what, method="sign_leaf", alter=alter, act=act or sign_leaf(), **more
    )


def names(
    *extra: x509.GeneralName, critical: bool = True, uri: str = ""
) -> Callable[[Draft], Draft]:
    """Return a change: the URI (another one if given), then these names."""

    def change(honest: Draft) -> Draft:
        first = x509.UniformResourceIdentifier(
            uri or f"spiffe://{DOMAIN}/ns/default/dc/dc1/svc/web"
        )
        return honest.having(x509.SubjectAlternativeName([first, *extra]), critical=critical)

    return change


DNS = x509.DNSName("web.local")
OTHER_URI = f"spiffe://{DOMAIN}/ns/default/dc/dc1/svc/db"
PURPOSES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


def signed_by_somebody(world: World, honest: Any, _request: Any) -> x509.Certificate:
    """Sign with a key that is not the signer's."""
    return draft(honest).signed(world.other.key)


def same_serial(world: World, honest: Any, _request: Any) -> x509.Certificate:
    """Give the first leaf's serial number again."""
    first = world.notes["first"]
    return draft(honest).but(serial=first.serial_number).signed(world.signer.key)


def replayed(world: World, _honest: Any, _request: Any) -> x509.Certificate:
    """Give the first leaf again."""
    return world.notes["first"]


def same_request(provider: GuardedProvider, liar: Liar) -> object:
    """Ask for the same CSR again under another request id."""
    ready(provider)
    request = leaf_request()
    liar.world.notes["first"] = provider.sign_leaf(request)
    liar.lying = True
    return provider.sign_leaf(replace(request, request_id="second"))


def constrained_world() -> World:
    """Return a world whose root permits only DNS names below inside.example."""
    root = new_root()
    subtree = [x509.DNSName("inside.example")]
    limits = x509.NameConstraints(permitted_subtrees=subtree, excluded_subtrees=None)
    made = draft(root.certificate).having(limits).signed(root.key)
    return World(root=KeyPair(made, root.key))


def sign_without_names(**changes: Any) -> Act:
    """Sign one leaf without names, then ask for names."""

    def act(provider: GuardedProvider, liar: Liar) -> object:
        ready(provider)
        provider.sign_leaf(leaf_request(dns_names=()))
        liar.lying = True
        return provider.sign_leaf(leaf_request(request_id="second", **changes))

    return act


LEAVES = [
    Rogue(
        rule="leaf.2",
        what="signed by another key",
        method="sign_leaf",
        alter=signed_by_somebody,
        act=sign_leaf(),
    ),
    leaf("leaf.2", "another issuer name", lambda d: d.but(issuer=CN)),
    leaf(
        "leaf.3",
        "another AKI",
        lambda d: d.having(x509.AuthorityKeyIdentifier(b"0" * 20, None, None), critical=False),
    ),
    leaf("leaf.3", "no AKI", lambda d: d.without(x509.AuthorityKeyIdentifier)),
    leaf("leaf.4", "another key", lambda d: d.but(key=new_leaf_key().public_key())),
    leaf("leaf.5", "another service", names(DNS, uri=OTHER_URI)),
    leaf("leaf.5", "two URIs", names(x509.UniformResourceIdentifier(OTHER_URI), DNS)),
    leaf(
        "leaf.5",
        "no URI",
        lambda d: d.having(x509.SubjectAlternativeName([DNS])),
    ),
    leaf("leaf.6", "one more DNS name", names(DNS, x509.DNSName("bank.example"))),
    leaf("leaf.6", "an e-mail address", names(DNS, x509.RFC822Name("root@bank.example"))),
    leaf("leaf.7", "a granted name missing", names()),
    leaf("leaf.8", "a CN", lambda d: d.but(subject=CN)),
    leaf("leaf.9", "a SAN that is not critical", names(DNS, critical=False)),
    leaf("leaf.10", "no BasicConstraints", lambda d: d.without(x509.BasicConstraints)),
    leaf("leaf.10", "a CA", lambda d: d.having(x509.BasicConstraints(ca=True, path_length=None))),
    leaf("leaf.11", "no digitalSignature", lambda d: d.usage(digital_signature=False)),
    leaf("leaf.11", "no key usage", lambda d: d.without(x509.KeyUsage)),
    leaf(
        "leaf.11",
        "key usage not critical",
        lambda d: d.having(d.extensions[x509.KeyUsage][0], critical=False),
    ),
    *(
        leaf("leaf.12", bit, lambda d, bit=bit: d.usage(**{bit: True}))
        for bit in (
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "data_encipherment",
            "content_commitment",
        )
    ),
    leaf(
        "leaf.13",
        "keyEncipherment, strictly",
        lambda d: d.usage(key_encipherment=True),
        strict=True,
    ),
    leaf(
        "leaf.14",
        "server only",
        lambda d: d.having(x509.ExtendedKeyUsage(PURPOSES[:1]), critical=False),
    ),
    leaf(
        "leaf.14",
        "code signing too",
        lambda d: d.having(
            x509.ExtendedKeyUsage([*PURPOSES, ExtendedKeyUsageOID.CODE_SIGNING]), critical=False
        ),
    ),
    leaf("leaf.14", "no purpose", lambda d: d.without(x509.ExtendedKeyUsage)),
    leaf("leaf.15", "a second more than asked", lambda d: d.but(ends=START + 3 * DAY + SECOND)),
    leaf(
        "leaf.16",
        "a second more than its signer",
        lambda d: d.but(ends=START + 30 * DAY + SECOND),
        sign_leaf(not_after=START + 40 * DAY),
    ),
    leaf("leaf.17", "less than half", lambda d: d.but(ends=START + 1.4 * DAY)),
    leaf("leaf.17", "past already", lambda d: d.but(ends=START - SECOND)),
    leaf("leaf.18", "valid in 61 s", lambda d: d.but(begins=START + 61 * SECOND)),
    leaf("leaf.19", "an unknown extension", lambda d: d.having(UNKNOWN, critical=False)),
    leaf("leaf.19", "a CRL address", lambda d: d.having(crl_address(), critical=False)),
    leaf(
        "leaf.20",
        "a name outside the constraints above",
        lambda d: d,
        sign_without_names(dns_names=("web.local",)),
        world=constrained_world,
    ),
    leaf("leaf.21", "a counter as serial number", lambda d: d.but(serial=7)),
    Rogue(
        rule="leaf.22",
        what="a serial number twice",
        method="sign_leaf",
        alter=same_serial,
        act=sign_leaf(),
    ),
    Rogue(
        rule="leaf.22",
        what="an old leaf again",
        method="sign_leaf",
        alter=replayed,
        act=same_request,
    ),
]


def crl_address() -> x509.CRLDistributionPoints:
    """Return where a CRL lies."""
    name = x509.UniformResourceIdentifier("http://crl.example/1.crl")
    return x509.CRLDistributionPoints([x509.DistributionPoint([name], None, None, None)])
