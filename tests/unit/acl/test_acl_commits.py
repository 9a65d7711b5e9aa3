"""What writes tokens and policies: lost races change nothing, the tables fit together."""

from datetime import timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ca_core.acl.bootstrapping import bootstrapped
from ca_core.acl.policies import BUILTIN_POLICIES, POLICIES, POLICY_NAMES, PolicyRow, name_key
from ca_core.acl.policywriting import changed_policy, deleted_policy, made_policy, parsed_policy
from ca_core.acl.sweeping import detached, swept
from ca_core.acl.tokendrafts import parsed_token
from ca_core.acl.tokens import TOKEN_HASHES, TOKENS, TokenRow, secret_hash, token_by_secret
from ca_core.acl.tokenwriting import changed, deleted, made
from ca_core.errors import ConflictError, RequestError
from ca_core.state import Store
from ca_core.state.memory import MemoryEngine
from ca_core.state.rows import decoded
from ca_core.testing.clock import START
from ca_core.wire.acl import PolicyLink, PolicyRequest, TokenRequest


@pytest.fixture
def store():
    """Return an empty store."""
    with Store(MemoryEngine()) as made_store:
        yield made_store


def uid(number):
    """Return an id."""
    return f"00000000-0000-4000-8000-{number:012d}"


def drafted(*policies, ttl=""):
    """Return a token that holds policies of these numbers."""
    links = tuple(PolicyLink(id=uid(number)) for number in policies)
    return parsed_token(TokenRequest(policies=links, expiration_ttl=ttl), "dc1", START)


def policy(name, rules=""):
    """Return what a policy is to be."""
    return parsed_policy(PolicyRequest(name=name, rules=rules), "dc1")


def lost(store, first, second):
    """Commit two decisions that were made on one view; say that the second is refused."""
    store.commit(first)
    before = store.snapshot.index
    with pytest.raises(ConflictError):
        store.commit(second)
    assert store.snapshot.index == before


def test_two_who_bootstrap_at_once_make_one_token(store):
    """The second is told the reset index when it asks again."""
    view = store.snapshot
    first, second = (bootstrapped(view, uid(n), f"secret {n}", START) for n in (1, 2))
    lost(store, first, second)
    assert len(store.snapshot.table(TOKENS)) == 1


def test_two_policies_never_get_one_name(store):
    """Though neither saw the other."""
    view = store.snapshot
    lost(
        store,
        made_policy(view, policy("one"), uid(1), START),
        made_policy(view, policy("ONE"), uid(2), START),
    )


def test_a_token_is_never_given_a_policy_that_goes(store):
    """It expects the policy as it saw it."""
    store.commit(made_policy(store.snapshot, policy("one"), uid(1), START))
    view = store.snapshot
    token = made(view, drafted(1), uid(2), "secret", START)
    lost(store, deleted_policy(view, uid(1)), token)


def test_a_change_never_revives_a_token(store):
    """A change and a deletion of one view exclude each other, in either order."""
    store.commit(made(store.snapshot, drafted(), uid(1), "secret", START))
    view = store.snapshot
    body = TokenRequest(description="x")
    change = changed(view, uid(1), body, parsed_token(body, "dc1", START), START)
    lost(store, deleted(view, uid(1), START), change)
    assert token_by_secret(store.snapshot, "secret", START) is None


def test_a_secret_is_never_shared(store):
    """Not even if two dice fall alike."""
    view = store.snapshot
    first, second = (made(view, drafted(), uid(n), "same", START) for n in (1, 2))
    lost(store, first, second)


NUMBERS = st.integers(0, 2)
HELD = st.lists(NUMBERS, max_size=2)
STEPS = st.one_of(
    st.tuples(st.just("policy"), NUMBERS, st.sampled_from(["a", "A", "b", "c"])),
    st.tuples(st.just("rename"), NUMBERS, st.sampled_from(["a", "A", "b", "c"])),
    st.tuples(st.just("drop"), NUMBERS),
    st.tuples(st.just("token"), NUMBERS, HELD, st.sampled_from(["", "1m", "1h"])),
    st.tuples(st.just("change"), NUMBERS, HELD),
    st.tuples(st.just("revoke"), NUMBERS),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("wait")),
)


def decision(step, now):
    """Return what a step decides, given a view."""
    kind, *rest = step
    decide = {
        "policy": lambda n, name: lambda view: made_policy(view, policy(name), uid(n), now),
        "rename": lambda n, name: lambda view: changed_policy(view, uid(n), policy(name), now),
        "drop": lambda n: lambda view: deleted_policy(view, uid(n)),
        "token": lambda n, held, ttl: (
            lambda view: made(view, drafted(*held, ttl=ttl), uid(n), f"s{n}", now)
        ),
        "change": lambda n, held: (
            lambda view: changed(view, uid(n), TokenRequest(), drafted(*held), now)
        ),
        "revoke": lambda n: lambda view: deleted(view, uid(n), now),
        "sweep": lambda: lambda view: swept(view, now),
        "wait": lambda: lambda view: None,
    }
    return decide[kind](*rest)


def require_whole(view):
    """Say that every row is reached by its key, and by nothing else."""
    tokens = {key: decoded(TokenRow, row.value) for key, row in view.table(TOKENS).items()}
    hashes = {key: row.value.decode() for key, row in view.table(TOKEN_HASHES).items()}
    assert hashes == {row.secret_hash: key for key, row in tokens.items()}
    policies = {key: decoded(PolicyRow, row.value) for key, row in view.table(POLICIES).items()}
    names = {key: row.value.decode() for key, row in view.table(POLICY_NAMES).items()}
    assert names == {name_key(row.name): key for key, row in policies.items()}


@settings(max_examples=60, deadline=None, phases=(Phase.reuse, Phase.generate))
@given(st.lists(STEPS, min_size=60, max_size=80))
def test_tables_fit_together_whatever_happens(steps):
    """Names, hashes and rows say the same after any steps; then the sweep leaves no loose end."""
    now = START
    with Store(MemoryEngine()) as store:
        for step in steps:
            now += timedelta(minutes=30) if step == ("wait",) else timedelta()
            try:
                decided = decision(step, now)(store.snapshot)
                if decided is not None:
                    store.commit(decided)
            except (RequestError, ConflictError):
                continue
            finally:
                require_whole(store.snapshot)
        while store.update(lambda view: swept(view, now)) or store.update(detached):
            pass
        require_whole(store.snapshot)
        rows = [decoded(TokenRow, row.value) for row in store.snapshot.table(TOKENS).values()]
        known = set(store.snapshot.table(POLICIES)) | set(BUILTIN_POLICIES)
        assert all(row.alive(now) and set(row.policies) <= known for row in rows)
        assert all(row.secret_hash == secret_hash(f"s{int(row.accessor[-12:])}") for row in rows)
