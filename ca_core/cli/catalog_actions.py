"""What ``ca-core catalog`` does, once it is known whom to ask."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from ca_core.cli.client import Client
from ca_core.cli.options import Output
from ca_core.cli.output import print_json, print_table
from ca_core.wire.catalog import NODE_CHECK, Check, CheckStatus, Instance, Node

_WORST_FIRST = (CheckStatus.CRITICAL, CheckStatus.WARNING)

MOST_OUTPUT = 120
"""Characters of what a check said, in a table."""

_UNKNOWN = "unknown"
"""Of an agent: its node has no check that says whether it calls, or none that one may see."""

_NO_SERVICE = (
    "No instance that you may see. `ca-core catalog services` lists the services that there are."
)


def services(client: Client, output: Output) -> None:
    """Show every service. Raises as ``Client``."""
    answer = client.get("/v1/catalog/services")
    if output is Output.JSON:
        print_json(answer.json())
        return
    found = answer.decoded(dict[str, tuple[str, ...]])
    rows = [(name, ", ".join(tags)) for name, tags in sorted(found.items())]
    print_table(("SERVICE", "TAGS"), rows, empty="No service that you may see is registered.")


def place_of(name: str, *, connect: bool, passing: bool, tags: Sequence[str]) -> str:
    """Return the path and query that ask for a service's instances."""
    kind = "connect" if connect else "service"
    query = ([("passing", "true")] if passing else []) + [("tag", tag) for tag in tags]
    path = f"/v1/health/{kind}/{quote(name, safe='')}"
    return f"{path}?{urlencode(query)}" if query else path


def service(client: Client, place: str, output: Output) -> None:
    """Show the instances of a service. Raises as ``Client``."""
    answer = client.get(place)
    if output is Output.JSON:
        print_json(answer.json())
        return
    rows = [_row_of(each) for each in answer.decoded(tuple[Instance, ...])]
    columns = ("NODE", "ID", "ADDRESS", "TAGS", "HEALTH")
    print_table(columns, rows, empty=_NO_SERVICE, cut=True)


def nodes(client: Client, output: Output) -> None:
    """Show every node. Raises as ``Client``."""
    answer = client.get("/v1/catalog/nodes")
    checks = client.get("/v1/health/state/any").decoded(tuple[Check, ...])
    alive = {check.node: str(check.status) for check in checks if check.id == NODE_CHECK}
    if output is Output.JSON:
        found = answer.decoded(list[dict[str, Any]])
        print_json([one | {"AgentStatus": alive.get(one["Node"], _UNKNOWN)} for one in found])
        return
    rows = [
        (node.node, node.address, _pairs(node.meta), alive.get(node.node, _UNKNOWN))
        for node in answer.decoded(tuple[Node, ...])
    ]
    print_table(("NODE", "ADDRESS", "META", "AGENT"), rows, empty="No node that you may see.")


def _row_of(instance: Instance) -> tuple[str, ...]:
    node, found = instance.node, instance.service
    address = found.socket_path or f"{found.address or node.address}:{found.port}"
    health = health_of(instance.checks)
    return (node.node, found.id, address, ", ".join(found.tags), health)


def health_of(checks: Iterable[Check]) -> str:
    """Return the worst status there is, with the checks that have it and what each said."""
    known = tuple(checks)
    for status in _WORST_FIRST:
        named = ", ".join(_said_by(check) for check in known if check.status is status)
        if named:
            return f"{status}: {named}"
    return str(CheckStatus.PASSING)


def output_line(check: Check) -> str:
    """Return the first line of what a check said, short."""
    return check.output.strip().partition("\n")[0][:MOST_OUTPUT].strip()


def _said_by(check: Check) -> str:
    name, said = check.name or check.id, output_line(check)
    return f"{name} ({said})" if said else name


def _pairs(meta: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(meta.items()))
