"""Policies as rows, the builtin ones, and identities."""

import pytest

from ca_core.acl.access import Action
from ca_core.acl.documents import parse_document
from ca_core.acl.identities import node_identity_rules, service_identity_rules
from ca_core.acl.policies import (
    BUILTIN_POLICIES,
    MANAGEMENT_ID,
    READ_ONLY_ID,
    PolicyRow,
    policies,
    policy,
    policy_by_name,
    rules_of_policy,
)
from ca_core.acl.rights import Rights, merged
from ca_core.acl.wirerules import WireRule, unwired, wired
from ca_core.state.rows import decoded, encoded
from tests.unit.acl.stored import policy_row, view_of

TEAM = policy_row("Team", 'service "web" { policy = "write" }')


def test_a_policy_is_found_by_id_and_by_name():
    """A name's case does not matter, so that no two differ in it alone."""
    view = view_of(TEAM, policy_row("other", ""))
    assert policy(view, TEAM.id) == TEAM
    assert policy_by_name(view, "Team") == policy_by_name(view, "TEAM") == TEAM
    assert policy(view, "none") is policy_by_name(view, "none") is None
    assert policy(view, "Team") is policy_by_name(view, TEAM.id) is None


@pytest.mark.parametrize("name", ["global-management", "builtin/global-read-only"])
def test_the_builtin_policies_are_always_there(name):
    """By id, by name and in the list, in an empty store."""
    row = policy_by_name(view_of(), name.upper())
    assert row is not None
    assert row.name == name
    assert policy(view_of(), row.id) is row
    assert row in policies(view_of())


def test_nobody_can_write_over_a_builtin_policy():
    """A row under its id or name, however it came there, is not seen."""
    forged = policy_row("global-management", "", key=MANAGEMENT_ID)
    thief = policy_row("builtin/global-read-only", 'operator = "write"')
    view = view_of(forged, thief)
    assert policy(view, MANAGEMENT_ID) is BUILTIN_POLICIES[MANAGEMENT_ID]
    assert policy_by_name(view, thief.name) is BUILTIN_POLICIES[READ_ONLY_ID]


def test_policies_are_listed_by_name():
    """Builtin and written ones together."""
    names = [row.name for row in policies(view_of(TEAM, policy_row("alpha", "")))]
    assert names == ["alpha", "builtin/global-read-only", "global-management", "Team"]


@pytest.mark.parametrize("key", [MANAGEMENT_ID, READ_ONLY_ID])
def test_a_builtin_document_says_what_is_compiled(key):
    """What people read of a builtin policy is what decides."""
    row = BUILTIN_POLICIES[key]
    assert parse_document(row.rules) == merged(rules_of_policy(row))


def test_a_policy_survives_the_store():
    """The document as written, and its rules as small arrays."""
    assert decoded(PolicyRow, encoded(TEAM)) == TEAM
    assert b'"compiled":[["intention","web",1,false],["service","web",2,false]]' in encoded(TEAM)


@pytest.mark.parametrize("key", [MANAGEMENT_ID, READ_ONLY_ID])
def test_rules_travel_as_arrays(key):
    """What an agent is handed is what the server holds, prefixes included."""
    rules = rules_of_policy(BUILTIN_POLICIES[key])
    assert unwired(wired(rules)) == rules
    assert wired(rules)[0] == WireRule(rules[0].resource, "", rules[0].level, prefix=True)


SERVICE = {
    ("web", Action.SERVICE_WRITE): True,
    ("web-sidecar-proxy", Action.SERVICE_WRITE): True,
    ("web", Action.INTENTION_READ): True,
    ("web", Action.INTENTION_WRITE): False,
    ("other", Action.SERVICE_READ): True,
    ("other", Action.SERVICE_WRITE): False,
    ("other", Action.INTENTION_READ): True,
    ("*", Action.INTENTION_READ): True,
    ("*", Action.INTENTION_WRITE): False,
    ("n1", Action.NODE_READ): True,
    ("n1", Action.NODE_WRITE): False,
    ("", Action.OPERATOR_READ): None,
    ("", Action.ACL_READ): None,
    ("n1", Action.AGENT_READ): None,
}
NODE = {
    ("n1", Action.NODE_WRITE): True,
    ("n2", Action.NODE_READ): None,
    ("web", Action.SERVICE_READ): True,
    ("web", Action.SERVICE_WRITE): False,
    ("web", Action.INTENTION_READ): True,
    ("web", Action.INTENTION_WRITE): False,
    ("", Action.OPERATOR_READ): None,
    ("", Action.ACL_READ): None,
    ("n1", Action.AGENT_READ): None,
}


@pytest.mark.parametrize(("name", "action"), SERVICE)
def test_a_service_identity_follows_the_table(name, action):
    """Be the service and its proxy, see services, nodes and intentions; nothing else."""
    assert Rights(service_identity_rules("web")).allows(action, name) is SERVICE[name, action]


@pytest.mark.parametrize(("name", "action"), NODE)
def test_a_node_identity_follows_the_table(name, action):
    """Be the node's agent, see services; nothing else."""
    assert Rights(node_identity_rules("n1")).allows(action, name) is NODE[name, action]
