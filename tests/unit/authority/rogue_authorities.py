"""Liars about authorities."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509

from ca_core.authority.guard import GuardedProvider
from ca_core.contract.answers import TrustChain
from ca_core.contract.issuing import KeyPair
from ca_core.errors import PendingError
from ca_core.identity.keys import KeySpec, generate_key
from ca_core.testing.clock import START
from tests.unit.authority.drafts import DAY, Draft, draft, new_intermediate, new_root
from tests.unit.authority.liars import (
    P384,
    SECOND,
    UNKNOWN,
    Act,
    Liar,
    Rogue,
    World,
    authority_request,
    install_request,
)
from tests.unit.authority.rogue_cas import OURS, THEIRS, own_names


def ensure(provider: GuardedProvider, liar: Liar) -> object:
    """Ask for the authority."""
    liar.lying = True
    return provider.ensure_authority(authority_request())


def ensure_twice(provider: GuardedProvider, liar: Liar) -> object:
    """Ask for the authority honestly, then ask the liar."""
    provider.ensure_authority(authority_request())
    return ensure(provider, liar)


def install(provider: GuardedProvider, liar: Liar) -> object:
    """Ask for an outside signature, get one, hand it in."""
    corporate = liar.world.notes["corporate"]
    with pytest.raises(PendingError):
        provider.ensure_authority(authority_request())
    liar.lying = True
    key = liar.world.notes.get("installed key", liar.world.root.key)
    chain = (from_corporate(corporate, key), corporate.certificate)
    return provider.install_authority(install_request(chain, "ca-1"))


def from_corporate(corporate: KeyPair, key: Any) -> x509.Certificate:
    """Return a primary CA signed by the corporate one."""
    issued = new_intermediate(corporate, key=key).certificate
    return draft(issued).having(x509.BasicConstraints(ca=True, path_length=2)).signed(corporate.key)


def outside_world(**notes: Any) -> World:
    """Return a world whose root is signed outside."""
    world = World(external=True)
    world.notes.update(corporate=new_root("corporate"), **notes)
    return world


def root(
    rule: str,
    what: str,
    change: Callable[[Draft], Draft],
    act: Act = ensure,
    *,
    by: Callable[[World], Any] = lambda world: world.root.key,
    **more: Any,
) -> Rogue:
    """Return a liar that alters the primary CA."""

    def alter(world: World, honest: Any, _request: Any) -> object:
        return TrustChain((change(draft(honest.primary)).signed(by(world)),))

    return Rogue(rule=rule, what=what, method="ensure_authority", alter=alter, act=act, **more)


def fresh_root(_world: World, _honest: Any, _request: Any) -> TrustChain:
    """Return another root."""
    return TrustChain((new_root().certificate,))


def stronger_root(_world: World, _honest: Any, _request: Any) -> TrustChain:
    """Return a root with another kind of key."""
    return TrustChain((new_root(spec=P384).certificate,))


def signed_again(world: World, honest: Any, _request: Any) -> TrustChain:
    """Return another certificate for the same key."""
    again = from_corporate(world.notes["corporate"], world.root.key)
    return TrustChain((again, *honest.certificates[1:]))


AUTHORITIES = [
    root("authority.2", "no keyCertSign", lambda d: d.usage(key_cert_sign=False)),
    root("authority.2", "no SKI", lambda d: d.without(x509.SubjectKeyIdentifier), alone=False),
    root("authority.2", "a critical extension nobody knows", lambda d: d.having(UNKNOWN)),
    root("authority.3", "expired", lambda d: d.but(begins=START - DAY, ends=START - SECOND)),
    root("authority.3", "not valid yet", lambda d: d.but(begins=START + DAY)),
    root("authority.4", "a false root", lambda d: d, by=lambda world: world.other.key),
    Rogue(
        rule="authority.5",
        what="another kind of key",
        method="ensure_authority",
        alter=stronger_root,
        act=ensure,
    ),
    root("authority.6", "another trust domain", own_names(THEIRS)),
    root("authority.6", "two trust domains", own_names(OURS, THEIRS)),
    Rogue(
        rule="authority.7",
        what="another root for the same id",
        method="ensure_authority",
        alter=fresh_root,
        act=ensure_twice,
    ),
    Rogue(
        rule="authority.8",
        what="another certificate than installed",
        method="install_authority",
        alter=signed_again,
        act=install,
        world=outside_world,
    ),
    Rogue(
        rule="authority.9",
        what="took a chain for another key",
        method="install_authority",
        alter=lambda _world, honest, _request: honest,
        act=install,
        world=lambda: outside_world(**{"installed key": generate_key(KeySpec())}),
    ),
]
