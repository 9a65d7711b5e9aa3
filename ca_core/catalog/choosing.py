"""Which rows of a view a reader wants: by health, by tag, by what is said of the node. Pure."""

from collections.abc import Iterable

import msgspec

from ca_core.wire.catalog import CheckStatus, Instance, Node


class Wanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which rows; the default wants all.

    Attributes:
        passing: only instances of which every check passes, those of the node included.
        tags: each must be there; in lower case, and compared so.
        node_meta: the node has each of these, key and value.
    """

    passing: bool = False
    tags: frozenset[str] = frozenset()
    node_meta: frozenset[tuple[str, str]] = frozenset()


EVERY_ROW = Wanted()


def chosen(instances: Iterable[Instance], wanted: Wanted) -> tuple[Instance, ...]:
    """Return the instances that are wanted, in their order."""
    return tuple(one for one in instances if _is_wanted(one, wanted))


def chosen_nodes(nodes: Iterable[Node], wanted: Wanted) -> tuple[Node, ...]:
    """Return the nodes that are wanted, in their order; ``passing`` and ``tags`` do not count."""
    return tuple(node for node in nodes if _has_meta(node, wanted))


def _is_wanted(instance: Instance, wanted: Wanted) -> bool:
    return (
        (not wanted.passing or _passes(instance))
        and (not wanted.tags or wanted.tags <= {tag.lower() for tag in instance.service.tags})
        and _has_meta(instance.node, wanted)
    )


def _passes(instance: Instance) -> bool:
    return all(check.status is CheckStatus.PASSING for check in instance.checks)


def _has_meta(node: Node, wanted: Wanted) -> bool:
    return all(node.meta.get(key) == value for key, value in wanted.node_meta)
