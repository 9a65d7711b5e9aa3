"""What ``ca-core service`` and ``ca-core check`` do, once it is known whom to ask."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from ca_core.cli.catalog_actions import health_of, output_line
from ca_core.cli.client import Client
from ca_core.cli.options import Output
from ca_core.cli.output import print_json, print_lines, print_table
from ca_core.wire.catalog import Check
from ca_core.wire.services import AgentService

_NONE = "No service that you may see is registered with the agent of this host."
_NO_CHECKS = "No check that you may see is registered with the agent of this host."

_AGENT = "/v1/agent"


def register(client: Client, bodies: Sequence[Mapping[str, Any]], output: Output) -> None:
    """Register every body, then show what is registered now. Raises as ``Client``."""
    for body in bodies:
        client.put(f"{_AGENT}/service/register", body)
    ids = {_named(body) for body in bodies}
    services, checks = _services(client), _checks(client)
    ours = [each for each in services if each.id in ids or _is_beside(each, ids)]
    if output is Output.JSON:
        print_json([_as_json(each, checks) for each in ours])
        return
    _print_services(ours, checks)


def show_services(client: Client, output: Output) -> None:
    """Show every service of this host. Raises as ``Client``."""
    services, checks = _services(client), _checks(client)
    if output is Output.JSON:
        print_json([_as_json(each, checks) for each in services])
        return
    _print_services(services, checks)


def deregister(client: Client, instance_id: str, output: Output) -> None:
    """Take an instance away. Raises as ``Client``."""
    client.put(f"{_AGENT}/service/deregister/{quote(instance_id, safe='')}")
    if output is Output.JSON:
        print_json({"Deregistered": instance_id})
        return
    print_lines(f"{instance_id} is registered no longer")


def show_checks(client: Client, output: Output) -> None:
    """Show every check of this host. Raises as ``Client``."""
    answer = client.get(f"{_AGENT}/checks")
    if output is Output.JSON:
        print_json(list(answer.json().values()))
        return
    rows = [
        (
            check.id,
            check.service_id or "(the node)",
            check.type,
            str(check.status),
            output_line(check),
        )
        for check in answer.decoded(dict[str, Check]).values()
    ]
    print_table(("ID", "SERVICE", "TYPE", "STATUS", "OUTPUT"), rows, empty=_NO_CHECKS)


def report(client: Client, word: str, check_id: str, note: str, output: Output) -> None:
    """Report how a TTL check stands. Raises as ``Client``."""
    query = f"?{urlencode({'note': note})}" if note else ""
    client.put(f"{_AGENT}/check/{word}/{quote(check_id, safe=':')}{query}")
    status = {"pass": "passing", "warn": "warning", "fail": "critical"}[word]
    if output is Output.JSON:
        print_json({"CheckID": check_id, "Status": status, "Output": note})
        return
    print_lines(f"{check_id} is {status}")


def _services(client: Client) -> list[AgentService]:
    found = client.get(f"{_AGENT}/services").decoded(dict[str, AgentService])
    return [found[key] for key in sorted(found)]


def _checks(client: Client) -> tuple[Check, ...]:
    return tuple(client.get(f"{_AGENT}/checks").decoded(dict[str, Check]).values())


def _named(body: Mapping[str, Any]) -> str:
    """Return the id that a body gives its instance, however its keys are spelled."""
    plain = {key.casefold(): value for key, value in body.items()}
    return str(plain.get("id") or plain.get("name") or "")


def _is_beside(service: AgentService, ids: Iterable[str]) -> bool:
    return any(service.id == f"{each}-sidecar-proxy" for each in ids)


def _of(service: AgentService, checks: Iterable[Check]) -> list[Check]:
    return [check for check in checks if check.service_id in ("", service.id)]


def _as_json(service: AgentService, checks: Iterable[Check]) -> dict[str, Any]:
    """Return one service for programs. Stable: keys are added, never renamed."""
    return {
        "ID": service.id,
        "Service": service.service,
        "Kind": service.kind,
        "Address": service.address,
        "Port": service.port,
        "Tags": list(service.tags),
        "Meta": service.meta,
        "Health": health_of(_of(service, checks)).partition(":")[0],
    }


def _print_services(services: Iterable[AgentService], checks: Iterable[Check]) -> None:
    known = tuple(checks)
    rows = [
        (
            each.id,
            each.service,
            each.kind or "service",
            f"{each.address}:{each.port}" if each.port else each.address,
            ", ".join(each.tags),
            health_of(_of(each, known)),
        )
        for each in services
    ]
    columns = ("ID", "SERVICE", "KIND", "ADDRESS", "TAGS", "HEALTH")
    print_table(columns, rows, empty=_NONE, cut=True)
