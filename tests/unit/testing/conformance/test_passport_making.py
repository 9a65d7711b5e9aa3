"""From a run to a passport: what may be stated, and that both sides count levels alike."""

import dataclasses
import sys
from typing import get_args

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ca_core.authority import passports
from ca_core.authority.passports import level_shown, parse_passport, signer_of
from ca_core.contract import ConfigError, KeySpec
from ca_core.testing.conformance import CHECKS, Level, Outcome, Result
from ca_core.testing.conformance.passport import (
    _stated,
    provable_digest,
    signed_report,
    statement_of,
    written_passport,
)
from ca_core.testing.conformance.results import reached
from tests.unit.authority.installing import PROVIDER, Installed
from tests.unit.testing.conformance.reporting import report, result

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
MODULE = "ca_provider_for_making"


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Return an installed distribution, on the path."""
    monkeypatch.syspath_prepend(tmp_path)
    return Installed(tmp_path, {f"{MODULE}.py": PROVIDER}, module=MODULE)


@pytest.fixture
def whole():
    """Return a report in which every check of L1 passed."""
    return dataclasses.replace(
        report(provider="tiny", distribution="ca-provider-tiny", entry_point=MODULE),
        results=tuple(
            Result(check=check, outcome=Outcome.PASSED) for check in CHECKS.up_to(Level.L1)
        ),
    )


def test_a_run_becomes_a_statement(tiny, whole):
    """Every check is in it, by id, and what was installed."""
    raw = signed_report(whole, digest=tiny.digest, keys=[KeySpec()], key=KEY)
    passport = parse_passport(raw)
    assert signer_of(passport, [KEY.public_key()])
    stated = passport.statement
    assert [one.id for one in stated.results] == sorted(c.id for c in CHECKS.up_to(Level.L1))
    assert (stated.level_asked, stated.level_reached) == ("L1", "L1")
    assert stated.distribution_sha256 == provable_digest("ca-provider-tiny", MODULE)
    assert stated.keys == ("ec-256",)


def test_a_provider_that_is_not_installed_gets_none():
    """There are no bytes to speak of; it is told before the checks run."""
    with pytest.raises(ConfigError, match="installed distribution") as caught:
        provable_digest("", "")
    assert "pip install" in caught.value.hint


def test_an_editable_installation_gets_none(tiny):
    """Nothing can be stated of files that change under it."""
    tiny.make_editable()
    with pytest.raises(ConfigError, match="editable"):
        provable_digest("ca-provider-tiny", MODULE)


def test_a_run_with_checks_left_out_gets_none(tiny, whole):
    """One chosen check is not a level."""
    partial = dataclasses.replace(whole, left_out=3)
    with pytest.raises(ConfigError, match="3 checks of L1 were left out"):
        statement_of(partial, digest=tiny.digest, keys=[])


def test_a_run_of_other_checks_gets_none(tiny, whole):
    """Checks that the kit does not know prove nothing to others."""
    other = dataclasses.replace(whole, results=(*whole.results, result(Outcome.PASSED, "own.one")))
    with pytest.raises(ConfigError, match="not the kit's"):
        statement_of(other, digest=tiny.digest, keys=[])


def test_a_run_that_reached_no_level_gets_none(tiny, whole):
    """There is nothing to state."""
    failed = tuple(dataclasses.replace(one, outcome=Outcome.FAILED) for one in whole.results)
    with pytest.raises(ConfigError, match="no level was reached"):
        statement_of(dataclasses.replace(whole, results=failed), digest=tiny.digest, keys=[])


@pytest.mark.usefixtures("tiny")
def test_files_changed_during_the_run_are_noticed(whole):
    """The passport is for the bytes that were tried."""
    with pytest.raises(ConfigError, match="changed while"):
        statement_of(whole, digest="0" * 64, keys=[])


def test_a_passport_is_written_whole(tmp_path):
    """Its folder is made, and no draft stays."""
    written_passport(b"one", tmp_path / "new" / "tiny.json")
    written_passport(b"two", tmp_path / "new" / "tiny.json")
    (only,) = (tmp_path / "new").iterdir()
    assert only.read_bytes() == b"two"


outcomes = st.lists(st.tuples(st.sampled_from(Level), st.sampled_from(Outcome)), max_size=12)


@given(outcomes, st.sampled_from(Level))
def test_the_checker_counts_levels_as_the_kit_does(pairs, asked):
    """A statement that the kit makes is never refused as incoherent."""
    results = [result(one, f"a.r{n}", level) for n, (level, one) in enumerate(pairs)]
    found = reached(results, asked)
    stated = _stated(report(*results))
    named = [one for one in stated if one.id.startswith("a.r")]
    assert level_shown(named, asked.name) == (None if found is None else found.name)


def test_both_sides_have_the_same_words():
    """Levels and outcomes of a passport are those of the kit."""
    assert list(passports.LEVELS) == [level.name for level in Level]
    assert set(get_args(passports.Outcome)) == {outcome.value for outcome in Outcome}


@pytest.mark.usefixtures("tiny")
def test_making_a_passport_imports_nothing_of_the_provider():
    """Its digest is of files."""
    provable_digest("ca-provider-tiny", MODULE)
    assert MODULE not in sys.modules
