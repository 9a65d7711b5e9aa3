"""Every rule of the guard has a provider that only it stops."""

import re
from dataclasses import fields
from datetime import timedelta

import pytest

from ca_core.authority import authorityrules, carules, documentrules, leafrules, signerrules
from ca_core.authority.judge import RuleBook
from ca_core.contract.issuing import BACKDATE
from ca_core.errors import GuardError
from tests.unit.authority.liars import (
    Liar,
    Rogue,
    Watch,
    World,
    guard,
    without,
)
from tests.unit.authority.rogue_authorities import AUTHORITIES
from tests.unit.authority.rogue_cas import CROSSES, INTERMEDIATES, cross_sign, sign_intermediate
from tests.unit.authority.rogue_documents import DOCUMENTS, ask_crl, ask_cross_csr, ask_csr_twice
from tests.unit.authority.rogue_leaves import LEAVES, sign_leaf
from tests.unit.authority.rogue_signers import SIGNERS, install_signer, prepare_twice

MODULES = (leafrules, carules, authorityrules, signerrules, documentrules)
ROGUES = [*LEAVES, *INTERMEDIATES, *CROSSES, *AUTHORITIES, *SIGNERS, *DOCUMENTS]


def documented() -> list[str]:
    """Return the ids in the docstrings, in order."""
    text = "\n".join(module.__doc__ or "" for module in MODULES)
    return re.findall(r"^- ([a-z]+\.\d+) ", text, flags=re.MULTILINE)


@pytest.mark.parametrize("rogue", ROGUES, ids=str)
def test_a_rogue_is_stopped_by_its_own_rule_and_nothing_is_released(rogue: Rogue):
    """A provider with one lie gets exactly that rule's violation, counted once, named."""
    watch, liar = Watch(), Liar(rogue.world(), rogue.method, rogue.alter)
    with pytest.raises(GuardError) as caught:
        rogue.act(guard(liar, watch, strict=rogue.strict), liar)
    assert caught.value.rule == rogue.rule
    assert caught.value.provider == "liar"
    assert watch.violations == [caught.value]
    assert not watch.bugs


@pytest.mark.parametrize("rogue", [r for r in ROGUES if r.alone], ids=str)
def test_without_its_rule_a_rogue_gets_through(rogue: Rogue):
    """Nothing else stops the lie: each rule is needed."""
    watch, liar = Watch(), Liar(rogue.world(), rogue.method, rogue.alter)
    rogue.act(guard(liar, watch, strict=rogue.strict, rules=without(rogue.rule)), liar)
    assert not watch.violations


def test_every_documented_rule_has_a_rogue_that_it_alone_stops():
    """The docstrings, the code and the liars speak of the same rules, in the same order."""
    book = RuleBook()
    coded = [rule.id for f in fields(RuleBook) for rule in getattr(book, f.name)]
    listed = [rule for rule in documented() if not rule.endswith(".1")]
    assert sorted(coded) == sorted(listed)
    assert {rogue.rule for rogue in ROGUES if rogue.alone} == set(coded)


def test_rules_are_numbered_without_gaps_and_kept_in_order():
    """Each list counts from 1, in the docstring as in the code."""
    book = RuleBook()
    for name in ("leaf", "intermediate", "cross", "authority", "csr", "crl"):
        coded = [rule.id for rule in getattr(book, name)]
        expected = [f"{name}.{number}" for number in range(1, len(coded) + 2)]
        assert [f"{name}.1", *coded] == expected
        assert [rule for rule in documented() if rule.startswith(f"{name}.")] == expected
    signers = [rule.id for rule in (*book.signer, *book.reach)]
    assert signers == [f"signer.{number}" for number in range(2, len(signers) + 2)]


def test_an_honest_provider_passes_every_rule():
    """The liar's honest answers are released, so each rogue differs by its lie alone."""
    watch = Watch()
    for act in (
        sign_leaf(),
        sign_intermediate(),
        cross_sign(),
        prepare_twice,
        install_signer,
        ask_csr_twice,
        ask_cross_csr,
        ask_crl,
    ):
        liar = Liar(World(), "nothing", lambda _world, honest, _request: honest)
        act(guard(liar, watch, strict=True), liar)
    assert not watch.violations
    assert timedelta() < BACKDATE
