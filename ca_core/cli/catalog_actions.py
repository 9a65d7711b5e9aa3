"""What ``ca-core catalog`` does, once it is known whom to ask."""

from collections.abc import Iterable, Sequence
from urllib.parse import quote, urlencode

from ca_core.cli.client import Client
from ca_core.cli.options import Output
from ca_core.cli.output import print_json, print_table
from ca_core.wire.catalog import NODE_CHECK, Check, CheckStatus, Instance, Node

_WORST_FIRST = (CheckStatus.CRITICAL, CheckStatus.WARNING)

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
    print_table(("NODE", "ID", "ADDRESS", "TAGS", "HEALTH"), rows, empty=_NO_SERVICE)


def nodes(client: Client, output: Output) -> None:
    """Show every node. Raises as ``Client``."""
    answer = client.get("/v1/catalog/nodes")
    if output is Output.JSON:
        print_json(answer.json())
        return
    checks = client.get("/v1/health/state/any").decoded(tuple[Check, ...])
    alive = {check.node: str(check.status) for check in checks if check.id == NODE_CHECK}
    rows = [
        (node.node, node.address, _pairs(node.meta), alive.get(node.node, "unknown"))
        for node in answer.decoded(tuple[Node, ...])
    ]
    print_table(("NODE", "ADDRESS", "META", "AGENT"), rows, empty="No node that you may see.")


def _row_of(instance: Instance) -> tuple[str, ...]:
    node, found = instance.node, instance.service
    address = found.socket_path or f"{found.address or node.address}:{found.port}"
    health = health_of(instance.checks)
    return (node.node, found.id, address, ", ".join(found.tags), health)


def health_of(checks: Iterable[Check]) -> str:
    """Return the worst status there is, with the names of the checks that have it."""
    known = tuple(checks)
    for status in _WORST_FIRST:
        named = ", ".join(check.name or check.id for check in known if check.status is status)
        if named:
            return f"{status}: {named}"
    return str(CheckStatus.PASSING)


def _pairs(meta: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(meta.items()))
