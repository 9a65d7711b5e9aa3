"""A grant is worth something to one agent, for one token, for a while."""

import base64
import hashlib
import hmac
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca_core.acl.grants import GRANT_LIFE, life_left, new_terms, opened, sealed
from ca_core.errors import DeniedError
from ca_core.testing.clock import START

KEY = b"k" * 32
AGENT = "spiffe://mesh/agent/client/dc/dc1/id/n1"
TERMS = new_terms("ab", AGENT, START, None)
SECOND = timedelta(seconds=1)


def test_a_grant_opens_to_what_was_sealed():
    """The same terms, until the last moment."""
    grant = sealed(TERMS, KEY)
    assert opened(grant, KEY, agent=AGENT, now=START) == TERMS
    assert opened(grant, KEY, agent=AGENT, now=START + GRANT_LIFE - SECOND) == TERMS


@pytest.mark.parametrize(
    ("key", "agent", "now", "why"),
    [
        (b"j" * 32, AGENT, START, "not of this cluster"),
        (KEY, AGENT.replace("n1", "n2"), START, "another agent"),
        (KEY, AGENT, START + GRANT_LIFE, "expired"),
    ],
)
def test_it_opens_for_nobody_else_and_not_for_ever(key, agent, now, why):
    """Another cluster, another agent, an hour later."""
    with pytest.raises(DeniedError, match=why):
        opened(sealed(TERMS, KEY), key, agent=agent, now=now)


def test_it_never_outlives_its_token():
    """A token that ends sooner ends its grant."""
    terms = new_terms("ab", AGENT, START, START + 90 * SECOND)
    assert life_left(terms, START) == 90 * SECOND
    assert life_left(new_terms("ab", AGENT, START, START + 2 * GRANT_LIFE), START) == GRANT_LIFE


@given(st.data())
def test_no_changed_byte_opens(data):
    """Whatever is changed in the terms or the MAC: the MAC comes first."""
    grant = sealed(TERMS, KEY)
    place = data.draw(st.integers(0, len(grant) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != grant[place]))
    changed = grant[:place] + other + grant[place + 1 :]
    try:
        found = opened(changed, KEY, agent=AGENT, now=START)
    except DeniedError:
        return
    assert found == TERMS  # the last character of base64 has bits that say nothing


@given(st.text(max_size=200))
def test_no_text_is_a_grant_by_chance(text):
    """Nor is it an exception that nobody expects."""
    with pytest.raises(DeniedError):
        opened(text, KEY, agent=AGENT, now=START)


def test_terms_of_another_use_of_the_key_are_no_grant():
    """The purpose is under the MAC."""
    said = msgspec.json.encode(TERMS, order="sorted")
    mac = hmac.digest(KEY, said, hashlib.sha256)
    forged = ".".join(base64.urlsafe_b64encode(part).decode() for part in (said, mac))
    with pytest.raises(DeniedError, match="not of this cluster"):
        opened(forged, KEY, agent=AGENT, now=START)
