"""Every target in its short form: seeds, what was found before, and some thousand drawn inputs."""

from itertools import islice
from random import Random

import pytest

from ca_core.acl.verifying import proven
from ca_core.agent.shownchain import ShownChains
from ca_core.identity.spiffe import parse_spiffe_id
from ca_core.testing.clock import START, FakeClock
from tests.fuzz.authorizing import ROOTS
from tests.fuzz.login import CONFIG, HONEST, KEYS
from tests.fuzz.mesh import CHAIN, NOW, OF_ANOTHER, WEB
from tests.fuzz.mutations import MOST, mutations
from tests.fuzz.seeds import SEEDS, WORDS
from tests.fuzz.targets import TARGETS

DRAWN = 5_000
"""Inputs of each target; about half a second."""

FOUND: dict[str, tuple[bytes, ...]] = {
    "request_path": (b"/;x/admin", b"/x/;/../admin", b"/admin;./../a./../a?"),
    "authorize_body": (
        SEEDS["authorize_body"][0].replace(b"/ns/default", b"/ap/deFault/ns/default"),
    ),
}
"""What fuzzing broke once, by target; none of it does so again."""


def test_every_target_has_seeds_and_words():
    """Nothing is fuzzed from nothing."""
    assert set(SEEDS) == set(WORDS) == set(TARGETS)
    assert set(FOUND) <= set(TARGETS)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_no_input_breaks_the_claim_of_a_target(name):
    """Seeds, findings and drawn inputs; the same ones each time."""
    drawn = mutations(SEEDS[name] + FOUND.get(name, ()), WORDS[name], Random(name))
    for data in islice(drawn, DRAWN):
        try:
            TARGETS[name](data)
        except Exception as error:
            error.add_note(f"target {name}, input {data!r}")
            raise


def test_the_chains_of_the_seeds_are_judged_by_what_they_say():
    """The client's own is good, another service's is not: what is drawn from them is about that."""
    chains, client = ShownChains(lambda: ROOTS, FakeClock(NOW)), parse_spiffe_id(WEB)
    assert chains.fault(CHAIN, client) == ""
    assert chains.fault(OF_ANOTHER, client) == "it does not name exactly the client"


def test_the_honest_login_of_the_seeds_is_believed():
    """What is drawn from it begins where everything is so."""
    assert proven(HONEST, CONFIG, KEYS, START).claims.values == {"sub": "web"}


def test_drawn_inputs_differ_and_stay_small():
    """The stand-in for a fuzzer changes what it is given, within bounds."""
    drawn = list(islice(mutations((b"abc", b""), ("word",), Random(1)), 500))
    assert drawn[:2] == [b"abc", b""]
    assert len(set(drawn)) > 200
    assert max(map(len, drawn)) <= MOST
