"""An existing CA serves one authority of a provider, until that one is retired."""

import pytest

from ca_core.contract import ConfigError, Kept, KeySpec, KeyType, claim_ca, release_claims
from ca_core.testing import MemoryProviderState, provider_context
from tests.unit.providers.authorities import own_root

ONE = own_root().certificate
OTHER = own_root(KeySpec(KeyType.EC, 384)).certificate
WHERE = "ca.config.address"


@pytest.fixture
def lent():
    """Lend contexts for authorities of one provider in one cluster."""
    state = MemoryProviderState()
    return lambda authority: provider_context(authority, state=state)


def claim(certificate, context):
    """Claim a CA that one setting names."""
    claim_ca(certificate, context, where=WHERE)


def test_a_claimed_ca_is_refused_to_a_second_authority(lent):
    """The error names who has it and the setting that an operator must change."""
    claim(ONE, lent("a1"))
    with pytest.raises(ConfigError, match="this CA serves authority 'a1' already") as refused:
        claim(ONE, lent("a2"))
    assert refused.value.where == WHERE


def test_claiming_again_is_safe(lent):
    """Another server of the same authority finds the CA claimed for itself."""
    claim(ONE, lent("a1"))
    before = lent("a1").state.keys()
    claim(ONE, lent("a1"))
    assert lent("a1").state.keys() == before


def test_an_authority_may_claim_a_second_ca(lent):
    """A claim is of one certificate: another CA is free."""
    claim(ONE, lent("a1"))
    claim(OTHER, lent("a1"))
    with pytest.raises(ConfigError):
        claim(OTHER, lent("a2"))


def test_a_released_ca_is_free(lent):
    """What was claimed for an authority is gone, all of it, and a repeat changes nothing."""
    for certificate in (ONE, OTHER):
        claim(certificate, lent("a1"))
    for _ in range(2):
        release_claims(lent("a1"))
        assert lent("a1").state.keys() == ()
    claim(ONE, lent("a2"))
    claim(OTHER, lent("a2"))


def test_an_authority_releases_its_own_claims_alone(lent):
    """Whoever retires does not free what another authority has."""
    claim(ONE, lent("a1"))
    claim(OTHER, lent("a2"))
    release_claims(lent("a2"))
    with pytest.raises(ConfigError, match="'a1'"):
        claim(ONE, lent("a2"))


def test_a_claim_that_a_retired_authority_left_is_taken_over(lent):
    """A server that claimed while another one retired its authority blocks nobody."""
    claim(ONE, lent("a1"))
    Kept(lent("a1")).retire()
    claim(ONE, lent("a2"))
    with pytest.raises(ConfigError, match="'a2'"):
        claim(ONE, lent("a3"))


class RacedState(MemoryProviderState):
    """Lets another authority claim the CA at the moment a stale claim is dropped."""

    def __init__(self, winner):
        super().__init__()
        self._winner = winner

    def replace(self, key, old, new):
        """Drop the claim; the winner is there first."""
        done = super().replace(key, old, new)
        self.create(key, self._winner)
        return done


def test_of_two_that_take_a_stale_claim_over_one_gets_the_ca():
    """The loser is refused with the winner's name, and the winner's claim stands."""
    state = RacedState("quicker")
    claim(ONE, provider_context("a1", state=state))
    Kept(provider_context("a1", state=state)).mark_retired()
    with pytest.raises(ConfigError, match="'quicker'"):
        claim(ONE, provider_context("slower", state=state))
    claim(ONE, provider_context("quicker", state=state))
