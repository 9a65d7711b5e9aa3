"""Leaves of one service with other names than its own: how many of them one caller may begin.

Each is a signature at the servers, of which a cluster has so many in a second. The plain leaf of a
service is not counted, nor is one that is there already.
"""

from ca_core.agent.leafrecord import LeafName
from ca_core.allowances import Allowances
from ca_core.clock import Clock
from ca_core.errors import RequestError
from ca_core.identity.csr import MAX_NAMES, check_dns_name

AT_ONCE = 64.0
"""A service with names that come and go with its hosts, or a program that was written wrong."""
PER_SECOND = 0.1
MOST_COUNTED = 4096
"""Pairs of caller and service; the one that began a variant longest ago is forgotten first."""


class LeafVariants:
    """What each caller may still begin of each service. Used from one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._left: Allowances[tuple[str, str]] = Allowances(
            clock,
            at_once=AT_ONCE,
            per_second=PER_SECOND,
            said=lambda key: f"too many leaves of {key[1]!r} with other names",
            most=MOST_COUNTED,
        )

    def spend(self, name: LeafName) -> None:
        """Note that a leaf is begun.

        Raises:
            RateLimitedError: too many of this service with other names.
        """
        if name.dns_names or name.ip_addresses:
            self._left.spend((name.partition, name.service))


def check_names(name: LeafName) -> None:
    """Refuse names that no leaf may have.

    Raises:
        RequestError: too many of them, or one that is no DNS name.
    """
    if len(name.dns_names) + len(name.ip_addresses) > MAX_NAMES:
        raise RequestError(f"more than {MAX_NAMES} names", field="dns-san")
    for dns_name in name.dns_names:
        check_dns_name(dns_name)
