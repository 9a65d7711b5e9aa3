"""``[agent.workloads]``: user names become the uids the kernel speaks of."""

import pwd
from collections.abc import Mapping

from ca_core.config.model import AgentConfig
from ca_core.errors import ConfigError


def workload_uids(agent: AgentConfig) -> Mapping[str, frozenset[int]]:
    """Return, per service, the uids that may have its leaf; names are looked up now.

    Raises:
        ConfigError: a user name that this machine does not know; names the key.
    """
    return {
        service: frozenset(_uid(user, f"agent.workloads.{service}") for user in users)
        for service, users in agent.workloads.items()
    }


def _uid(user: int | str, where: str) -> int:
    if isinstance(user, int):
        return user
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise ConfigError(
            f"no user {user!r} on this machine",
            where=where,
            hint="`getent passwd` lists the users; a uid (a number) works too",
        ) from None
