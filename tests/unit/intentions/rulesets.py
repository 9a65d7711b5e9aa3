"""Sets of intentions over a few names, by hand, at random, and drawn."""

from collections.abc import Iterable
from itertools import product
from random import Random

from hypothesis import strategies as st

from ca_core.intentions.decision import Default, Why
from ca_core.intentions.model import ANY, HttpRule, Intention, Name, PathMatch, Permission, Verdict

NAMES = (*(Name(space, name) for space in ("a", "b") for name in ("x", "y", "*")), ANY)
"""Names that collide with one another in every way."""

SERVICES = tuple(name for name in NAMES if name.name != "*")

DEFAULTS = tuple(
    Default(allowed, why) for allowed in (False, True) for why in (Why.DEFAULT, Why.ACL_DEFAULT)
)

SHAPES = ("allow", "deny", "L7 allow", "L7 deny")


def intention(source: Name, destination: Name, shape: str, *, observe: bool = False) -> Intention:
    """Return an intention of one of ``SHAPES``."""
    action = Verdict(shape.removeprefix("L7 "))
    if not shape.startswith("L7"):
        return Intention(source=source, destination=destination, action=action, observe=observe)
    everything = HttpRule(match=PathMatch.PREFIX, path="/")
    permission = Permission(action=action, http=everything)
    return Intention(
        source=source,
        destination=destination,
        action=None,
        permissions=(permission,),
        observe=observe,
    )


def unique(intentions: Iterable[Intention]) -> dict[tuple[Name, Name], Intention]:
    """Return the last of each pair of names, as a store keeps them."""
    return {(one.source, one.destination): one for one in intentions}


PAIRS = tuple(product(NAMES, NAMES))

POOL = {
    pair: tuple(
        intention(*pair, shape, observe=observe)
        for shape, observe in product(SHAPES, (False, False, False, True))
    )
    for pair in PAIRS
}
"""Every intention over ``NAMES``; a quarter are observed only."""


def random_set(random: Random) -> tuple[Intention, ...]:
    """Return up to 24 intentions of different pairs, in any order."""
    return tuple(random.choice(POOL[pair]) for pair in random.sample(PAIRS, random.randrange(25)))


names = st.sampled_from(NAMES)
defaults = st.sampled_from(DEFAULTS)
intentions = st.builds(
    intention, names, names, st.sampled_from(SHAPES), observe=st.sampled_from((False, False, True))
)
rule_sets = st.lists(intentions, max_size=20).map(lambda drawn: tuple(unique(drawn).values()))
