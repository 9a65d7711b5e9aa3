"""Whatever the seed: the guard releases nothing wrong, and no id ever gets a second answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ca_core.contract import AuthorityRetiredError
from ca_core.testing import (
    assert_authority_is_for,
    assert_chains_to,
    assert_leaf_is_for,
    assert_refuses,
    assert_same_authority,
    assert_same_signer,
    assert_signer_is_for,
)
from ca_core.testing.conformance.asking import web
from ca_core.testing.lending import TRUST_DOMAIN
from tests.unit.testing.patient import Cluster

SEEDS = st.integers(0, 2**32)
INNER = st.sampled_from(["reference", "builtin", "slow"])


def lived(cluster):
    """Bring an authority up, sign, restart, sign, retire; judge everything that is released."""
    server = cluster.guarded()
    authority, signer = brought_up(cluster, server)
    signs_rightly(cluster, server, authority, signer)
    again = cluster.guarded()
    assert_same_authority(
        authority, cluster.patiently(again.ensure_authority, _authority_request(cluster))
    )
    request = cluster.ask.signer("s1")
    assert_same_signer(signer, cluster.patiently(again.prepare_signer, request))
    signs_rightly(cluster, again, authority, signer)
    cluster.patiently(again.retire, cluster.ask.retire())
    with assert_refuses(AuthorityRetiredError, of="a retired id"):
        cluster.patiently(cluster.guarded().ensure_authority, _authority_request(cluster))


def _authority_request(cluster):
    """Return the request for the authority."""
    return cluster.ask.authority()


def brought_up(cluster, server):
    """Return authority and signer, each as it was asked for."""
    wanted = _authority_request(cluster)
    authority = cluster.patiently(server.ensure_authority, wanted)
    assert_authority_is_for(authority, wanted, now=cluster.clock.now())
    asked = cluster.ask.signer("s1")
    signer = cluster.patiently(server.prepare_signer, asked)
    now = cluster.clock.now()
    assert_signer_is_for(signer, asked, authority, trust_domain=TRUST_DOMAIN, now=now)
    return authority, signer


def signs_rightly(cluster, server, authority, signer):
    """Sign leaves of several services; each is exactly what its own request asked for."""
    for name in ("web", "db", "web"):
        request = cluster.ask.leaf("s1", identity=web(name))
        leaf = cluster.patiently(server.sign_leaf, request)
        now = cluster.clock.now()
        assert_leaf_is_for(leaf, request, signer=signer, now=now)
        assert_chains_to(leaf, signer.chain, authority.certificates, now=now)


@settings(max_examples=40)
@given(SEEDS, INNER)
def test_legal_mischief_breaks_no_rule_and_loses_nothing(seed, inner):
    """The guard has nothing to say, the same ids have the same answers, retired ids are dead."""
    cluster = Cluster(inner, seed=seed)
    lived(cluster)
    assert (cluster.violations, cluster.bugs) == ([], [])


@settings(max_examples=40)
@given(SEEDS, INNER)
def test_lies_are_never_released(seed, inner):
    """A crooked chain or another's certificate is refused, and asking again helps."""
    cluster = Cluster(inner, seed=seed, profile="lying")
    lived(cluster)
    assert cluster.bugs == []


@pytest.mark.parametrize("knob", ["crooked_chain", "swapped_answer"])
def test_the_guard_refuses_each_kind_of_lie(knob):
    """Both kinds come up, and are named by a rule."""
    cluster = Cluster("builtin", profile="calm", **{knob: 1})
    lived(cluster)
    assert cluster.violations
