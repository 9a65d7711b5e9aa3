"""What the configuration says of tokens: the defaults, who vouches, the agent's own token."""

import os
from pathlib import Path

from ca_core.acl.access import AllowAll, LocalRules, May
from ca_core.acl.rights import DefaultPolicy
from ca_core.config.access import ACLConfig
from ca_core.config.model import Config
from ca_core.config.workloads import workload_uids
from ca_core.errors import ConfigError
from ca_core.intentions.decision import Default, Why

MAX_TOKEN_BYTES = 4096
"""A token is 36 characters; more than this is another file."""


def server_policy(acl: ACLConfig) -> DefaultPolicy:
    """Return what holds where no rule decides: nothing is allowed, unless it is said."""
    return DefaultPolicy(acl.default_policy or DefaultPolicy.DENY)


def dev_policy(acl: ACLConfig) -> DefaultPolicy:
    """Return what holds in ``dev`` where no rule decides: everything, unless it is said."""
    return DefaultPolicy(acl.default_policy or DefaultPolicy.MANAGE)


def intention_default(acl: ACLConfig, policy: DefaultPolicy) -> Default:
    """Return what holds where no intention matches: what is said, else as tokens have it."""
    if acl.default_intention_policy:
        return Default(acl.default_intention_policy == "allow", Why.DEFAULT)
    return Default(policy is not DefaultPolicy.DENY)


def server_rules(acl: ACLConfig) -> May:
    """Return what holds on a server without tokens: root and its own user are operators."""
    return LocalRules(owner_uid=os.getuid(), agents_vouch=acl.agents_sign == "any")


def agent_rules(config: Config) -> May:
    """Return what holds at an agent without tokens: users have what is listed for them.

    Raises:
        ConfigError: a user name that this machine does not know.
    """
    return LocalRules(owner_uid=os.getuid(), workloads=workload_uids(config.agent))


def dev_rules(config: Config) -> May:
    """Return what holds in ``dev`` without tokens: everything, unless a default policy is said.

    Raises:
        ConfigError: as ``agent_rules``.
    """
    return AllowAll() if config.acl.default_policy is None else agent_rules(config)


def default_token(path: Path | None) -> str:
    """Return the token in ``agent.token_file``, or '' if none is configured. Blocks.

    Raises:
        ConfigError: it cannot be read, or holds nothing; its content is not shown.
    """
    if path is None:
        return ""
    try:
        with path.open() as file:
            text = file.read(MAX_TOKEN_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise ConfigError(reason.lower(), where=f"agent.token_file: {path}") from None
    if not text:
        raise ConfigError("holds no token", where=f"agent.token_file: {path}")
    return text
