"""Which bundles a signer reaches: by its own chain, a corporate root, or a cross-certificate."""

from typing import Any

import pytest
from cryptography import x509

from ca_core.authority import known, signerrules
from ca_core.contract.answers import Signer, TrustChain
from ca_core.contract.issuing import KeyPair, issue_cross_certificate
from ca_core.contract.requests import (
    CrossSignRequest,
)
from ca_core.errors import (
    GuardError,
)
from ca_core.identity.certificates import fingerprint
from ca_core.identity.keys import KeySpec, generate_key
from ca_core.testing.clock import START
from tests.unit.authority.drafts import (
    DAY,
    DEADLINE,
    draft,
    new_intermediate,
    new_root,
)
from tests.unit.authority.liars import (
    Watch,
    World,
    guard,
    leaf_request,
    lying,
    ready,
    stored,
)

D: dict[str, Any] = {"request_id": "r", "deadline": DEADLINE}


def test_a_chain_is_walked_once_per_signer_and_bundle(monkeypatch: pytest.MonkeyPatch):
    """A thousand leaves cost no path walk; a new bundle costs one."""
    walks = []
    honest = signerrules.path_faults
    monkeypatch.setattr(
        signerrules, "path_faults", lambda *a, **k: walks.append(1) or honest(*a, **k)
    )
    rogue = lying()
    signer, chain, bundle = stored(rogue.world)
    provider = ready(guard(rogue, Watch()))
    prepared = len(walks)
    for number in range(20):
        provider.sign_leaf(leaf_request(request_id=str(number)))
        provider.check_signer(signer, chain, (bundle,))
    assert len(walks) == prepared + 1
    provider.check_signer(signer, chain, (bundle, bundle | {"more"}))
    assert len(walks) == prepared + 2


def test_a_refused_bundle_is_refused_again():
    """Only good verdicts are remembered."""
    rogue = lying()
    signer, chain, _ = stored(rogue.world)
    watch = Watch()
    provider = ready(guard(rogue, watch))
    for _ in range(2):
        with pytest.raises(GuardError):
            provider.check_signer(signer, chain, (frozenset({"nothing we know"}),))
    assert len(watch.violations) == 2


def crossed(world: World, old: KeyPair, **changes: Any) -> x509.Certificate:
    """Return the world's root, cross-signed by an older one."""
    request = CrossSignRequest(
        **D,
        certificate=world.root.certificate,
        not_after=START + 20 * DAY,
        path_length=changes.get("path_length", 1),
    )
    return issue_cross_certificate(old, request, now=START)


def test_a_cross_certificate_leads_to_an_old_bundle():
    """Agents that hold only the old anchor reach the new signer by the cross-certificate."""
    rogue, old = lying(), new_root("ca-0")
    signer, chain, _ = stored(rogue.world)
    held = frozenset({fingerprint(old.certificate)})
    provider = ready(guard(rogue, Watch()))
    way = (crossed(rogue.world, old), old.certificate)
    provider.check_signer(signer, chain, (held,), crosses=(way,))


@pytest.mark.parametrize("what", ["none", "path length", "other CA", "anchor"])
def test_a_cross_certificate_that_does_not_fit_leads_nowhere(what: str):
    """None, too short, of another CA, under another anchor: the old bundle is not reached."""
    rogue, old = lying(), new_root("ca-0")
    signer, chain, _ = stored(rogue.world)
    held = frozenset({fingerprint(old.certificate)})
    other = World(root=new_root("ca-3"))
    ways = {
        "none": (),
        "path length": ((crossed(rogue.world, old, path_length=0), old.certificate),),
        "other CA": ((crossed(other, old), old.certificate),),
        "anchor": ((crossed(rogue.world, new_root("ca-0")), old.certificate),),
    }
    provider = ready(guard(rogue, Watch()))
    with pytest.raises(GuardError) as caught:
        provider.check_signer(signer, chain, (held,), crosses=ways[what])
    assert caught.value.rule == "signer.14"


def test_a_corporate_root_in_a_bundle_is_an_anchor_too():
    """With ``trust_corporate_root`` agents hold the corporate root, not the primary CA."""
    corporate = new_root("corporate")
    issued = draft(new_intermediate(corporate, key=generate_key(KeySpec())).certificate)
    key = generate_key(KeySpec())
    primary = (
        issued.but(key=key.public_key())
        .having(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .having(x509.BasicConstraints(ca=True, path_length=2))
        .signed(corporate.key)
    )
    world = World(root=KeyPair(primary, key))
    chain = TrustChain((primary, corporate.certificate))
    rogue = lying("ensure_authority", lambda _world, _honest, _request: chain, world=world)
    provider = ready(guard(rogue, Watch()))
    signer = Signer("signer-1", (world.signer.certificate, primary))
    held = frozenset({fingerprint(corporate.certificate)})
    provider.check_signer(signer, chain, (held,))


def test_verdicts_are_remembered_within_bounds():
    """Endless changes of bundles do not fill the memory."""
    world = World()
    signer, chain, bundle = stored(world)
    found = known.known_signer(signer, chain)
    for number in range(known.VERDICTS_REMEMBERED + 5):
        found.remember_reached(bundle | {str(number)}, ())
    assert 0 < len(found.reached) <= known.VERDICTS_REMEMBERED
