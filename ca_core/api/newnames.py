"""Names that no service has had before: how many of them one agent may bring.

The store remembers for ever when a name was last changed, so that no index runs backwards; an agent
that went on inventing names would fill it.
"""

from collections.abc import Sequence

from ca_core.allowances import Allowances
from ca_core.catalog.bounds import MOST_SERVICES
from ca_core.catalog.rows import connect_name, connect_topic, service_topic
from ca_core.clock import Clock
from ca_core.state.protocol import TOPICS
from ca_core.state.view import View
from ca_core.wire.registered import Registered

AT_ONCE = 2.0 * MOST_SERVICES
"""A node may be filled with services nobody has heard of, twice."""
PER_SECOND = 0.1
"""Then a few hundred an hour."""


def name_allowances(clock: Clock) -> Allowances[str]:
    """Return how many new names the agent of each node may still bring."""
    return Allowances(
        clock,
        at_once=AT_ONCE,
        per_second=PER_SECOND,
        said=lambda node: f"too many services of new names came from node {node!r}",
    )


def new_names(view: View, brought: Sequence[Registered]) -> int:
    """Return how many names of these instances no service has had before."""
    topics = {service_topic(one.service.service) for one in brought}
    topics |= {connect_topic(name) for one in brought if (name := connect_name(one.service))}
    return sum(view.get(TOPICS, topic) is None for topic in topics)
