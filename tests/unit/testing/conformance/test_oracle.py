"""The kit's judge is the guard's: one rule at a time, by its id."""

import dataclasses

import pytest

from ca_core.authority.judge import RuleBook
from ca_core.contract import KeySpec, KeyType, generate_key
from ca_core.testing import FakeClock, reference_plugin
from ca_core.testing.conformance import Arena, ProviderUnderTest, Violation
from ca_core.testing.conformance.oracle import hold
from ca_core.testing.conformance.scenes import Scene, scene
from ca_core.testing.conformance.tempo import Tempo
from tests.unit.authority.drafts import draft


@pytest.fixture
def here() -> Scene:
    """Return an authority of the reference provider with its signer."""
    subject = ProviderUnderTest(provider=reference_plugin(), make_config=lambda _address: {})
    return scene(Arena(subject, reference_plugin(), Tempo(FakeClock(), KeySpec()), frozenset()))


def test_every_rule_of_the_guard_about_a_leaf_holds_for_an_honest_one(here):
    """With names and without, nothing is found."""
    for facts in here.leaves():
        hold(facts, *(rule.id for rule in RuleBook().leaf))


def test_only_the_rule_that_was_asked_for_is_asked(here):
    """A leaf with a fault passes another rule, and fails with that rule's own sentence."""
    facts = here.leaf(here.requests()[0])
    nameless = draft(facts.certificate).but(subject=here.signer.certificate.subject)
    wrong = dataclasses.replace(facts, certificate=nameless.signed(generate_key(KeySpec())))
    hold(wrong, "leaf.4")
    with pytest.raises(Violation, match="its subject is not empty"):
        hold(wrong, "leaf.8")


def test_a_rule_that_does_not_exist_is_a_mistake_of_the_check(here):
    """A misspelt id never passes for a rule that holds."""
    with pytest.raises(KeyError):
        hold(here.signer_facts(), "signer.99")


def test_a_signer_may_have_another_key_than_its_authority(here):
    """Facts carry what was asked, so that the rule about keys has something to compare."""
    ed25519 = KeySpec(KeyType.ED25519)
    facts = here.signer_facts(here.mesh.prepare(key=ed25519), key=ed25519)
    hold(facts, "signer.7")
    with pytest.raises(Violation, match="not ed25519"):
        hold(here.signer_facts(here.mesh.prepare(), key=ed25519), "signer.7")
