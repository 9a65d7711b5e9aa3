"""Headers of answers from memory are made once, and are always those of the answer at hand."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ca_core.agent.leafanswer import LeafAnswer
from ca_core.agent.upstream import RootsAnswer
from ca_core.api.http import raw_headers
from ca_core.api.remembered import leaf_response, roots_response
from ca_core.wire.roots import CARoots

ROOTS = CARoots(active_root_id="", trust_domain="", roots=())
AGES = st.timedeltas(timedelta(), timedelta(days=3))
BODIES = st.binary(max_size=3)
FAILURES = st.sampled_from(["", "signing is busy", "two\r\nlines: smuggled"])


def as_written(response):
    """Return the headers on the wire as they would be made anew."""
    anew = type(response)(headers=response.headers, body=response.body)
    return raw_headers(anew)


@given(st.integers(0, 3), st.booleans(), AGES, st.booleans(), BODIES)
def test_roots_carry_their_own_headers(index, hit, age, known_leader, body):
    """Whatever was answered before: index, age, contact and length are those of this answer."""
    answer = RootsAnswer(value=ROOTS, index=index, hit=hit, age=age, known_leader=known_leader)
    response = roots_response(answer, body)
    assert response.raw == as_written(response)
    assert response.body == body
    assert response.headers["x-consul-index"] == str(max(1, index))
    assert response.headers["x-cache"] == ("HIT" if hit else "MISS")
    assert response.headers.get("age") == (str(int(age.total_seconds())) if hit else None)
    assert response.headers["x-consul-lastcontact"] == str(age // timedelta(milliseconds=1))
    assert response.headers["x-consul-knownleader"] == str(known_leader).lower()


@given(st.integers(0, 3), st.booleans(), AGES, FAILURES, BODIES)
def test_leaves_carry_their_own_headers(index, hit, age, failure, body):
    """A leaf is never kept on its way, and its failure to renew is one printable line."""
    response = leaf_response(LeafAnswer(body=body, hit=hit, age=age, index=index, failure=failure))
    assert response.raw == as_written(response)
    assert response.headers["cache-control"] == "no-store"
    assert response.headers.get("age") == (str(int(age.total_seconds())) if hit else None)
    assert (b"content-length", str(len(body)).encode()) in response.raw
    said = response.headers.get("x-ca-core-renewal-failure", "")
    assert said == failure.replace("\r", " ").replace("\n", " ")
