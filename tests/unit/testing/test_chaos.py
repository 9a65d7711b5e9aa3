"""The chaos provider: each mischief alone, and what it passes through."""

import dataclasses
from datetime import timedelta

import pytest

from ca_core.contract import (
    Capability,
    CapabilityUnsupportedError,
    ConfigError,
    OutcomeUnknownError,
    PendingError,
    RateLimitedError,
    UnavailableError,
)
from ca_core.testing import chaos_plugin
from ca_core.testing.chaos import _NEEDED
from ca_core.testing.chaosanswers import REMEMBERED, Answers, later_token, opened_token
from ca_core.testing.mischief import PROFILES, Fate, Mischief
from tests.unit.testing.patient import Cluster

CALM = {"profile": "calm"}
ALWAYS = CALM | {"streak": 1000}


def ready(cluster):
    """Return a server whose authority and signer ``s1`` exist, made while all was calm."""
    wanted, cluster.config = cluster.config, {"inner": cluster.config["inner"], **CALM}
    server = cluster.server()
    cluster.patiently(server.ensure_authority, cluster.ask.authority())
    cluster.patiently(server.prepare_signer, cluster.ask.signer("s1"))
    cluster.config = wanted
    return cluster.server()


def signed(cluster, server, **rest):
    """Return a leaf by ``s1``, without patience."""
    return server.sign_leaf(cluster.ask.leaf("s1", **rest))


@pytest.mark.parametrize(
    ("knob", "kind"), [("rate_limited", RateLimitedError), ("unavailable", UnavailableError)]
)
def test_a_refused_call_did_nothing_and_says_when_to_come_back(knob, kind):
    """The pause is at least what is configured, and nothing was made."""
    cluster = Cluster("builtin", **ALWAYS, **{knob: 1}, pause="2s")
    with pytest.raises(kind) as refused:
        cluster.server().ensure_authority(cluster.ask.authority())
    assert timedelta(seconds=2) <= refused.value.retry_after < timedelta(seconds=4)
    assert cluster.secrets.names() == ()
    assert cluster.state.keys() == ()


def test_a_lost_answer_was_done():
    """The caller does not know, the backend does: the next one finds the authority."""
    cluster = Cluster("builtin", **ALWAYS, lost_answer=1)
    with pytest.raises(OutcomeUnknownError):
        cluster.server().ensure_authority(cluster.ask.authority())
    assert cluster.secrets.names() != ()


def test_a_slow_call_does_nothing_until_its_polls_are_over():
    """Its token carries what is left, so another server can go on with it."""
    cluster = Cluster("builtin", **ALWAYS, slow=1, seed=3)
    request, polls = cluster.ask.authority(), 0
    while (left := _polls_left(cluster.server(), request)) is not None:
        request = dataclasses.replace(request, pending=later_token(left, None))
        polls += 1
        if left == 0:
            break
    assert 1 <= polls <= 3
    assert cluster.secrets.names() == ()
    cluster.config |= {"slow": 0}
    assert cluster.server().ensure_authority(request).certificates


def _polls_left(server, request):
    with pytest.raises(PendingError) as waiting:
        server.ensure_authority(request)
    return opened_token(waiting.value.token)[0]


def test_a_forgotten_call_gives_a_second_leaf():
    """Asked again with the token, the backend signs again: allowed for leaves."""
    cluster = Cluster(**ALWAYS, forgotten=1)
    server = ready(cluster)
    made = _counting(server)
    request = cluster.ask.leaf("s1")
    for _ in range(2):
        with pytest.raises(PendingError) as waiting:
            server.sign_leaf(request)
        request = dataclasses.replace(request, pending=waiting.value.token)
    assert len(set(made)) == 2


def _counting(server):
    """Return a list that grows by the serial number of each leaf that the inner one signs."""
    made, sign_leaf = [], server._inner.sign_leaf

    def counted(request):
        leaf = sign_leaf(request)
        made.append(leaf.serial_number)
        return leaf

    counted.__name__ = "sign_leaf"
    server._inner.sign_leaf = counted
    return made


@pytest.mark.parametrize(("repeated", "leaves"), [(1, 1), (0, 2)])
def test_a_repeat_gets_the_same_leaf_or_another(repeated, leaves):
    """Both are right for one request id; the knob decides."""
    cluster = Cluster(**ALWAYS, repeated=repeated)
    server, request = ready(cluster), cluster.ask.leaf("s1")
    assert len({server.sign_leaf(request), server.sign_leaf(request)}) == leaves


def test_only_the_same_request_is_repeated():
    """An id that comes with another CSR gets a leaf of its own."""
    cluster = Cluster(**ALWAYS, repeated=1)
    server = ready(cluster)
    assert signed(cluster, server, request_id="r1") != signed(cluster, server, request_id="r1")


def test_a_short_life_is_never_less_than_half():
    """Leaf and signer live 55 to 95 % of what was asked, and the guard has nothing to say."""
    cluster = Cluster(**ALWAYS, short_life=1)
    guarded = cluster.guarded()
    guarded.ensure_authority(cluster.ask.authority())
    signer = guarded.prepare_signer(cluster.ask.signer("s1")).certificate
    now, year = cluster.clock.now(), timedelta(days=365)
    assert 0.55 <= (signer.not_valid_after_utc - now) / year <= 0.95
    lives = [signed(cluster, guarded).not_valid_after_utc - now for _ in range(20)]
    assert all(0.54 < life / timedelta(hours=72) < 0.96 for life in lives)
    assert len(set(lives)) > 10


