"""Liars about signers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cryptography import x509

from ca_core.authority.guard import GuardedProvider
from ca_core.contract.answers import Signer, TrustChain
from ca_core.identity.certificates import fingerprint
from ca_core.identity.keys import KeySpec, generate_key
from ca_core.testing.clock import START
from tests.unit.authority.drafts import DAY, Draft, draft, new_intermediate, new_root
from tests.unit.authority.liars import (
    P384,
    UNKNOWN,
    Act,
    Liar,
    Rogue,
    World,
    authority_request,
    install_request,
    ready,
    signer_request,
)
from tests.unit.authority.rogue_cas import THEIRS, own_names, path


def prepare(ttl: timedelta = 30 * DAY) -> Act:
    """Ask for a signer."""

    def act(provider: GuardedProvider, liar: Liar) -> object:
        provider.ensure_authority(authority_request())
        liar.lying = True
        return provider.prepare_signer(signer_request(ttl))

    return act


def prepare_twice(provider: GuardedProvider, liar: Liar) -> object:
    """Ask for a signer honestly, then ask the liar."""
    ready(provider)
    liar.lying = True
    return provider.prepare_signer(signer_request())


def install_signer(provider: GuardedProvider, liar: Liar) -> object:
    """Let the primary sign the secondary's CSR, and hand the chain in."""
    provider.intermediate_csr(signer_request())
    liar.lying = True
    key = liar.world.notes.get("installed key", liar.world.signer.key)
    chain = (new_intermediate(liar.world.root, key=key).certificate, liar.world.root.certificate)
    return provider.install_intermediate(install_request(chain, "signer-1"))


def check_bundles(provider: GuardedProvider, liar: Liar) -> object:
    """Ask whether a stranger's bundle leads to the signer."""
    ready(provider)
    chain = (liar.world.signer.certificate, liar.world.root.certificate)
    held = frozenset({fingerprint(liar.world.notes.setdefault("old", new_root()).certificate)})
    provider.check_signer(Signer("signer-1", chain), TrustChain(chain[1:]), (held,))
    return None


def signer(
    rule: str, what: str, change: Callable[[Draft], Draft], act: Act | None = None, **more: Any
) -> Rogue:
    """Return a liar that alters the signer."""

    def alter(world: World, honest: Any, _request: Any) -> object:
        altered = change(draft(honest.certificate)).signed(world.root.key)
        return Signer(honest.id, (altered, *honest.chain[1:]))

    return Rogue(
        rule=rule, what=what, method="prepare_signer", alter=alter, act=act or prepare(), **more
    )


def under_other_root(_world: World, honest: Any, _request: Any) -> Signer:
    """Return a signer under another root."""
    other = new_root("ca-2")
    return Signer(honest.id, (new_intermediate(other).certificate, other.certificate))


def made_again(world: World, honest: Any, _request: Any) -> Signer:
    """Return another certificate for the signer's key."""
    again = new_intermediate(world.root, key=world.signer.key)
    return Signer(honest.id, (again.certificate, *honest.chain[1:]))


SIGNERS = [
    Rogue(
        rule="signer.2",
        what="another id",
        method="prepare_signer",
        alter=lambda _world, honest, _request: Signer("signer-2", honest.chain),
        act=prepare(),
    ),
    signer("signer.3", "no keyCertSign", lambda d: d.usage(key_cert_sign=False)),
    signer("signer.3", "no AKI", lambda d: d.without(x509.AuthorityKeyIdentifier)),
    signer("signer.3", "not valid yet", lambda d: d.but(begins=START + DAY)),
    signer("signer.3", "no subject", lambda d: d.but(subject=x509.Name([]))),
    Rogue(
        rule="signer.4",
        what="under another root",
        method="prepare_signer",
        alter=under_other_root,
        act=prepare(),
    ),
    signer("signer.5", "outlives", lambda d: d.but(ends=START + 366 * DAY), prepare(400 * DAY)),
    signer("signer.6", "a day more than asked", lambda d: d.but(ends=START + 31 * DAY)),
    signer("signer.7", "stronger key", lambda d: d.but(key=generate_key(P384).public_key())),
    Rogue(
        rule="signer.8",
        what="took a chain for another key",
        method="install_intermediate",
        alter=lambda _world, honest, _request: honest,
        act=install_signer,
        world=lambda: _with_note("installed key", generate_key(KeySpec())),
    ),
    signer("signer.9", "no path length", path(None)),
    signer("signer.10", "another trust domain", own_names(THEIRS)),
    signer("signer.10", "no SAN", lambda d: d.without(x509.SubjectAlternativeName)),
    signer("signer.11", "an unknown extension", lambda d: d.having(UNKNOWN, critical=False)),
    Rogue(
        rule="signer.12",
        what="another certificate for the same id",
        method="prepare_signer",
        alter=made_again,
        act=prepare_twice,
    ),
    Rogue(
        rule="signer.13",
        what="another certificate than installed",
        method="install_intermediate",
        alter=made_again,
        act=install_signer,
    ),
    Rogue(
        rule="signer.14",
        what="a bundle without its anchor",
        method="",
        alter=lambda _world, honest, _request: honest,
        act=check_bundles,
    ),
]


def _with_note(name: str, value: Any) -> World:
    world = World()
    world.notes[name] = value
    return world
