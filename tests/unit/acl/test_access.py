"""The tables of who may do what."""

import itertools

import pytest

from ca_core.acl.access import Action, AllowAll, LocalRules
from ca_core.acl.identities import service_identity_rules
from ca_core.acl.principal import Anonymous, Node, Peer, Token, describe, partition_key
from ca_core.acl.rights import Rights
from ca_core.acl.rules import Level, Resource
from ca_core.identity.spiffe import AgentId, GatewayId, ServerId, ServiceId, TrustDomain

PLACE = {"trust_domain": TrustDomain("mesh"), "datacenter": "dc1"}
OWNER, WEB, STRANGER = 900, 1000, 1001
RULES = LocalRules(owner_uid=OWNER, workloads={"web": frozenset({WEB}), "root": frozenset({0})})

CALLERS = {
    "anybody": Anonymous(),
    "loopback": Anonymous(loopback=True),
    "root": Peer(uid=0, gid=0, pid=1),
    "owner": Peer(uid=OWNER, gid=1, pid=1),
    "web": Peer(uid=WEB, gid=0, pid=1),
    "stranger": Peer(uid=STRANGER, gid=0, pid=1),
    "agent": Node(identity=AgentId(**PLACE, node="n1"), key_digest="k"),
    "service": Node(identity=ServiceId(**PLACE, service="web"), key_digest="k"),
    "server": Node(identity=ServerId(**PLACE), key_digest="k"),
    "gateway": Node(identity=GatewayId(**PLACE), key_digest="k"),
    "token": Token("a"),
}
ABOUT_SERVICES = (
    *(Action.SERVICE_READ, Action.SERVICE_WRITE, Action.INTENTION_READ, Action.INTENTION_WRITE),
    *(Action.NODE_READ, Action.NODE_WRITE),
)
OPERATORS = {"root", "owner"}
LOCAL = {"loopback", "root", "owner", "web", "stranger"}

TABLE = {
    (Action.SERVICE_WRITE, "web"): {"web", "agent"},
    (Action.SERVICE_WRITE, "root"): {"root", "agent"},
    (Action.SERVICE_WRITE, "web-sidecar-proxy"): {"web", "agent"},
    (Action.SERVICE_WRITE, "web-sidecar-proxy-sidecar-proxy"): {"agent"},
    (Action.SERVICE_WRITE, "other"): {"agent"},
    (Action.SERVICE_WRITE, ""): {"agent"},
    (Action.SERVICE_READ, "web"): {"web", "agent"} | OPERATORS,
    (Action.SERVICE_READ, "other"): {"web", "agent"} | OPERATORS,
    (Action.INTENTION_READ, "web"): {"web", "agent"} | OPERATORS,
    (Action.INTENTION_READ, "*"): {"web", "agent"} | OPERATORS,
    (Action.INTENTION_WRITE, "web"): OPERATORS,
    (Action.INTENTION_WRITE, "*"): OPERATORS,
    (Action.NODE_READ, "n2"): {"web", "agent"} | OPERATORS,
    (Action.NODE_WRITE, "n1"): {"agent"},
    (Action.NODE_WRITE, "n2"): set(),
    (Action.OPERATOR_READ, ""): OPERATORS,
    (Action.OPERATOR_WRITE, ""): OPERATORS,
    (Action.OPERATOR_WRITE, "bank.example"): OPERATORS,
    (Action.ACL_READ, ""): OPERATORS,
    (Action.ACL_WRITE, ""): OPERATORS,
    (Action.AGENT_READ, ""): LOCAL,
    (Action.AGENT_WRITE, ""): OPERATORS,
}


@pytest.mark.parametrize(("caller", "asked"), list(itertools.product(CALLERS, TABLE)), ids=str)
def test_outside_dev_the_table_decides(caller, asked):
    """Every kind of caller against every action: allowed exactly where the table says."""
    action, name = asked
    assert RULES(CALLERS[caller], action, name) is (caller in TABLE[asked])


def test_the_table_knows_every_action():
    """A new action without a row would be decided by nobody."""
    assert {action for action, _ in TABLE} == set(Action)


def test_an_action_is_its_two_halves():
    """What is asked and how much of it are read from the words that an error shows."""
    for action in Action:
        assert f"{action.resource}:{action.level.name.lower()}" == action
        assert action.level is not Level.DENY


def test_every_resource_can_be_read_and_written():
    """No right exists that nobody can ask for."""
    asked = {(action.resource, action.level) for action in Action}
    assert asked == set(itertools.product(Resource, (Level.READ, Level.WRITE)))


def test_without_workloads_no_local_user_is_a_service():
    """The default is closed, for root too."""
    rules = LocalRules(owner_uid=OWNER)
    for caller in ("root", "owner", "web", "loopback"):
        assert not rules(CALLERS[caller], Action.SERVICE_WRITE, "web")


@pytest.mark.parametrize("name", ["web", "db", "web-sidecar-proxy", "db-sidecar-proxy", ""])
@pytest.mark.parametrize("action", ABOUT_SERVICES)
def test_a_user_listed_for_a_service_may_what_its_service_identity_gives(action, name):
    """The kernel's word and a token's are worth the same."""
    given = Rights(service_identity_rules("web")).allows(action, name)
    assert RULES(CALLERS["web"], action, name) is bool(given)


def test_a_group_is_no_user():
    """Only the uid counts: the gid of a listed uid's number opens nothing."""
    assert not RULES(Peer(uid=STRANGER, gid=WEB, pid=WEB), Action.SERVICE_WRITE, "web")


def test_dev_allows_everything():
    """Everybody on loopback may do everything; the listener keeps the others away."""
    for caller, action in itertools.product(CALLERS.values(), Action):
        assert AllowAll()(caller, action, "x")


def test_partitions_separate_callers():
    """No two callers share cache entries, unless they are the same user, node or token."""
    keys = [partition_key(caller) for caller in CALLERS.values()]
    assert len(set(keys)) == len(keys) - 1  # the two anonymous are nobody, both
    assert partition_key(Peer(uid=1, gid=1, pid=1)) == partition_key(Peer(uid=1, gid=2, pid=9))


def test_no_name_makes_one_caller_look_like_another():
    """A token or node cannot be called so that it shares a user's entries."""
    assert partition_key(Token("x")) != partition_key(Peer(uid=0, gid=0, pid=0))
    assert partition_key(Token("uid:0")) != partition_key(Peer(uid=0, gid=0, pid=0))


def test_a_caller_is_described_without_secrets():
    """Logs and records name users, nodes and accessors."""
    assert describe(CALLERS["web"]) == "uid 1000 (pid 1)"
    assert describe(CALLERS["agent"]) == "node spiffe://mesh/agent/client/dc/dc1/id/n1"
    assert describe(CALLERS["token"]) == "token:a"
    assert describe(CALLERS["anybody"]) == "anonymous"
