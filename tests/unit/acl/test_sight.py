"""Rights as a key: equal keys may the same, and a change of rights is another key."""

from hypothesis import given
from hypothesis import strategies as st

from ca_core.acl.access import Action, AllowAll, LocalRules
from ca_core.acl.policies import MANAGEMENT_ID
from ca_core.acl.principal import Anonymous, Node, Peer, Token
from ca_core.acl.resolving import Resolver, TokenRules
from ca_core.acl.rights import DefaultPolicy
from ca_core.acl.sight import default_policy, sight_of
from ca_core.acl.tokens import ANONYMOUS_ACCESSOR
from ca_core.identity.spiffe import AgentId, TrustDomain
from ca_core.testing.clock import FakeClock
from tests.unit.acl.stored import policy_row, token_row, view_of

WEB = policy_row("web", 'service "web" { policy = "read" } node_prefix "" { policy = "read" }')
DB = policy_row("db", 'service "db" { policy = "read" }')
PLACE = {"trust_domain": TrustDomain("mesh"), "datacenter": "dc1"}
LOCAL = LocalRules(owner_uid=900, workloads={"web": frozenset({1000})})
ROWS = (
    WEB,
    DB,
    token_row("web", policies=(WEB.id,)),
    token_row("twin", policies=(WEB.id,)),
    token_row("db", policies=(DB.id,)),
    token_row("manager", policies=(MANAGEMENT_ID,)),
    token_row("bare"),
)


def caller_of(kind, name):
    """Return a caller."""
    match kind:
        case "token":
            return Token(name)
        case "peer":
            return Peer(uid={"web": 1000, "manager": 900}.get(name, 7), gid=1, pid=hash(name) % 99)
        case "node":
            return Node(identity=AgentId(**PLACE, node=name), key_digest=name)
        case _:
            return Anonymous(loopback=name == "web")


CALLERS = st.builds(
    caller_of,
    st.sampled_from(["token", "peer", "node", "nobody"]),
    st.sampled_from(["web", "twin", "db", "manager", "bare", "gone", ANONYMOUS_ACCESSOR]),
)


def rules_over(*rows, default=DefaultPolicy.DENY, local=LOCAL):
    """Return the rules of a process whose store holds these rows."""
    return TokenRules(Resolver(lambda: view_of(*rows), FakeClock(), default), local)


def everything_that(may, caller):
    """Return all that a caller may on a few names."""
    return [
        (action, name) for action in Action for name in ("web", "db", "n1", "manager", "")
        if may(caller, action, name)
    ]  # fmt: skip


@given(CALLERS, CALLERS, st.sampled_from(DefaultPolicy))
def test_equal_sights_may_the_same(one, other, default):
    """Whatever is asked, of whomever; that is what makes a sight a key."""
    may = rules_over(*ROWS, default=default)
    if sight_of(may, one) == sight_of(may, other):
        assert everything_that(may, one) == everything_that(may, other)


@given(CALLERS)
def test_a_callers_sight_stays_while_their_rights_do(caller):
    """Asked twice it is equal, and hashes alike."""
    may = rules_over(*ROWS)
    one, other = sight_of(may, caller), sight_of(may, caller)
    assert one == other
    assert hash(one) == hash(other)


def test_tokens_with_the_same_policies_share_one_sight():
    """And others do not."""
    may = rules_over(*ROWS)
    assert sight_of(may, Token("web")) == sight_of(may, Token("twin"))
    assert sight_of(may, Token("web")) != sight_of(may, Token("db"))
    assert sight_of(may, Token("web")) != sight_of(may, Token("gone"))


def test_a_change_of_rights_is_another_sight():
    """A policy with other rules, and a token that is gone."""
    rows = list(ROWS)
    view = view_of(*rows)
    may = TokenRules(Resolver(lambda: view, FakeClock()), LOCAL)
    before = sight_of(may, Token("web"))
    view = view_of(policy_row("web", 'service "x" { policy = "read" }', key=WEB.id), *ROWS[1:])
    assert sight_of(may, Token("web")) != before
    view = view_of(WEB)
    assert sight_of(may, Token("web")) != before


def test_users_have_their_own_sight_and_processes_of_one_user_the_same():
    """Which process asks does not matter; whose it is does."""
    may = rules_over(*ROWS)
    one, same, other = (Peer(uid=uid, gid=1, pid=pid) for uid, pid in ((7, 1), (7, 2), (8, 1)))
    assert sight_of(may, one) == sight_of(may, same) != sight_of(may, other)


def test_other_local_rules_are_another_sight():
    """A reload that gives a user a service must not be answered from before."""
    workloads = {"db": frozenset({1000})}
    changed = rules_over(*ROWS, local=LocalRules(owner_uid=900, workloads=workloads))
    caller = Peer(uid=1000, gid=1, pid=1)
    assert sight_of(rules_over(*ROWS), caller) != sight_of(changed, caller)


def test_rules_that_are_not_known_have_no_sight():
    """Nothing is kept for them."""
    assert sight_of(lambda *_: True, Token("web")) is None


def test_where_everything_is_allowed_all_see_the_same():
    """``dev``, with and without tokens: those who send one are held to it."""
    assert sight_of(AllowAll(), Token("web")) == sight_of(AllowAll(), Anonymous())
    may = rules_over(*ROWS, local=AllowAll())
    assert sight_of(may, Anonymous()) == sight_of(may, Peer(uid=1, gid=1, pid=1))
    assert sight_of(may, Token("web")) != sight_of(may, Anonymous())


def test_the_default_policy_is_the_one_for_callers_without_a_token():
    """As the servers have it."""
    for policy in DefaultPolicy:
        assert default_policy(rules_over(default=policy)) is policy
    assert default_policy(AllowAll()) is DefaultPolicy.MANAGE
    assert default_policy(lambda *_: True) is DefaultPolicy.DENY
