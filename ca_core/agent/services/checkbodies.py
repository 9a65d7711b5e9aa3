"""From the body of a check to its definition."""

from datetime import timedelta

from ca_core.agent.services.definitions import (
    Alias,
    CheckDefinition,
    Http,
    Kind,
    Tcp,
    Thresholds,
    Ttl,
)
from ca_core.agent.services.names import MAX_PORT, checked_id, checked_text
from ca_core.agent.services.spans import span_of
from ca_core.agent.services.standing import MAX_OUTPUT, is_maintenance
from ca_core.agent.services.unserved import refuse_unserved
from ca_core.config.serverurl import split_url
from ca_core.errors import RequestError
from ca_core.wire.catalog import NODE_CHECK, CheckStatus
from ca_core.wire.services import CheckBody

SHORTEST_INTERVAL = timedelta(seconds=1)
"""A shorter one counts as this, as with Consul."""
DEFAULT_TIMEOUT = timedelta(seconds=10)
LONGEST_TIMEOUT = timedelta(minutes=5)
SHORTEST_REMOVAL = timedelta(minutes=1)
MAX_IN_A_ROW = 1000
MAX_URL = 2048
MAX_BODY = 65536
MAX_HEADERS = 64

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
"""Characters of a header's name, lower case (RFC 9110 §5.6.2)."""


def check_of(
    body: CheckBody,
    *,
    check_id: str,
    service_id: str,
    name: str,
    node: str | None,
    place: str = "",
) -> CheckDefinition:
    """Return what a body defines.

    Args:
        body: as it came.
        check_id: what holds if the body names none.
        name: likewise.
        service_id: whose check it is; '' for the node's.
        node: this agent's, the only one whose services can be followed; None if it is not known.
        place: where the body stands in the request, for messages.

    Raises:
        RequestError: names the field.
    """
    refuse_unserved(body, place)
    kind = _kind(body, node, place)
    return CheckDefinition(
        id=_checked_check_id(body.check_id or body.id or check_id, place),
        name=checked_text(body.name or name, f"{place}Name"),
        notes=checked_text(body.notes, f"{place}Notes", MAX_OUTPUT),
        service_id=service_id,
        kind=kind,
        status=status_of(body.status or "critical", f"{place}Status"),
        thresholds=_thresholds(body, place),
        deregister_after=_removal(body, service_id, place),
    )


def status_of(text: str, field: str) -> CheckStatus:
    """Return a status.

    Raises:
        RequestError: none of the three.
    """
    try:
        return CheckStatus(text)
    except ValueError:
        raise RequestError("write passing, warning or critical", field=field) from None


def _checked_check_id(text: str, place: str) -> str:
    where = f"{place}CheckID"
    if not text:
        raise RequestError("a check needs a name", field=f"{place}Name")
    if is_maintenance(text) or text == NODE_CHECK:
        raise RequestError(f"{text!r} is kept by the agent", field=where)
    return checked_id(text, where, spaces=True)


def _kind(body: CheckBody, node: str | None, place: str) -> Kind:
    named = {
        "TTL": bool(body.ttl),
        "TCP": bool(body.tcp),
        "HTTP": bool(body.http),
        "AliasService": bool(body.alias_service or body.alias_node),
    }
    kinds = [name for name, there in named.items() if there]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none of them"
        raise RequestError(f"one of TTL, TCP, HTTP and AliasService, not {found}", field=place[:-1])
    match kinds[0]:
        case "TTL":
            return _ttl(body, place)
        case "TCP":
            return _tcp(body, place)
        case "HTTP":
            return _http(body, place)
        case _:
            return _alias(body, node, place)


def _ttl(body: CheckBody, place: str) -> Ttl:
    ttl = span_of(body.ttl, f"{place}TTL")
    if not ttl or body.interval:
        raise RequestError("above zero, and without Interval", field=f"{place}TTL")
    return Ttl(ttl=max(ttl, SHORTEST_INTERVAL))


def _alias(body: CheckBody, node: str | None, place: str) -> Alias:
    if node is not None and body.alias_node not in ("", node):
        raise RequestError("only what this node runs can be followed", field=f"{place}AliasNode")
    return Alias(service_id=checked_id(body.alias_service, f"{place}AliasService"))


