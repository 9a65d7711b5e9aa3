"""What a provider needs whose keys are elsewhere: marks before removal, checks by public key."""

from datetime import timedelta

import pytest

from ca_core.contract import (
    ROOT,
    AuthorityRetiredError,
    Kept,
    KeySpec,
    RequestError,
    authority_faults,
    generate_key,
    issue_root,
    signer_name,
)
from ca_core.testing.lending import TRUST_DOMAIN, provider_context


def test_a_marked_authority_is_dead_and_still_knows_its_names():
    """What must be removed elsewhere can be found after the id is dead."""
    kept = Kept(provider_context())
    kept.claim(signer_name("s"), KeySpec())
    kept.mark_retired()
    with pytest.raises(AuthorityRetiredError):
        kept.claim(ROOT, KeySpec())
    assert kept.names() == (signer_name("s"),)


def test_a_marked_signer_is_dead_alone():
    """Other signers of the authority are not touched by a mark."""
    kept = Kept(provider_context())
    kept.claim(signer_name("s"), KeySpec())
    kept.mark_retired("s")
    with pytest.raises(RequestError, match="retired"):
        kept.claim(signer_name("s"), KeySpec())
    kept.claim(signer_name("s-2"), KeySpec())
    assert set(kept.names()) == {signer_name("s"), signer_name("s-2")}


def test_a_chain_is_checked_against_a_public_key():
    """Whose private key never leaves its backend is known by the public half."""
    key, context = generate_key(KeySpec()), provider_context()
    now = context.clock.now()
    root = issue_root(key, trust_domain=TRUST_DOMAIN, label="root", now=now, ttl=timedelta(days=1))

    def faults(of):
        return authority_faults(
            [root], key=of, trust_domain=TRUST_DOMAIN, now=now, signs_leaves=False
        )

    assert faults(key.public_key()) == faults(key) == ()
    assert "does not belong" in faults(generate_key(KeySpec()).public_key())[0]
