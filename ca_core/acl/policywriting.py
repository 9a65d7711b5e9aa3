"""What writes policies: pure, from a view to one transaction."""

from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from ca_core.acl.documents import parse_document
from ca_core.acl.naming import checked_uuid, given_description, given_name
from ca_core.acl.policies import (
    BUILTIN_POLICIES,
    POLICIES,
    POLICY_NAMES,
    PolicyRow,
    name_key,
    policy,
    policy_by_name,
)
from ca_core.acl.tokenwriting import ACL_TOPICS
from ca_core.acl.wirerules import WireRule, wired
from ca_core.errors import ConflictError, NotFoundError, RequestError
from ca_core.state.protocol import ABSENT, Change, Transaction
from ca_core.state.rows import put
from ca_core.state.view import View
from ca_core.wire.acl import PolicyRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDraft:
    """What a policy says: its document, and that document compiled."""

    name: str
    description: str
    rules: str
    compiled: tuple[WireRule, ...]


def parsed_policy(body: PolicyRequest, datacenter: str) -> PolicyDraft:
    """Return what a body asks for.

    Raises:
        RequestError: a rule is broken, or something is asked for that is not served.
    """
    if set(body.datacenters) - {datacenter}:
        raise RequestError(f"only {datacenter!r} is served here", field="Datacenters")
    for field, place in (("Namespace", body.namespace), ("Partition", body.partition)):
        if place not in ("", "default"):
            raise RequestError("only 'default' is served here", field=field)
    return PolicyDraft(
        name=given_name(body.name),
        description=given_description(body.description),
        rules=body.rules,
        compiled=wired(parse_document(body.rules)),
    )


def made_policy(view: View, draft: PolicyDraft, policy_id: str, now: datetime) -> Transaction:
    """Write a new policy under an id that was drawn for it.

    Raises:
        ConflictError: another one has its name.
    """
    _require_free(view, draft.name)
    row = PolicyRow(
        id=policy_id,
        name=draft.name,
        description=draft.description,
        rules=draft.rules,
        compiled=draft.compiled,
        created=now,
        modified=now,
    )
    changes = (put(POLICIES, row.id, row), _named(row))
    expect = {(POLICIES, row.id): ABSENT, (POLICY_NAMES, name_key(row.name)): ABSENT}
    return Transaction(changes=changes, expect=expect, topics=ACL_TOPICS)


def changed_policy(
    view: View, policy_id: str, draft: PolicyDraft, now: datetime
) -> Transaction | None:
    """Write a policy anew; None if it is so already. Every token that holds it follows at once.

    Raises:
        NotFoundError: there is none of this id.
        RequestError: it is one that every cluster has.
        ConflictError: another one has its new name.
    """
    old = require_own(view, policy_id)
    same = replace(
        old,
        name=draft.name,
        description=draft.description,
        rules=draft.rules,
        compiled=draft.compiled,
    )
    if same == old:
        return None
    expect = {(POLICIES, old.id): _version(view, old)}
    changes: tuple[Change, ...] = (put(POLICIES, old.id, replace(same, modified=now)),)
    if name_key(old.name) != name_key(draft.name):
        _require_free(view, draft.name)
        changes = (*changes, _named(same), Change(POLICY_NAMES, name_key(old.name), None))
        expect[POLICY_NAMES, name_key(draft.name)] = ABSENT
    return Transaction(changes=changes, expect=expect, topics=ACL_TOPICS)


def deleted_policy(view: View, policy_id: str) -> Transaction | None:
    """Remove a policy; None if there is none. Tokens lose its rights in the same moment.

    Raises:
        RequestError: it is one that every cluster has.
    """
    if policy(view, policy_id) is None:
        return None
    old = require_own(view, policy_id)
    changes = (
        Change(POLICIES, old.id, None),
        Change(POLICY_NAMES, name_key(old.name), None),
    )
    expect = {(POLICIES, old.id): _version(view, old)}
    return Transaction(changes=changes, expect=expect, topics=ACL_TOPICS)


def require_policy(view: View, policy_id: str) -> PolicyRow:
    """Return the policy of that id, the builtin ones included.

    Raises:
        RequestError: it is no UUID.
        NotFoundError: there is none.
    """
    found = policy(view, checked_uuid(policy_id, "ID"))
    if found is None:
        raise NotFoundError(
            f"Cannot find policy: {policy_id!r}",
            hint="`ca-core policy list` shows those there are",
        )
    return found


def require_own(view: View, policy_id: str) -> PolicyRow:
    """Return the policy of that id, which somebody wants to change.

    Raises:
        NotFoundError: there is none.
        RequestError: it is one that every cluster has.
    """
    found = require_policy(view, policy_id)
    if found.id in BUILTIN_POLICIES:
        raise RequestError(
            f"the builtin policy {found.name!r} cannot be changed or deleted", field="ID"
        )
    return found


def _require_free(view: View, name: str) -> None:
    standing = policy_by_name(view, name)
    if standing is not None:
        raise ConflictError(
            f"A policy with this name exists already: {standing.id}",
            field="Name",
            hint="change that one, or choose another name",
        )


def _named(row: PolicyRow) -> Change:
    return Change(POLICY_NAMES, name_key(row.name), row.id.encode())


def _version(view: View, row: PolicyRow) -> int:
    stored = view.get(POLICIES, row.id)
    return ABSENT if stored is None else stored.version