def _tcp(body: CheckBody, place: str) -> Tcp:
    host, colon, port = body.tcp.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= MAX_PORT  # noqa: PLR2004 - digits of 65535
    if not colon or not is_port or not bare or not bare.isprintable() or " " in bare:
        raise RequestError("write HOST:PORT", field=f"{place}TCP")
    interval, timeout = _pace(body, place)
    return Tcp(host=bare, port=int(port), interval=interval, timeout=timeout)


def _http(body: CheckBody, place: str) -> Http:
    url = _checked_url(body.http, f"{place}HTTP")
    method = body.method.upper() or "GET"
    if method not in _METHODS:
        raise RequestError(f"one of {', '.join(sorted(_METHODS))}", field=f"{place}Method")
    if len(body.body) > MAX_BODY:
        raise RequestError(f"longer than {MAX_BODY} characters", field=f"{place}Body")
    interval, timeout = _pace(body, place)
    return Http(
        url=url,
        method=method,
        headers=_headers(body, f"{place}Header"),
        body=body.body,
        server_name=checked_text(body.tls_server_name, f"{place}TLSServerName", 255),
        skip_verify=body.tls_skip_verify,
        interval=interval,
        timeout=timeout,
    )


def _checked_url(url: str, where: str) -> str:
    """Return a URL that can be asked; who it is asked as belongs into headers, which are hidden."""
    parts = split_url(url)
    fits = len(url) <= MAX_URL and url.isascii() and url.isprintable() and " " not in url
    if parts is None or not fits or parts.scheme not in ("http", "https") or not parts.hostname:
        raise RequestError("write http://HOST:PORT/PATH, or https://…", field=where)
    if parts.username or parts.password or parts.fragment:
        raise RequestError("without user and fragment; a password goes into Header", field=where)
    return url


def _headers(body: CheckBody, where: str) -> tuple[tuple[str, str], ...]:
    pairs = tuple((name, value) for name, values in body.header.items() for value in values)
    if len(pairs) > MAX_HEADERS:
        raise RequestError(f"more than {MAX_HEADERS}", field=where)
    for name, value in pairs:
        if not name or not set(name.lower()) <= _TOKEN:
            raise RequestError(f"no name of a header: {name[:40]!r}", field=where)
        if len(value) > MAX_BODY or any(c in value for c in "\r\n\0") or not _is_latin(value):
            raise RequestError("no value of a header", field=f"{where}.{name}")
    return pairs


def _is_latin(text: str) -> bool:
    return all(ord(char) < 256 for char in text)  # noqa: PLR2004 - latin-1


def _pace(body: CheckBody, place: str) -> tuple[timedelta, timedelta]:
    """Return how often it is run, and how long a run may take."""
    interval = span_of(body.interval, f"{place}Interval")
    if not interval:
        raise RequestError("needed: how often it is run, like 10s", field=f"{place}Interval")
    timeout = span_of(body.timeout, f"{place}Timeout") or DEFAULT_TIMEOUT
    if timeout > LONGEST_TIMEOUT:
        raise RequestError("at most 5m", field=f"{place}Timeout")
    return max(interval, SHORTEST_INTERVAL), timeout


def _thresholds(body: CheckBody, place: str) -> Thresholds:
    """Return how many results in a row count; 0 is 1; warnings come no later than critical."""
    given = {
        "SuccessBeforePassing": body.success_before_passing,
        "FailuresBeforeWarning": body.failures_before_warning,
        "FailuresBeforeCritical": body.failures_before_critical,
    }
    for name, count in given.items():
        if not 0 <= count <= MAX_IN_A_ROW:
            raise RequestError(f"0 to {MAX_IN_A_ROW}", field=f"{place}{name}")
    critical = body.failures_before_critical or 1
    warning = body.failures_before_warning or critical
    if warning > critical:
        raise RequestError("above FailuresBeforeCritical", field=f"{place}FailuresBeforeWarning")
    return Thresholds(passing=body.success_before_passing or 1, warning=warning, critical=critical)


def _removal(body: CheckBody, service_id: str, place: str) -> timedelta | None:
    where = f"{place}DeregisterCriticalServiceAfter"
    after = span_of(body.deregister_after, where)
    if after and not service_id:
        raise RequestError("only for checks of a service", field=where)
    return max(after, SHORTEST_REMOVAL) if after else None
