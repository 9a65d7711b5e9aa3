"""Binding rules as rows: which logins of an auth method get what.

Table ``acl-binding-rules``: id → ``BindingRuleRow``.
"""

import re
from enum import StrEnum

import msgspec

from ca_core.acl.naming import given_name, identity_name
from ca_core.acl.selectors import Claims, parse_selector, selects
from ca_core.errors import RequestError
from ca_core.state.rows import decoded, read
from ca_core.state.view import View

BINDING_RULES = "acl-binding-rules"

_PLACEHOLDER = re.compile(r"\$\{\s*value\.([A-Za-z_][A-Za-z0-9_]{0,63})\s*\}")
_BUILTIN_NAMES = re.compile(r"(builtin/)?[A-Za-z0-9_-]{1,128}\Z")


class BindType(StrEnum):
    """What a rule gives."""

    SERVICE = "service"
    """A service identity; its name may hold ``${value.NAME}``."""
    POLICY = "policy"
    """A policy by its name, written as it is: no JWT chooses one."""


class BindingRuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: to logins of ``method`` that ``selector`` is true of, it gives ``name``."""

    id: str
    method: str
    kind: BindType
    name: str
    selector: str = ""
    description: str = ""


def binding_rule(view: View, rule_id: str) -> BindingRuleRow | None:
    """Return the rule of that id, or None."""
    return read(view, BindingRuleRow, BINDING_RULES, rule_id.lower())


def binding_rules(view: View, method: str = "") -> tuple[BindingRuleRow, ...]:
    """Return the rules of an auth method, or of all, by method and id."""
    rows = (decoded(BindingRuleRow, row.value) for row in view.table(BINDING_RULES).values())
    chosen = (row for row in rows if method in ("", row.method))
    return tuple(sorted(chosen, key=lambda row: (row.method, row.id)))


def applies(rule: BindingRuleRow, claims: Claims) -> bool:
    """Say whether a rule's selector is true of a login."""
    return selects(parse_selector(rule.selector), claims)


def bound_name(rule: BindingRuleRow, claims: Claims) -> str | None:
    """Return the name that a rule gives to a login; None if the JWT fills it with no name.

    What a JWT says is put in as it is, and the whole must be the name of a service.
    """
    if rule.kind is BindType.POLICY:
        return rule.name
    wanted = _PLACEHOLDER.findall(rule.name)
    if not all(claims.values.get(name) for name in wanted):
        return None
    name = _PLACEHOLDER.sub(lambda found: claims.values[found.group(1)], rule.name)
    try:
        return identity_name(name, "BindName")
    except RequestError:
        return None


def require_bind_name(kind: BindType, name: str, known: frozenset[str]) -> None:
    """Refuse a name that no login could be given.

    Args:
        kind: what the rule gives.
        name: what is checked.
        known: names of texts that the auth method knows.

    Raises:
        RequestError: no name, another placeholder than ``${value.NAME}``, or an unknown one.
    """
    if kind is BindType.POLICY:
        if "${" in name:
            raise RequestError(
                "a policy's name is written as it is: no JWT chooses its policy", field="BindName"
            )
        if not _BUILTIN_NAMES.match(name):
            given_name(name, "BindName")
        return
    for wanted in _PLACEHOLDER.findall(name):
        _require_known(wanted, known, "ClaimMappings", "BindName")
    identity_name(_PLACEHOLDER.sub("x", name), "BindName")


def require_selector(text: str, values: frozenset[str], lists: frozenset[str]) -> None:
    """Refuse a selector that is not served, or speaks of what the auth method does not know.

    Raises:
        RequestError: it is one of them.
    """
    for term in parse_selector(text):
        known, mapping = (lists, "ListClaimMappings") if term.several else (values, "ClaimMappings")
        _require_known(term.name, known, mapping, "Selector")


def _require_known(name: str, known: frozenset[str], mapping: str, field: str) -> None:
    if name not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise RequestError(
            f"{name!r} is not in the auth method's {mapping} (there: {listed})", field=field
        )
