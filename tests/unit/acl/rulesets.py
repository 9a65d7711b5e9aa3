"""Sets of rules, drawn; and the slow, direct reading of what rules say."""

from hypothesis import strategies as st

from ca_core.acl.rules import NAMELESS, Level, Resource, Rule

NAMES = st.text("ab*", max_size=4)
LEVELS = st.sampled_from(Level)
NAMED = sorted(set(Resource) - NAMELESS)

ANY_RULE = st.builds(
    Rule, resource=st.sampled_from(Resource), name=NAMES, level=LEVELS, prefix=st.booleans()
)
INTENTION_RULE = st.builds(
    Rule, resource=st.just(Resource.INTENTION), name=NAMES, level=LEVELS, prefix=st.booleans()
)
RULES = st.lists(ANY_RULE, max_size=12).map(tuple)
INTENTION_RULES = st.lists(INTENTION_RULE, max_size=8).map(tuple)

FRESH = "z"
"""Ends no name that is drawn: a name with it is matched by prefixes alone."""


def strictest(levels):
    """Deny, else write, else read."""
    if Level.DENY in levels:
        return Level.DENY
    return max(levels)


def read_slowly(rules, resource, name):
    """Return the level of a name: exact rules, else those of the longest prefix, else None."""
    about = [rule for rule in rules if rule.resource is resource]
    if resource in NAMELESS:
        return strictest([rule.level for rule in about]) if about else None
    exact = [rule.level for rule in about if not rule.prefix and rule.name == name]
    if exact:
        return strictest(exact)
    ahead = [rule for rule in about if rule.prefix and name.startswith(rule.name)]
    if not ahead:
        return None
    longest = max(len(rule.name) for rule in ahead)
    return strictest([rule.level for rule in ahead if len(rule.name) == longest])


def universe(rules):
    """Return names enough to meet every rule: those written, and one beyond each."""
    written = {rule.name for rule in rules}
    return {*written, *(name + FRESH for name in written), FRESH}
