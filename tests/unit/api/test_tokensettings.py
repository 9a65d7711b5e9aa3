"""What the configuration says of tokens becomes rules, each setting one."""

import os

import pytest

from ca_core.acl.access import Action, AllowAll
from ca_core.acl.principal import Anonymous, Node, Peer
from ca_core.acl.rights import DefaultPolicy
from ca_core.api.tokensettings import (
    agent_rules,
    default_token,
    dev_policy,
    dev_rules,
    intention_default,
    server_policy,
    server_rules,
)
from ca_core.config.access import ACLConfig
from ca_core.config.load import load_config
from ca_core.config.model import AgentConfig, Config
from ca_core.errors import ConfigError
from ca_core.identity.spiffe import AgentId, TrustDomain
from ca_core.intentions.decision import Why

AGENT = Node(
    identity=AgentId(trust_domain=TrustDomain("mesh"), datacenter="dc1", node="n1"), key_digest=""
)


@pytest.mark.parametrize(
    ("said", "server", "dev"), [(None, "deny", "manage"), ("deny",) * 3, ("allow",) * 3]
)
def test_the_default_policy_is_deny_unless_said_and_dev_allows_everything(said, server, dev):
    """Nothing is allowed by forgetting a line."""
    acl = ACLConfig(default_policy=said)
    assert (server_policy(acl), dev_policy(acl)) == (server, dev)


@pytest.mark.parametrize(
    ("policy", "said", "allowed", "why"),
    [
        ("deny", "", False, Why.ACL_DEFAULT),
        ("allow", "", True, Why.ACL_DEFAULT),
        ("manage", "", True, Why.ACL_DEFAULT),
        ("deny", "allow", True, Why.DEFAULT),
        ("allow", "deny", False, Why.DEFAULT),
        ("manage", "deny", False, Why.DEFAULT),
        ("manage", "allow", True, Why.DEFAULT),
    ],
)
def test_intentions_have_a_default_of_their_own_else_that_of_tokens(policy, said, allowed, why):
    """The truth table of the defaults."""
    found = intention_default(ACLConfig(default_intention_policy=said), DefaultPolicy(policy))
    assert (found.allowed, found.why) == (allowed, why)


@pytest.mark.parametrize(("said", "vouches"), [("any", True), ("granted", False)])
def test_an_agent_vouches_unless_said(said, vouches):
    """Its other rights stay."""
    rules = server_rules(ACLConfig(agents_sign=said))
    assert rules(AGENT, Action.SERVICE_WRITE, "web") is vouches
    assert rules(AGENT, Action.NODE_WRITE, "n1")
    assert not rules(AGENT, Action.NODE_WRITE, "n2")
    assert rules(AGENT, Action.INTENTION_READ, "web")


def test_dev_with_a_default_policy_is_a_small_production():
    """The kernel's word and tokens; nobody is allowed for being local."""
    assert dev_rules(Config()) == AllowAll()
    config = Config(
        acl=ACLConfig(default_policy="deny"), agent=AgentConfig(workloads={"web": (7,)})
    )
    rules = dev_rules(config)
    assert rules == agent_rules(config)
    assert not rules(Anonymous(loopback=True), Action.SERVICE_WRITE, "web")
    assert rules(Peer(uid=7, gid=7, pid=1), Action.SERVICE_WRITE, "web")
    assert rules(Peer(uid=os.getuid(), gid=0, pid=1), Action.ACL_WRITE, "")


def test_the_settings_are_read_from_the_environment_too():
    """Every key is a variable."""
    variables = {
        "CA_CORE_ACL__DEFAULT_POLICY": "allow",
        "CA_CORE_ACL__DEFAULT_INTENTION_POLICY": "deny",
        "CA_CORE_ACL__AGENTS_SIGN": "granted",
    }
    expected = ACLConfig(
        default_policy="allow", default_intention_policy="deny", agents_sign="granted"
    )
    assert load_config(None, environ=variables).acl == expected


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("DEFAULT_POLICY", "allow, deny"),
        ("DEFAULT_INTENTION_POLICY", '"", allow, deny'),
        ("AGENTS_SIGN", "any, granted"),
    ],
)
def test_another_word_is_refused(key, words):
    """A typo does not become a default, and the message says what may stand there."""
    with pytest.raises(ConfigError, match=f"{key}: 'manage' is none of: {words}$"):
        load_config(None, environ={f"CA_CORE_ACL__{key}": "manage"})


def test_the_agents_own_token_is_what_the_file_holds(tmp_path):
    """Without blanks around it; none is configured by default."""
    path = tmp_path / "token"
    path.write_text(" secret\n")
    assert default_token(path) == "secret"
    assert default_token(None) == ""


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", None])
def test_a_file_without_a_token_is_named_and_not_shown(tmp_path, content):
    """Missing, empty, or no text."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"agent\.token_file"):
        default_token(path)
