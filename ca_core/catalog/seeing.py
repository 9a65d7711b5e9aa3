"""Which rows of a view a caller may see; pure, and asked anew on every request.

Source: Consul's published pages on ACL rules: ``service:read`` on the instance's own service, and
``node:read`` on its node.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, assert_never

from msgspec.structs import replace

from ca_core.acl.access import Action, May
from ca_core.acl.principal import Principal
from ca_core.catalog.views import ViewValue
from ca_core.wire.catalog import Check, Instance, Node, NodeServices

Sees = Callable[[Any], bool]
"""Says whether the caller may see one row."""


def seen(value: ViewValue, may: May, caller: Principal) -> tuple[ViewValue, bool]:
    """Return what the caller may see of a view, and whether anything was hidden.

    A node without ``node:read`` is no node. What is seen whole is the same object.
    """
    rights = _Rights(may, caller)
    match value:
        case None:
            return None, False
        case NodeServices():
            return _node_seen(value, rights)
        case dict():
            names = {name: tags for name, tags in value.items() if rights.service(name)}
            return (value, False) if len(names) == len(value) else (names, True)
        case tuple():
            return _kept(value, rights.row)
        case _:
            assert_never(value)


class _Rights:
    """The rights of one caller for one request; each is asked for once."""

    def __init__(self, may: May, caller: Principal) -> None:
        self.service = cache(lambda name: may(caller, Action.SERVICE_READ, name))
        self.node = cache(lambda name: may(caller, Action.NODE_READ, name))

    def row(self, row: Instance | Node | Check) -> bool:
        """Say whether the caller may see one row."""
        match row:
            case Instance():
                return self.service(row.service.service) and self.node(row.node.node)
            case Node():
                return self.node(row.node)
            case Check(service_id=""):
                return self.node(row.node)
            case Check():
                return self.service(row.service_name) and self.node(row.node)
            case _:
                assert_never(row)


def _kept(rows: tuple[Any, ...], sees: Sees) -> tuple[Any, bool]:
    kept = tuple(row for row in rows if sees(row))
    return (rows, False) if len(kept) == len(rows) else (kept, True)


def _node_seen(value: NodeServices, rights: _Rights) -> tuple[NodeServices | None, bool]:
    if not rights.node(value.node.node):
        return None, True
    services, hidden = _kept(value.services, lambda one: rights.service(one.service))
    checks, more = _kept(value.checks, rights.row)
    if not (hidden or more):
        return value, False
    return replace(value, services=services, checks=checks), True
