"""Where an agent lives, and how it decides."""

from dataclasses import dataclass, field
from datetime import timedelta

from ca_core.agent.authorizing import AuthorizeRules
from ca_core.agent.cache.inventory import DEFAULT_BUDGET


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """Where an agent lives, and how it decides.

    Attributes:
        datacenter, node: as they stand in SPIFFE IDs.
        authorize: what its authorizer looks at besides intentions.
        max_staleness: how old intentions may be to decide by; zero for any age.
        cache_bytes: memory of all that it remembers, about.
        address: where other hosts reach the services of this one; '' if it is not said.
    """

    datacenter: str
    node: str
    authorize: AuthorizeRules = field(default_factory=AuthorizeRules)
    max_staleness: timedelta = timedelta()
    cache_bytes: int = DEFAULT_BUDGET
    address: str = ""
