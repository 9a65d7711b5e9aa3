"""What clears up: batches within the bounds of a commit, and nothing that anybody needs."""

from datetime import timedelta

from msgspec.structs import replace

from ca_core.acl.methods import AUTH_METHODS
from ca_core.acl.policies import MANAGEMENT_ID
from ca_core.acl.sweeping import MOST_DETACHED, MOST_SWEPT, detached, swept
from ca_core.acl.tokens import ANONYMOUS_ACCESSOR, TOKEN_HASHES, TOKENS, TokenRow
from ca_core.state import Store
from ca_core.state.memory import MemoryEngine
from ca_core.state.protocol import MAX_CHANGES, Change, Fence, Transaction
from ca_core.state.rows import decoded, put
from ca_core.state.view import View
from ca_core.testing.clock import START
from tests.unit.acl.stored import token_row, view_of

LATER = START + timedelta(hours=1)
HELD = ("gone", MANAGEMENT_ID)


def committed(store, decide):
    """Commit until there is nothing more; return how many commits it took."""
    times = 0
    while store.update(decide) is not None:
        times += 1
    return times


def filled(rows):
    """Return a store that holds these tokens."""
    store = Store(MemoryEngine())
    for row in rows:
        changes = (
            put(TOKENS, row.accessor, row),
            Change(TOKEN_HASHES, row.secret_hash, row.accessor.encode()),
        )
        store.commit(Transaction(changes=changes))
    return store


def test_expired_tokens_go_and_living_ones_stay():
    """Both rows of each, however many, in commits that fit."""
    gone = [token_row(f"gone-{n}", expires=START) for n in range(2 * MOST_SWEPT + 1)]
    kept = [token_row("kept", expires=LATER), token_row("ever")]
    with filled([*gone, *kept]) as store:
        assert committed(store, lambda view: swept(view, START)) == 3
        assert set(store.snapshot.table(TOKENS)) == {"kept", "ever"}
        assert len(store.snapshot.table(TOKEN_HASHES)) == 2
    assert 2 * MOST_SWEPT + 1 <= MAX_CHANGES


def test_tokens_of_a_method_that_is_gone_go():
    """Living or not; those of one that is there stay."""
    rows = [token_row("a", method="gone", expires=LATER), token_row("b", method="ci")]
    with filled(rows) as store:
        store.commit(Transaction(changes=(Change(AUTH_METHODS, "ci", b"{}"),)))
        assert committed(store, lambda view: swept(view, START)) == 1
        assert set(store.snapshot.table(TOKENS)) == {"b"}


def test_links_to_nothing_go():
    """From every token, in commits that fit; builtin policies are never gone."""
    rows = [token_row(f"t{n}", policies=HELD, expires=LATER) for n in range(MOST_DETACHED + 1)]
    rows.append(token_row(ANONYMOUS_ACCESSOR, policies=("gone",)))
    with filled(rows) as store:
        assert committed(store, detached) == 2
        assert not any(b"gone" in row.value for row in store.snapshot.table(TOKENS).values())
        left = replace(rows[0], policies=(MANAGEMENT_ID,))
        assert decoded(TokenRow, store.snapshot.get(TOKENS, "t0").value) == left


def test_nothing_to_do_is_nothing_written():
    """Neither commit is made, and the fence is part of one that is."""
    view: View = view_of(token_row("a", expires=LATER))
    assert swept(view, START) is None
    assert detached(view) is None
    fence = Fence("lease", 7)
    assert swept(view, LATER, fence).fence == fence
    assert swept(view, LATER, fence).expect == {(TOKENS, "a"): 2}
