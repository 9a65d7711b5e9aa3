"""From a caller to what it may."""

import itertools
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
import pytest

from ca_core.acl.access import Action, LocalRules
from ca_core.acl.policies import MANAGEMENT_ID
from ca_core.acl.principal import Anonymous, Node, Peer, Token
from ca_core.acl.resolving import Resolver, TokenRules, denial
from ca_core.acl.rights import DefaultPolicy
from ca_core.acl.tokens import ANONYMOUS, ANONYMOUS_ACCESSOR
from ca_core.identity.spiffe import AgentId, ServiceId, TrustDomain
from ca_core.state.view import View
from ca_core.testing.clock import START, FakeClock
from tests.unit.acl.stored import policy_row, token_row, view_of

PLACE = {"trust_domain": TrustDomain("mesh"), "datacenter": "dc1"}
WEB = policy_row("web", 'service "web" { policy = "write" }')
TOKEN = token_row("ab", policies=(WEB.id,))
OWNER = 900


@dataclass
class World:
    """A store's view that a test changes, and what answers from it."""

    view: View = field(default_factory=view_of)
    clock: FakeClock = field(default_factory=FakeClock)
    default: DefaultPolicy = DefaultPolicy.DENY

    def __post_init__(self):
        self.resolver = Resolver(lambda: self.view, self.clock, self.default)
        local = LocalRules(owner_uid=OWNER, workloads={"web": frozenset({1000})})
        self.may = TokenRules(self.resolver, local)

    def writes(self, accessor="ab", name="web"):
        """Say whether the token may write a service."""
        return self.may(Token(accessor), Action.SERVICE_WRITE, name)


def test_a_token_may_what_its_rules_say():
    """Its own names, and no others."""
    world = World(view_of(TOKEN, WEB))
    assert world.writes()
    assert not world.writes(name="db")


def test_an_unknown_token_may_nothing_whatever_the_default():
    """A token that does not exist is nobody, not somebody without rules."""
    for default in DefaultPolicy:
        world = World(view_of(WEB), default=default)
        assert not world.writes()
        assert world.resolver("ab") is None


def test_a_change_is_seen_by_the_next_question():
    """Policies changed, removed and given back, tokens changed, removed and made anew."""
    narrower = msgspec.structs.replace(TOKEN, policies=())
    other = policy_row("web", 'service "web" { policy = "deny" }')
    world = World()
    for _ in range(2):
        for rows, expected in [
            ((TOKEN, WEB), True), ((TOKEN, other), False), ((TOKEN, WEB), True), ((TOKEN,), False),
            ((TOKEN, WEB), True), ((narrower, WEB), False), ((WEB,), False),
        ]:  # fmt: skip
            world.view = view_of(*rows)
            assert world.writes() is expected


def test_a_token_ends_at_its_end():
    """Rights that were compiled a moment ago do not outlive the token."""
    token = msgspec.structs.replace(TOKEN, expires=START + timedelta(seconds=1))
    world = World(view_of(token, WEB))
    assert world.writes()
    world.clock.advance(timedelta(seconds=1))
    assert not world.writes()


def test_equal_policies_are_compiled_once():
    """Many tokens with the same policies, in any order, share one set of rights."""
    db = policy_row("db", 'service "db" { policy = "write" }')
    held = [(WEB.id, db.id), (db.id, WEB.id), (db.id, WEB.id, "gone", db.id)]
    rows = [token_row(f"t{n}", policies=ids) for n, ids in enumerate(held)]
    resolver = World(view_of(WEB, db, *rows)).resolver
    assert resolver("t0") is resolver("t1") is resolver("t2") is not None


def test_identities_are_not_shared_between_kinds():
    """A service identity and a node identity of one name are different rights."""
    rows = (
        token_row("s", service_identities=("web",)),
        token_row("n", node_identities=("web",)),
    )
    world = World(view_of(*rows))
    assert [world.writes("s"), world.writes("n")] == [True, False]
    assert world.may(Token("n"), Action.NODE_WRITE, "web")
    assert not world.may(Token("s"), Action.NODE_WRITE, "web")


def test_a_builtin_policy_cannot_be_replaced_by_a_row():
    """A token with the management policy has its rules, though the store holds another row."""
    forged = policy_row("x", "", key=MANAGEMENT_ID)
    world = World(view_of(token_row("ab", policies=(MANAGEMENT_ID,)), forged))
    assert world.may(Token("ab"), Action.ACL_WRITE, "")


def test_the_default_holds_where_rules_are_silent():
    """With ``allow``, a token without a rule may, with a denying rule may not."""
    deny = policy_row("web", 'service "web" { policy = "deny" }')
    world = World(view_of(TOKEN, deny), default=DefaultPolicy.ALLOW)
    assert not world.writes()
    assert world.writes(name="db")
    assert not world.may(Token("ab"), Action.ACL_READ, "")


