"""What a token is to be: a request's words turned once into what cannot be wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ca_core.acl.naming import checked_uuid, given_description, identity_name
from ca_core.acl.policies import BUILTIN_POLICIES, POLICIES, PolicyRow, policy, policy_by_name
from ca_core.durations import parse_duration
from ca_core.errors import RequestError
from ca_core.state.view import View
from ca_core.wire.acl import PolicyLink, TokenRequest
from ca_core.wire.times import parse_wire_time

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=3650)
"""Bounds of what a token's life may be, where it ends at all."""

MOST_LINKS = 64
"""Policies of a token; as many identities of each kind."""

_MADE_BY_US = "is made by ca-core; leave it out"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDraft:
    """What a token says of itself, without what makes it one.

    Attributes:
        policies: ids or names as the caller wrote them; ``policy_ids`` finds them in a view.
        service_identities, node_identities: names, each once, in the caller's order.
        expires: aware UTC; None for never.
    """

    description: str = ""
    policies: tuple[PolicyLink, ...] = ()
    service_identities: tuple[str, ...] = ()
    node_identities: tuple[str, ...] = ()
    expires: datetime | None = None


def parsed_token(body: TokenRequest, datacenter: str, now: datetime) -> TokenDraft:
    """Return what a body asks for; its ids are the caller's business.

    Raises:
        RequestError: a rule is broken, or something is asked for that is not served.
    """
    _require_supported(body)
    return TokenDraft(
        description=given_description(body.description),
        policies=_bounded(body.policies, "Policies"),
        service_identities=_services(body, datacenter),
        node_identities=_nodes(body, datacenter),
        expires=_expiry(body, now),
    )


def refuse_chosen_ids(body: TokenRequest) -> None:
    """Refuse ids of the caller's choice: a secret is as good as who drew it.

    Raises:
        RequestError: there is one.
    """
    if body.secret_id:
        raise RequestError(f"{_MADE_BY_US}: 128 random bits, shown once", field="SecretID")
    if body.accessor_id:
        raise RequestError(
            f"{_MADE_BY_US}: one that is used again would revive what agents still hold of it",
            field="AccessorID",
        )


def policy_ids(view: View, links: Iterable[PolicyLink]) -> tuple[str, ...]:
    """Return the ids of the policies that are meant, each once.

    Raises:
        RequestError: there is no such policy, or id and name are of two.
    """
    found = [_linked(view, link, f"Policies[{at}]") for at, link in enumerate(links)]
    return tuple(dict.fromkeys(row.id for row in found))


def policy_versions(view: View, ids: Iterable[str]) -> dict[tuple[str, str], int]:
    """Return what a commit that names these policies expects: that they are still there."""
    rows = {name: view.get(POLICIES, name) for name in ids if name not in BUILTIN_POLICIES}
    return {(POLICIES, name): row.version for name, row in rows.items() if row is not None}


def _require_supported(body: TokenRequest) -> None:
    absent = {
        "Roles": (body.roles, "ca-core has no roles; name their policies"),
        "TemplatedPolicies": (body.templated_policies, "ca-core has none; use identities"),
        "Local": (body.local, "there is one datacenter; leave it out, or false"),
        "Namespace": (body.namespace not in ("", "default"), "only 'default' is served here"),
        "Partition": (body.partition not in ("", "default"), "only 'default' is served here"),
    }
    for field, (says, fault) in absent.items():
        if says:
            raise RequestError(fault, field=field)


def _bounded(links: tuple[PolicyLink, ...], field: str) -> tuple[PolicyLink, ...]:
    if len(links) > MOST_LINKS:
        raise RequestError(f"{len(links)}, at most {MOST_LINKS}", field=field)
    return links


def _services(body: TokenRequest, datacenter: str) -> tuple[str, ...]:
    given = body.service_identities
    _require_few(len(given), "ServiceIdentities")
    for at, each in enumerate(given):
        _require_here(each.datacenters, datacenter, f"ServiceIdentities[{at}].Datacenters")
    names = (
        identity_name(each.service_name, f"ServiceIdentities[{at}].ServiceName")
        for at, each in enumerate(given)
    )
    return tuple(dict.fromkeys(names))


def _nodes(body: TokenRequest, datacenter: str) -> tuple[str, ...]:
    given = body.node_identities
    _require_few(len(given), "NodeIdentities")
    for at, each in enumerate(given):
        named = (each.datacenter,) if each.datacenter else ()
        _require_here(named, datacenter, f"NodeIdentities[{at}].Datacenter")
    names = (
        identity_name(each.node_name, f"NodeIdentities[{at}].NodeName")
        for at, each in enumerate(given)
    )
    return tuple(dict.fromkeys(names))


def _require_few(number: int, field: str) -> None:
    if number > MOST_LINKS:
        raise RequestError(f"{number}, at most {MOST_LINKS}", field=field)


def _require_here(named: tuple[str, ...], datacenter: str, field: str) -> None:
    if set(named) - {datacenter}:
        raise RequestError(f"only {datacenter!r} is served here", field=field)


def _expiry(body: TokenRequest, now: datetime) -> datetime | None:
    if body.expiration_ttl and body.expiration_time:
        raise RequestError("give this or ExpirationTime, not both", field="ExpirationTTL")
    if body.expiration_ttl:
        span = parse_duration(body.expiration_ttl, field="ExpirationTTL")
        _require_span(span, "ExpirationTTL")
        return _whole(now + span)
    if body.expiration_time:
        return _whole(parse_wire_time(body.expiration_time, field="ExpirationTime"))
    return None


def _whole(moment: datetime) -> datetime:
    """Return the next whole second: what is stored is what is shown."""
    below = timedelta(microseconds=moment.microsecond)
    return moment - below + timedelta(seconds=1) if below else moment


def require_life(expires: datetime | None, now: datetime) -> None:
    """Refuse an end that is too near or too far.

    Raises:
        RequestError: less than ``SHORTEST`` or more than ``LONGEST`` from ``now``.
    """
    if expires is not None:
        _require_span(expires - now, "ExpirationTime")


def _require_span(span: timedelta, field: str) -> None:
    if not SHORTEST <= span <= LONGEST:
        raise RequestError("must be at least 1 minute and at most 10 years away", field=field)


def _linked(view: View, link: PolicyLink, field: str) -> PolicyRow:
    if not (link.id or link.name):
        raise RequestError("needs an ID or a Name", field=field)
    if link.id:
        found = policy(view, checked_uuid(link.id, f"{field}.ID"))
    else:
        found = policy_by_name(view, link.name)
    if found is None:
        what = link.id or link.name
        raise RequestError(
            f"there is no policy {what[:80]!r}",
            field=field,
            hint="`ca-core policy list` shows those there are",
        )
    if link.id and link.name and policy_by_name(view, link.name) != found:
        raise RequestError("ID and Name are of two policies; give one of them", field=field)
    return found
