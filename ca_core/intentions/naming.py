"""Names as clients write them: ``svc``, ``ns/svc``, ``default/ns/svc``, and ``*``.

Partitions other than ``default``, peers and sameness groups are refused: they are not served here.
"""

from ca_core.errors import RequestError
from ca_core.identity.spiffe import DEFAULT_NAMESPACE, ServiceId, TrustDomain
from ca_core.intentions.model import WILDCARD, Name

DEFAULT_PARTITION = "default"
"""The one partition that is served."""

MOST_PARTS = 3
"""Partition, namespace and name."""

_PEER = "peer:"


def parsed_name(text: str, field: str = "name") -> Name:
    """Return the service, or the set of services, that ``text`` names.

    ``*`` is every service of the namespace ``default``, ``*/*`` every service there is.

    Raises:
        RequestError: empty, of too many parts, a peer, another partition, a wildcard as a part of a
            name, or a character that no service has; ``field`` names the place.
    Source: Consul's published pages on the intentions API.
    """
    if text.startswith(_PEER):
        raise _no_peer(text, field)
    parts = text.split("/")
    if len(parts) > MOST_PARTS:
        raise RequestError(
            "input can contain at most two '/'", field=field, hint="write svc or ns/svc"
        )
    partition, namespace, name = ["", "", *parts][-MOST_PARTS:]
    return checked_name(name, namespace, partition, field=field)


def checked_name(name: str, namespace: str = "", partition: str = "", *, field: str) -> Name:
    """Return the name of these parts; an empty namespace or partition is ``default``.

    Raises:
        RequestError: as ``parsed_name``.
    """
    _require_partition(partition, field)
    found = Name(namespace or DEFAULT_NAMESPACE, name)
    if not name:
        raise RequestError("Name is required", field=field)
    for part in found:
        _require_part(part, field)
    if found.namespace == WILDCARD != found.name:
        raise RequestError(
            "exact value cannot follow wildcard namespace",
            field=field,
            hint=f"write default/{name} or */*",
        )
    return found


def one_service(name: Name, field: str) -> Name:
    """Return ``name``, which must be no wildcard.

    Raises:
        RequestError: it is one.
    """
    if name.exactness < 2:  # noqa: PLR2004 - namespace and name
        raise RequestError("must be one service, not a wildcard", field=field)
    return name


def short(name: Name) -> str:
    """Return the name as people write it: without the namespace where it is ``default``."""
    return name.name if name.namespace == DEFAULT_NAMESPACE else str(name)


def right_name(name: Name) -> str:
    """Return the name under which rights on it are looked up; ``*`` for every wildcard.

    A service of another namespace is ``/ns/svc`` there: no rule on services of ``default``, by name
    or by the beginning of names, speaks of it; one on ``""`` speaks of everything.
    """
    if name.name == WILDCARD:
        return WILDCARD
    return name.name if name.namespace == DEFAULT_NAMESPACE else f"/{name}"


def _no_peer(text: str, field: str) -> RequestError:
    _, _, rest = text.partition("/")
    fault = "cannot specify a peer here" if rest else "need to specify the service name as well"
    return RequestError(f"{fault}; peers are not served at all", field=field)


def _require_partition(partition: str, field: str) -> None:
    if WILDCARD in partition:
        raise RequestError("cannot use wildcard '*' in partition", field=field)
    if partition not in ("", DEFAULT_PARTITION):
        raise RequestError(
            f"partition {partition[:80]!r} is not served, only 'default'", field=field
        )


def _require_part(part: str, field: str) -> None:
    """Refuse what is neither a wildcard nor a part of some service's SPIFFE ID."""
    if part == WILDCARD:
        return
    if WILDCARD in part:
        raise RequestError("wildcard character '*' cannot be used with partial values", field=field)
    try:
        ServiceId(trust_domain=_SOME_DOMAIN, datacenter="dc", service=part)
    except RequestError:
        raise RequestError(
            f"{part[:80]!r} is no name: letters, digits, '.', '-', '_', and not '.' or '..'",
            field=field,
        ) from None


_SOME_DOMAIN = TrustDomain("x")