CALLERS = {
    "nobody": Anonymous(),
    "loopback": Anonymous(loopback=True),
    "owner": Peer(uid=OWNER, gid=0, pid=1),
    "workload": Peer(uid=1000, gid=0, pid=1),
    "agent": Node(identity=AgentId(**PLACE, node="n1"), key_digest="k"),
    "service": Node(identity=ServiceId(**PLACE, service="web"), key_digest="k"),
    "anonymous token": Token(ANONYMOUS_ACCESSOR),
}
WITHOUT_A_TOKEN = {"nobody", "loopback", "owner", "workload"}


@pytest.mark.parametrize("caller", CALLERS)
def test_whoever_has_no_token_has_the_anonymous_one(caller):
    """A rule of the anonymous token is for people and programs, not for holders of leaves."""
    world = World(view_of(msgspec.structs.replace(ANONYMOUS, policies=(WEB.id,)), WEB))
    may = world.may(CALLERS[caller], Action.SERVICE_READ, "web")
    assert may is (caller in WITHOUT_A_TOKEN | {"agent", "anonymous token"})


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("action", Action)
def test_local_rules_hold_without_tokens(caller, action):
    """Where the anonymous token may nothing, everything is as the kernel and mTLS say."""
    world = World()
    assert world.may(CALLERS[caller], action, "web") is world.may.local(
        CALLERS[caller], action, "web"
    )


def test_a_deny_of_the_anonymous_token_takes_nothing_from_operators():
    """Root on the socket stays able to mend what a policy broke."""
    nothing = policy_row("web", 'operator = "deny" acl = "deny"')
    world = World(view_of(msgspec.structs.replace(ANONYMOUS, policies=(nothing.id,)), nothing))
    assert world.may(CALLERS["owner"], Action.ACL_WRITE, "")
    assert not world.may(CALLERS["nobody"], Action.OPERATOR_READ, "")


def test_a_token_over_a_socket_is_a_token():
    """A token's caller has its rights alone, wherever it connects from."""
    world = World(view_of(token_row("ab")))
    for action, name in itertools.product(Action, ("", "web")):
        assert not world.may(Token("ab"), action, name)


@pytest.mark.parametrize("default", DefaultPolicy)
def test_the_default_is_not_for_machines(default):
    """A leaf gives what mTLS says, whatever is allowed to everybody else."""
    world = World(default=default)
    assert not world.may(CALLERS["agent"], Action.OPERATOR_READ, "")
    assert not world.may(CALLERS["service"], Action.SERVICE_READ, "web")


IMPLICIT = "The anonymous token is used implicitly when a request does not specify a token."

ACCESSOR = "Permission denied: token with AccessorID 'ab' lacks permission"
NOBODY = "Permission denied: anonymous token lacks permission"

USERS = {7: "web", 8: ""}.__getitem__
"""This machine has a name for the first of them alone."""

DENIALS = [
    ((Token("ab"), Action.SERVICE_WRITE, "web"), f"{ACCESSOR} 'service:write' on \"web\""),
    ((Token("ab"), Action.OPERATOR_READ, ""), f"{ACCESSOR} 'operator:read'"),
    (
        (Token("ab"), Action.SERVICE_READ, 'a"\n\ud800'),
        f'{ACCESSOR} \'service:read\' on "a\\"\\n\\ud800"',
    ),
    ((Anonymous(), Action.INTENTION_READ, "*"), f"{NOBODY} 'intention:read' on \"*\". {IMPLICIT}"),
    ((Token(ANONYMOUS_ACCESSOR), Action.ACL_READ, ""), f"{NOBODY} 'acl:read'. {IMPLICIT}"),
    (
        (Peer(uid=7, gid=7, pid=8), Action.NODE_WRITE, "n1"),
        "Permission denied: uid 7 (web) lacks permission 'node:write' on \"n1\"",
    ),
    (
        (Peer(uid=8, gid=7, pid=8), Action.NODE_WRITE, "n1"),
        "Permission denied: uid 8 lacks permission 'node:write' on \"n1\"",
    ),
]


@pytest.mark.parametrize(("asked", "sentence"), DENIALS)
def test_a_denial_says_who_lacks_what(asked, sentence):
    """The sentence that clients of Consul know; a name can neither break it nor fill it."""
    assert denial(*asked, user_of=USERS) == sentence
    assert denial(*asked).encode()


def test_a_denial_is_short():
    """A name of a megabyte is not sent back."""
    assert len(denial(Token("ab"), Action.SERVICE_READ, "x" * 1_000_000)) < 400