def test_health_flaps():
    """It says no now and then, for no reason, and never raises."""
    server = Cluster(**CALM, sick=0.5).server()
    assert {server.health().ok for _ in range(30)} == {True, False}


def test_a_stalled_call_blocks_for_as_long_as_was_said():
    """Not beyond its deadline, since the caller is gone by then."""
    cluster = Cluster(**ALWAYS, stalled=1, stall="500ms")
    server = ready(cluster)
    waited = []
    server._wait = waited.append
    signed(cluster, server)
    late = dataclasses.replace(
        cluster.ask.leaf("s1"), deadline=cluster.clock.now() + timedelta(milliseconds=100)
    )
    server.sign_leaf(late)
    assert waited == [0.5, 0.1]


def test_what_is_not_declared_is_refused_at_once():
    """Nobody is told to come back for what will never be."""
    cluster = Cluster("slow", **ALWAYS, slow=1, rate_limited=1, lost_answer=1)
    server = cluster.server()
    for name, needed in _NEEDED.items():
        if needed not in server.capabilities:
            with pytest.raises(CapabilityUnsupportedError):
                getattr(server, name)(cluster.ask.probe())


def test_calm_is_the_inner_provider_itself():
    """Nothing is disturbed, and nothing is declared that the inner one does not."""
    cluster = Cluster(**CALM)
    server = ready(cluster)
    assert server.capabilities == server._inner.capabilities
    assert server.concurrency == server._inner.concurrency
    assert signed(cluster, server).serial_number != signed(cluster, server).serial_number
    assert server.health().ok


def test_a_descriptor_gives_the_same_objects_again():
    """The n-th object opened has the same mischief in every process."""

    def health(cluster):
        servers = [cluster.server() for _ in range(3)]
        return [[server.health().ok for _ in range(20)] for server in servers]

    first, again = (health(Cluster(**CALM, sick=0.5)) for _ in range(2))
    assert first == again
    assert first[0] != first[1]


def test_the_constructor_creates_nothing():
    """It may be opened for an authority that does not exist yet."""
    cluster = Cluster("builtin", profile="lying")
    cluster.server().close()
    assert (cluster.secrets.names(), cluster.state.keys()) == ((), ())


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({"inner": "chaos"}, "ca.config.inner: chaos does not surround itself"),
        ({"inner": "nope"}, "no provider 'nope'"),
        ({"inner_config": {"intermediate": False}}, "did you mean 'intermediates'"),
        ({"slow": 1.5}, "ca.config.slow"),
        ({"profile": "wild"}, "ca.config.profile"),
        ({"stall": "2s"}, "ca.config.stall"),
        ({"pause": "0s"}, "ca.config.pause"),
        ({"streak": -1}, "ca.config.streak"),
    ],
)
def test_a_wrong_setting_is_named(raw, named):
    """The operator reads which key it is, the inner provider's own included."""
    with pytest.raises(ConfigError, match=named.replace(".", r"\.")):
        chaos_plugin().parse_config(raw)


def test_what_is_surrounded_stays():
    """State written by one provider is nothing to another."""
    plugin = chaos_plugin()
    plugin.check_update({"seed": 1}, {"seed": 2})
    with pytest.raises(ConfigError, match="stays the same"):
        Cluster().plugin.check_update({"inner": "builtin"}, {"inner": "reference"})


def test_the_inner_configuration_is_a_secret():
    """It may hold a token of a backend: hidden when shown, absent from every repr."""
    plugin = chaos_plugin()
    assert "inner_config" in plugin.secret_keys()
    parsed = plugin.parse_config(
        {"inner_config": {"private_key_file": "/hunter2", "root_cert_file": "/ca"}}
    )
    assert "hunter2" not in repr(parsed)


def test_there_is_a_knob_for_every_mischief():
    """A profile is only a set of defaults."""
    knobs = chaos_plugin().schema["properties"]
    assert set(Mischief) <= knobs.keys()
    assert set(knobs["profile"]["enum"]) == PROFILES.keys()


def test_it_is_installed_and_says_that_it_is_for_tests():
    """``provider = "chaos"`` is all that an operator writes."""
    assert chaos_plugin().description.startswith("for tests: ")
    assert chaos_plugin().capabilities == frozenset(Capability)


@pytest.mark.parametrize("token", [None, "arn:1", "", "chaos", "chaos:x:y"])
def test_a_token_of_the_inner_provider_is_left_alone(token):
    """Only what this provider made is opened."""
    assert opened_token(token) == (0, token)


@pytest.mark.parametrize("inner", [None, "arn:1", "chaos:1:arn", "a\nb"])
def test_a_token_carries_the_inner_one(inner):
    """What the inner provider waits for is not lost while we are slow."""
    assert opened_token(later_token(2, inner)) == (2, inner)


def test_answers_are_forgotten_after_many():
    """A long-lived process does not grow by every leaf it signs."""
    cluster, answers = Cluster(**CALM), Answers()
    leaf, fate = signed(cluster, ready(cluster)), Fate(frozenset({Mischief.REPEATED}), 0.0)
    first = cluster.ask.leaf("s1")
    calls = []

    def sign():
        calls.append(1)
        return leaf

    answers.given(first, sign, fate)
    answers.given(first, sign, fate)
    assert len(calls) == 1
    for _ in range(REMEMBERED):
        answers.given(cluster.ask.leaf("s1", csr=first.csr), sign, fate)
    answers.given(first, sign, fate)
    assert len(calls) == 2 + REMEMBERED
