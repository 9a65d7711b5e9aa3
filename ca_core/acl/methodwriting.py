"""What writes auth methods and binding rules: bodies checked, then one transaction each."""

from ca_core.acl.bindingrules import (
    BINDING_RULES,
    BindingRuleRow,
    BindType,
    binding_rule,
    binding_rules,
    require_bind_name,
    require_selector,
)
from ca_core.acl.methods import AUTH_METHODS, JWT_TYPE, AuthMethodRow, auth_method
from ca_core.acl.naming import checked_uuid, given_description, given_name
from ca_core.acl.tokenwriting import ACL_TOPICS
from ca_core.errors import ConflictError, NotFoundError, RequestError
from ca_core.state.protocol import ABSENT, MAX_CHANGES, Change, Transaction
from ca_core.state.rows import put
from ca_core.state.view import View
from ca_core.wire.aclmethods import BindingRuleRequest

MOST_RULES = 64
"""Binding rules of one auth method: with it they go in one commit."""

assert MOST_RULES + 2 <= MAX_CHANGES  # noqa: S101 - arithmetic of constants: rules, method, topic


def put_method(view: View, row: AuthMethodRow, *, new: bool) -> Transaction | None:
    """Write an auth method, new or in place of the one of its name; None if it is so already.

    Raises:
        ConflictError: it is to be new, and there is one.
        NotFoundError: it is to be changed, and there is none.
        RequestError: a binding rule of it would speak of what it no longer knows.
    """
    old = auth_method(view, row.name)
    if new and old is not None:
        raise ConflictError("there is an auth method of this name already", field="Name")
    if not new and old is None:
        raise missing_method(row.name)
    if row == old:
        return None
    rules = binding_rules(view, row.name)
    for rule in () if new else rules:
        _require_fitting(rule, row)
    stale = rules if new else ()  # written while a former method of this name was deleted
    return Transaction(
        changes=(put(AUTH_METHODS, row.name, row), *map(_rule_gone, stale)),
        expect=_expected(view, AUTH_METHODS, row.name),
        topics=ACL_TOPICS,
    )


def deleted_method(view: View, name: str) -> Transaction | None:
    """Remove an auth method and its binding rules; None if there is none.

    Tokens of its logins are removed apart: they may be many.
    """
    if auth_method(view, name) is None:
        return None
    rules = binding_rules(view, name)
    changes = (
        Change(AUTH_METHODS, name, None),
        *map(_rule_gone, rules),
    )
    expect = _expected(view, AUTH_METHODS, name)
    return Transaction(changes=changes, expect=expect, topics=ACL_TOPICS)


def parsed_rule(body: BindingRuleRequest, rule_id: str) -> BindingRuleRow:
    """Return what a body asks for, under an id.

    Raises:
        RequestError: a rule is broken, or something is asked for that is not served.
    """
    if body.bind_vars:
        raise RequestError("ca-core has no templated policies", field="BindVars")
    for field, place in (("Namespace", body.namespace), ("Partition", body.partition)):
        if place not in ("", "default"):
            raise RequestError("only 'default' is served here", field=field)
    if body.bind_type not in BindType._value2member_map_:
        raise RequestError(
            f"{body.bind_type[:80]!r}: 'service' or 'policy' is served here", field="BindType"
        )
    return BindingRuleRow(
        id=rule_id,
        method=given_name(body.auth_method, "AuthMethod"),
        kind=BindType(body.bind_type),
        name=body.bind_name,
        selector=body.selector,
        description=given_description(body.description),
    )


def put_rule(view: View, row: BindingRuleRow, *, new: bool) -> Transaction | None:
    """Write a binding rule, new or in place of the one of its id; None if it is so already.

    Raises:
        NotFoundError: it is to be changed, and there is none; or its auth method is not there.
        RequestError: it does not fit its auth method, belongs to another, or is one too many.
    """
    method = auth_method(view, row.method)
    if method is None:
        raise RequestError(f"there is no auth method {row.method!r}", field="AuthMethod")
    _require_fitting(row, method)
    _require_place(view, row, new=new)
    if row == binding_rule(view, row.id):
        return None
    expect = _expected(view, BINDING_RULES, row.id) | _expected(view, AUTH_METHODS, row.method)
    return Transaction(changes=(put(BINDING_RULES, row.id, row),), expect=expect, topics=ACL_TOPICS)


def deleted_rule(view: View, rule_id: str) -> Transaction | None:
    """Remove a binding rule; None if there is none."""
    row = binding_rule(view, rule_id)
    if row is None:
        return None
    return Transaction(
        changes=(Change(BINDING_RULES, row.id, None),),
        expect=_expected(view, BINDING_RULES, row.id),
        topics=ACL_TOPICS,
    )


def require_method(view: View, name: str) -> AuthMethodRow:
    """Return the auth method of that name.

    Raises:
        NotFoundError: there is none.
    """
    found = auth_method(view, name)
    if found is None:
        raise missing_method(name)
    return found


def require_rule(view: View, rule_id: str) -> BindingRuleRow:
    """Return the binding rule of that id.

    Raises:
        RequestError: it is no UUID.
        NotFoundError: there is none.
    """
    found = binding_rule(view, checked_uuid(rule_id, "ID"))
    if found is None:
        raise NotFoundError(f"Cannot find binding rule: {rule_id!r}")
    return found


def missing_method(name: str) -> NotFoundError:
    """Return the error of an auth method that is not there."""
    return NotFoundError(f"Cannot find auth method: {name[:80]!r}")


def require_type(kind: str) -> None:
    """Refuse another type of auth method than the one there is.

    Raises:
        RequestError: it is another one.
    """
    if kind != JWT_TYPE:
        raise RequestError(f"{kind[:80]!r}: only {JWT_TYPE!r} is served here", field="Type")


def _rule_gone(rule: BindingRuleRow) -> Change:
    return Change(BINDING_RULES, rule.id, None)


def _require_fitting(rule: BindingRuleRow, method: AuthMethodRow) -> None:
    values, lists = method.config.names
    require_selector(rule.selector, values, lists)
    require_bind_name(rule.kind, rule.name, values)


def _require_place(view: View, row: BindingRuleRow, *, new: bool) -> None:
    old = binding_rule(view, row.id)
    if not new and old is None:
        raise NotFoundError(f"Cannot find binding rule: {row.id!r}")
    if old is not None and old.method != row.method:
        raise RequestError("a rule stays with its auth method", field="AuthMethod")
    if new and len(binding_rules(view, row.method)) >= MOST_RULES:
        raise RequestError(f"an auth method has at most {MOST_RULES} rules", field="AuthMethod")


def _expected(view: View, table: str, key: str) -> dict[tuple[str, str], int]:
    row = view.get(table, key)
    return {(table, key): ABSENT if row is None else row.version}
