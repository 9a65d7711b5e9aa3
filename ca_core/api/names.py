"""Names of services and nodes in paths: what can be none is refused before anybody is asked."""

from functools import lru_cache

from ca_core.catalog.viewing import LONGEST_NAME
from ca_core.errors import RequestError
from ca_core.identity.spiffe import AgentId, ServiceId, TrustDomain

_ANY = TrustDomain("any")


@lru_cache(maxsize=4096)
def service_name(text: str) -> str:
    """Return a name that some service could have; remembered: a host asks for a few.

    Raises:
        RequestError: no name of a service.
    """
    _check_length(text, "service")
    return ServiceId(trust_domain=_ANY, datacenter="any", service=text).service


@lru_cache(maxsize=4096)
def node_name(text: str) -> str:
    """Return a name that some node could have.

    Raises:
        RequestError: no name of a node.
    """
    _check_length(text, "node")
    return AgentId(trust_domain=_ANY, datacenter="any", node=text).node


def _check_length(text: str, what: str) -> None:
    if not text:
        raise RequestError(f"Missing {what} name", field=what)
    if len(text) > LONGEST_NAME:  # a server refuses the whole question of an agent that asks for it
        raise RequestError(f"longer than {LONGEST_NAME} characters", field=what)
