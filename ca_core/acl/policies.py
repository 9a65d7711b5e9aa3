"""Policies as rows, and the two that nobody writes.

Table ``acl-policies``: id → ``PolicyRow``. Table ``acl-policy-names``: ``name_key(name)`` → id, as
UTF-8, written in the same transaction, which keeps names apart.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from ca_core.acl.rights import rules_for_everything
from ca_core.acl.rules import Level, Rules
from ca_core.acl.wirerules import WireRule, unwired, wired
from ca_core.state.rows import decoded, read
from ca_core.state.view import View

POLICIES = "acl-policies"
POLICY_NAMES = "acl-policy-names"
ACL_TOPIC = "acl"
"""Touched by every change of a token or policy."""

MANAGEMENT_ID = "00000000-0000-0000-0000-000000000001"
READ_ONLY_ID = "00000000-0000-0000-0000-000000000002"


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One policy.

    Attributes:
        id: a UUID in lower case; its key.
        name: as written; unique whatever its case.
        rules: the document as its author wrote it (TOML, JSON or HCL).
        compiled: what ``rules`` says, parsed once, when it was written.
        created, modified: aware UTC; None for the ones in the program.
    """

    id: str
    name: str
    rules: str
    compiled: tuple[WireRule, ...]
    description: str = ""
    created: datetime | None = None
    modified: datetime | None = None


def _builtin(key: str, name: str, description: str, level: Level) -> PolicyRow:
    return PolicyRow(
        id=key,
        name=name,
        description=description,
        rules=_EVERYTHING.format(level.name.lower()),
        compiled=wired(rules_for_everything(level)),
    )


_EVERYTHING = """\
service_prefix "" {{
  policy     = "{0}"
  intentions = "{0}"
}}
node_prefix "" {{
  policy = "{0}"
}}
agent_prefix "" {{
  policy = "{0}"
}}
operator = "{0}"
acl      = "{0}"
"""

BUILTIN_POLICIES: Mapping[str, PolicyRow] = MappingProxyType(
    {
        MANAGEMENT_ID: _builtin(
            MANAGEMENT_ID, "global-management", "May read and change everything", Level.WRITE
        ),
        READ_ONLY_ID: _builtin(
            READ_ONLY_ID, "builtin/global-read-only", "May read everything", Level.READ
        ),
    }
)
"""By id: what every cluster has. They cannot be changed, deleted or given another name."""


def name_key(name: str) -> str:
    """Return a name's key in ``POLICY_NAMES``: two names that differ in case alone are one."""
    return name.lower()


def policy(view: View, policy_id: str) -> PolicyRow | None:
    """Return the policy of that id, the builtin ones included, or None."""
    key = policy_id.lower()
    return BUILTIN_POLICIES.get(key) or read(view, PolicyRow, POLICIES, key)


def policy_by_name(view: View, name: str) -> PolicyRow | None:
    """Return the policy of that name, the builtin ones included, or None; case does not matter."""
    key = name_key(name)
    for row in BUILTIN_POLICIES.values():
        if name_key(row.name) == key:
            return row
    found = view.get(POLICY_NAMES, key)
    return None if found is None else policy(view, found.value.decode())


def policies(view: View) -> tuple[PolicyRow, ...]:
    """Return every policy, the builtin ones included, by name."""
    stored = (decoded(PolicyRow, row.value) for row in view.table(POLICIES).values())
    return tuple(sorted((*BUILTIN_POLICIES.values(), *stored), key=lambda row: name_key(row.name)))


def rules_of_policy(row: PolicyRow) -> Rules:
    """Return what it says."""
    return unwired(row.compiled)
