"""A leaf that lacks its names is refused in words that say so."""

import pytest
from cryptography import x509

from ca_core.authority.judge import RuleBook
from ca_core.errors import GuardError
from tests.unit.authority.liars import Liar, Watch, guard
from tests.unit.authority.rogue_leaves import DNS, leaf

NAMELESS = leaf("leaf.5", "no name at all", lambda d: d.without(x509.SubjectAlternativeName))
ONLY_DNS = leaf("leaf.5", "no URI", lambda d: d.having(x509.SubjectAlternativeName([DNS])))


@pytest.mark.parametrize("rogue", [NAMELESS, ONLY_DNS], ids=str)
def test_a_leaf_without_a_uri_is_said_to_have_none(rogue):
    """What is not there is no wrong name: the reader looks elsewhere for each."""
    liar = Liar(rogue.world(), rogue.method, rogue.alter)
    with pytest.raises(GuardError, match=r"leaf\.5: it has no URI name; spiffe://\S+ was asked"):
        rogue.act(guard(liar, Watch()), liar)


def test_a_leaf_without_names_is_not_said_to_have_one_that_is_not_critical():
    """The rule about the extension's mark names the extension that is missing."""
    liar = Liar(NAMELESS.world(), NAMELESS.method, NAMELESS.alter)
    alone = RuleBook(leaf=tuple(rule for rule in RuleBook().leaf if rule.id == "leaf.9"))
    with pytest.raises(GuardError, match=r"leaf\.9: it has no alternative name"):
        NAMELESS.act(guard(liar, Watch(), rules=alone), liar)
