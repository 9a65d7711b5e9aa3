"""One holder at a time, and a fence that stops every former one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ca_core.errors import ConflictError, OutcomeUnknownError, UnavailableError
from ca_core.state import Store
from ca_core.state.fake import FakeBackend, FakeEngine
from ca_core.state.lease import SPAN, Lease
from ca_core.testing.clock import FakeClock
from tests.unit.state.rows import cut, put


class Cluster:
    """Two servers that share a backend and a clock, each with its lease object."""

    def __init__(self):
        self.clock = FakeClock()
        self.backend = FakeBackend(gaps=(0, 1))
        self.engines = [FakeEngine(self.backend) for _ in range(2)]
        self.stores = [Store(engine) for engine in self.engines]
        self.leases = [Lease(self.stores[n], self.clock, f"server-{n}") for n in range(2)]

    def close(self):
        """Close both servers."""
        for store in self.stores:
            store.close()


@pytest.fixture
def cluster():
    """Return two servers."""
    cluster = Cluster()
    yield cluster
    cluster.close()


def test_one_server_holds_the_lease(cluster):
    """While it lives, nobody else gets it."""
    one, two = cluster.leases
    assert one.acquire() is True
    assert two.acquire() is False
    assert (one.held, two.held) == (True, False)
    with pytest.raises(ConflictError):
        _ = two.fence


def test_renewal_extends_it_and_keeps_the_fence(cluster):
    """Whoever renews in time holds it for ever, behind one fence."""
    one, two = cluster.leases
    one.acquire()
    fence = one.fence
    for _ in range(5):
        cluster.clock.advance(SPAN * 0.9)
        assert one.renew() is True
        assert two.acquire() is False
    assert one.fence == fence
    cluster.stores[0].commit(put("a", fence=fence))


def test_an_expired_lease_is_taken_over_behind_a_new_fence(cluster):
    """The former holder can neither renew nor write, though nobody told it."""
    one, two = cluster.leases
    one.acquire()
    old = one.fence
    cluster.clock.advance(SPAN)
    assert one.held is False
    assert two.acquire() is True
    assert two.fence.token != old.token
    assert one.renew() is False
    with pytest.raises(ConflictError):
        cluster.stores[0].commit(put("a", fence=old))
    cluster.stores[1].commit(put("a", fence=two.fence))


def test_a_holder_that_was_late_but_not_replaced_may_renew(cluster):
    """Expiry lets others take the lease; until one does, it is still the holder's."""
    one, _ = cluster.leases
    one.acquire()
    fence = one.fence
    cluster.clock.advance(SPAN * 2)
    assert one.renew() is True
    assert (one.held, one.fence) == (True, fence)


def test_a_restarted_server_takes_its_own_lease_over_at_once(cluster):
    """No waiting for the lease of a former life, whose fence is stopped."""
    one, _ = cluster.leases
    one.acquire()
    old = one.fence
    again = Lease(cluster.stores[0], cluster.clock, "server-0")
    assert again.held is False
    assert again.acquire() is True
    assert again.fence != old
    with pytest.raises(ConflictError):
        _ = one.fence


def test_acquiring_what_is_held_renews_it(cluster):
    """Calling it again is harmless."""
    one, _ = cluster.leases
    one.acquire()
    fence = one.fence
    cluster.clock.advance(SPAN * 0.9)
    assert one.acquire() is True
    cluster.clock.advance(SPAN * 0.9)
    assert (one.held, one.fence) == (True, fence)


def test_a_released_lease_is_free_at_once(cluster):
    """An orderly end hands over without a pause; releasing twice is fine."""
    one, two = cluster.leases
    one.acquire()
    one.release()
    one.release()
    assert one.held is False
    assert two.acquire() is True
    one.release()
    assert two.held is True


def test_a_renewal_whose_answer_was_lost_is_no_loss(cluster):
    """After an unknown outcome the next renewal succeeds, whether it was written or not."""
    one, _ = cluster.leases
    one.acquire()
    for after_writing in (True, False):
        cluster.engines[0].fail(OutcomeUnknownError("lost"), after_writing=after_writing)
        with pytest.raises(OutcomeUnknownError):
            one.renew()
        assert one.renew() is True


