"""The guard's rules, asked one at a time: the kit judges by the same lists as the core."""

from ca_core.authority.authorityrules import AUTHORITY_RULES, AuthorityFacts
from ca_core.authority.carules import CROSS_RULES, INTERMEDIATE_RULES, CrossFacts, IntermediateFacts
from ca_core.authority.documentrules import CRL_RULES, CSR_RULES, CrlFacts, CsrFacts
from ca_core.authority.leafrules import LEAF_RULES, LeafFacts
from ca_core.authority.rules import Rule, first_broken
from ca_core.authority.signerrules import SIGNER_RULES, SignerFacts
from ca_core.testing.conformance.verdict import Violation

Facts = (
    LeafFacts | IntermediateFacts | CrossFacts | AuthorityFacts | SignerFacts | CsrFacts | CrlFacts
)
"""What came back, what was asked, and what stands above it."""

_RULES: dict[str, Rule[Facts]] = {
    rule.id: rule  # type: ignore[misc] # each rule meets facts of its own kind, by its id
    for rules in (
        LEAF_RULES,
        INTERMEDIATE_RULES,
        CROSS_RULES,
        AUTHORITY_RULES,
        SIGNER_RULES,
        CSR_RULES,
        CRL_RULES,
    )
    for rule in rules
}


def hold(facts: Facts, *rules: str) -> None:
    """Fail the check with the first of the guard's ``rules`` that does not hold.

    Args:
        facts: of the kind that these rules are about.
        rules: ids as in the guard's numbered lists, for example ``leaf.5``.

    Raises:
        Violation: with that rule's own sentence.
    """
    broken = first_broken([_RULES[rule] for rule in rules], facts)
    if broken is not None:
        raise Violation(broken.fault)
