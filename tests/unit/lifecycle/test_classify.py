"""What another configuration changes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.authority.settings import CASettings
from ca_core.contract.answers import Findings
from ca_core.fields import Secret
from ca_core.identity.keys import KeySpec, KeyType
from ca_core.lifecycle.classify import classify, needs_findings, reason_for
from ca_core.lifecycle.rows import Kind

STANDING = CASettings(provider="one", config={"address": "a", "token": Secret("x")})
FOUND, NOT_FOUND = Findings(exists=True), Findings(exists=False)


@pytest.mark.parametrize(
    ("wanted", "findings", "kind"),
    [
        (STANDING, None, None),
        (replace(STANDING, provider="two"), None, Kind.SWAP),
        (replace(STANDING, key=KeySpec(KeyType.RSA, 2048)), None, Kind.ROTATE),
        (replace(STANDING, trust_corporate_root=True), None, Kind.ROTATE),
        (replace(STANDING, leaf_ttl=timedelta(hours=1)), None, Kind.SETTINGS),
        (replace(STANDING, config={"address": "b"}), FOUND, Kind.SETTINGS),
        (replace(STANDING, config={"address": "b"}), NOT_FOUND, Kind.SWAP),
    ],
)
def test_the_kind_follows_from_what_differs(wanted, findings, kind):
    """Provider and key decide alone; a provider's own keys by what it finds."""
    assert classify(STANDING, wanted, findings) is kind
    assert needs_findings(STANDING, wanted) == (findings is not None)
    assert reason_for(STANDING, wanted, kind)


@st.composite
def settings(draw):
    """Return a configuration of few possible values, so that two are often alike."""
    return CASettings(
        provider=draw(st.sampled_from(["one", "two"])),
        config=draw(st.dictionaries(st.sampled_from("ab"), st.sampled_from([1, "x", None]))),
        leaf_ttl=timedelta(hours=draw(st.integers(1, 3))),
        key=draw(st.sampled_from([KeySpec(), KeySpec(KeyType.RSA, 2048)])),
        csr_max_per_second=draw(st.sampled_from([50, 50.0, 0])),
    )


@given(settings(), settings(), st.sampled_from([None, FOUND, NOT_FOUND]))
def test_only_a_difference_is_a_change(old, new, findings):
    """Equal configurations change nothing, whatever is found; others change something."""
    assert (classify(old, new, findings) is None) == (old == new)
    assert not (old == new and needs_findings(old, new))


@given(settings(), settings())
def test_findings_count_only_where_they_are_needed(old, new):
    """A provider is asked only if its answer decides."""
    answers = {classify(old, new, findings) for findings in (FOUND, NOT_FOUND)}
    assert (len(answers) == 2) == needs_findings(old, new)