def test_an_acquisition_whose_answer_was_lost_can_be_repeated(cluster):
    """Nobody is locked out by a row whose writer does not know that it wrote."""
    one, _ = cluster.leases
    cluster.engines[0].fail(OutcomeUnknownError("lost"), after_writing=True)
    with pytest.raises(OutcomeUnknownError):
        one.acquire()
    assert one.acquire() is True


def test_a_backend_that_is_away_costs_the_lease_only_when_it_expires(cluster):
    """A failed renewal is an error, not a loss."""
    one, _ = cluster.leases
    one.acquire()
    cluster.engines[0].fail(UnavailableError("away"))
    with pytest.raises(UnavailableError):
        one.renew()
    assert one.held is True
    cluster.clock.advance(SPAN)
    assert one.held is False


def attempted_late(cluster, attempt):
    """Run an attempt of the second server while nothing reaches it; return its later answer."""
    with ThreadPoolExecutor(1) as thread:
        outcome = thread.submit(attempt)
        with pytest.raises(TimeoutError):
            outcome.result(0.05)
        cluster.engines[1].release()
        return outcome.result(10)


def test_a_server_whose_view_lags_takes_nothing(cluster):
    """A lease acquired, or renewed, unseen by the other server stays with its holder."""
    one, two = cluster.leases
    cluster.engines[1].hold()
    one.acquire()
    assert attempted_late(cluster, two.acquire) is False
    cluster.clock.advance(SPAN * 0.9)
    cluster.engines[1].hold()
    one.renew()
    cluster.clock.advance(SPAN * 0.9)
    assert attempted_late(cluster, two.acquire) is False
    assert one.held is True


def test_a_server_whose_view_lags_renews_nothing(cluster):
    """A former holder that has not heard of its end does not write over the new lease."""
    one, two = cluster.leases
    two.acquire()
    cluster.engines[1].hold()
    cluster.clock.advance(SPAN)
    assert one.acquire() is True
    assert attempted_late(cluster, two.renew) is False
    assert one.held is True


def test_a_lease_deleted_by_hand_is_lost(cluster):
    """An operator can end a leadership by deleting its row."""
    one, two = cluster.leases
    one.acquire()
    cluster.stores[1].commit(cut("leader", table="leases"))
    assert one.held is False
    assert one.renew() is False
    assert two.acquire() is True


class Leadership(RuleBasedStateMachine):
    """Two servers compete while time passes and deliveries lag."""

    def __init__(self):
        super().__init__()
        self.cluster = Cluster()
        self.writes = []

    SERVER = st.sampled_from([0, 1])

    @rule(server=SERVER)
    def acquire(self, server):
        """Try to lead."""
        self.cluster.leases[server].acquire()

    @rule(server=SERVER)
    def renew(self, server):
        """Try to go on."""
        self.cluster.leases[server].renew()

    @rule(server=SERVER)
    def release(self, server):
        """Stop leading."""
        self.cluster.leases[server].release()

    @rule(seconds=st.integers(1, 20))
    def pass_time(self, seconds):
        """Let leases grow old."""
        self.cluster.clock.advance(timedelta(seconds=seconds))

    @rule(server=SERVER)
    def write(self, server):
        """Write as the leader; the fence decides, and tokens only ever rise."""
        lease = self.cluster.leases[server]
        try:
            fence = lease.fence
            self.cluster.stores[server].commit(put("a", fence=fence))
        except ConflictError:
            return
        self.writes.append(fence.token)
        assert self.writes == sorted(self.writes)

    @invariant()
    def at_most_one_leads(self):
        """Two never hold it at once."""
        assert [lease.held for lease in self.cluster.leases].count(True) <= 1

    def teardown(self):
        """Close both servers."""
        self.cluster.close()


TestLeadership = Leadership.TestCase
TestLeadership.settings = settings(max_examples=40, stateful_step_count=25)
