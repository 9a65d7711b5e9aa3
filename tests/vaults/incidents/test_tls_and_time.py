"""A TLS setting, a life or a clock that some calls of others forgot."""

from datetime import timedelta

import pytest

from ca_core.clock import SystemClock
from ca_core.contract import UnavailableError
from ca_core.testing.conformance.trying import attempt
from tests.vaults.incidents.later import Ahead, at, on_clock
from tests.vaults.incidents.lives import other_sides_request, whole_life
from tests.vaults.subjects import Mounts, arena_of, subject


@pytest.fixture
def secured_mounts(secured):
    """Return mounts on the server with TLS."""
    return Mounts(secured)


def requests_of(arena, mesh):
    """Return every method that asks the server, with a request each."""
    ask, provider, signer = mesh.ask, mesh.provider, mesh.signer
    csr = arena.other_secondary().csr(arena.tempo.new_id("s"))
    return [
        (provider.probe, ask.probe()),
        (provider.prepare_signer, ask.signer("s-other")),
        (provider.sign_leaf, ask.leaf(signer)),
        (provider.sign_intermediate, ask.intermediate(csr)),
        (provider.cross_sign, other_sides_request(arena, mesh)),
        (provider.cross_sign_csr, ask.cross_csr()),
        (provider.revoke, ask.revoke(mesh.leaf(), signer)),
        (provider.crl, ask.crl(signer)),
        (provider.retire_signer, ask.retire_signer(signer)),
        (provider.retire, ask.retire()),
    ]


def test_s35_a_ca_of_ones_own_is_used_on_every_verb(secured, secured_mounts):
    """A whole life over TLS: reads, writes, deletions, CRLs; leaves have the life asked for."""
    with arena_of(subject(secured_mounts, ca_file=secured.ca_file)) as arena:
        assert whole_life(arena) == timedelta()
    assert not any(secured_mounts.count().values())


def test_s35_without_that_ca_no_method_believes_the_server(secured, secured_mounts):
    """Each call verifies the server: a refusal that one of them forgets would show here."""
    with arena_of(subject(secured_mounts, ca_file=secured.ca_file)) as arena:
        mesh = arena.mesh()
        stranger = mesh.another(config=secured_mounts.config())
        stranger.signer = mesh.signer
        stranger.leaf = mesh.leaf
        for method, request in requests_of(arena, stranger):
            found = attempt(lambda call=method, asked=request: call(asked), method.__name__)
            assert found.is_one_of(UnavailableError), found
            assert "certificate was not accepted" in str(found.error), found
        assert not stranger.provider.health(deep=True).ok


def test_s35_the_clock_is_asked_at_each_call(arena):
    """A life counts from the moment of its request, not from a start, import or first call."""
    mesh, clock = arena.mesh(), Ahead()
    moving = on_clock(arena, mesh, clock)
    ends = []
    for day in range(3):
        clock.span = timedelta(days=day)
        made = moving.prepare_signer(at(clock, mesh.ask.signer(f"s-{day}")))
        ends.append(made.certificate.not_valid_after_utc)
    assert [round((end - ends[0]) / timedelta(days=1), 2) for end in ends] == [0, 1, 2]


def test_s35_a_revocation_carries_the_time_of_its_request(arena):
    """Two revocations a second apart have two times, both near now."""
    mesh = arena.mesh()
    leaf, began = mesh.leaf(), SystemClock().now()
    mesh.revoke(leaf)
    (entry,) = mesh.crl()
    assert abs(entry.revocation_date_utc - began) < timedelta(seconds=5)
