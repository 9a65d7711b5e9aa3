"""What writes the catalog: pure, from a catalog to the next transaction, or None if all is so.

What is too much for one transaction is in several: each leaves whole rows, and the caller asks
again until there is nothing left to write. Each expects the rows it looked at.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from uuid import NAMESPACE_URL, uuid5

from ca_core.catalog.index import Catalog, Placed
from ca_core.catalog.rows import (
    CHECKS_TOPIC,
    HEARING,
    LIVENESS,
    NODE_CHECKS,
    NODES,
    NODES_TOPIC,
    SERVICES,
    SERVICES_TOPIC,
    HearingRow,
    LivenessRow,
    NodeChecksRow,
    NodeRow,
    ServiceRow,
    connect_topic,
    differs,
    host_topic,
    node_topic,
    parts_of,
    put,
    service_key,
    service_topic,
)
from ca_core.identity.spiffe import AgentId
from ca_core.state.protocol import ABSENT, MAX_CHANGES, TOPICS, Change, Transaction
from ca_core.state.rows import read
from ca_core.state.view import View
from ca_core.wire.catalog import CheckStatus
from ca_core.wire.registered import Registered, RegisteredState

Expect = dict[tuple[str, str], int]

_ROOM = MAX_CHANGES - 1
"""Changes and topics of one transaction; the topic of all names may come to them."""

_OF_A_NODE = (NODES, NODE_CHECKS, LIVENESS, HEARING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrant:
    """Whose agent registers.

    Attributes:
        joined: when it joined; None for one in the server's own process.
        server: the lasting name of the server that hears it.
        member: the row that makes it a member, and its version; a forgotten agent writes nothing.
    """

    agent: AgentId
    server: str
    joined: datetime | None = None
    member: Expect = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Changes that belong together, the topics they touch, and what they were decided on."""

    changes: tuple[Change, ...]
    topics: frozenset[str] = frozenset()
    expect: Expect = field(default_factory=dict)


def news(catalog: Catalog, by: Registrant, state: RegisteredState) -> tuple[Registered, ...]:
    """Return the instances that are new, or changed but for their checks: a right is needed."""
    standing = _standing(catalog, by)
    return tuple(
        one
        for one in state.services
        if one.service.id not in standing or standing[one.service.id].service != one.service
    )


def registered(
    catalog: Catalog,
    by: Registrant,
    state: RegisteredState,
    *,
    now: datetime,
    refused: frozenset[str] = frozenset(),
) -> Transaction | None:
    """Write what differs from the state of one agent.

    Args:
        catalog: the newest.
        by: whose state it is.
        state: all of it.
        now: when its agent called.
        refused: ids of instances that are not taken: what stood under such an id stays, with the
            checks as they are now, if its name is the same; otherwise it goes.
    """
    node = by.agent.node
    wanted = _wanted(catalog, by, state, refused)
    instances = (put(SERVICES, key, row) for key, row in wanted.items())
    pieces = chain(  # made one by one: of many, only the first few find room
        _removals(catalog, node, frozenset(wanted)),  # before the node is said to be this agent's
        _node_pieces(catalog.view, by, state, now),
        (_piece(catalog, change) for change in instances if differs(catalog.view, change)),
    )
    return packed(catalog, pieces, {**by.member, **versions(catalog.view, (NODES,), node)})


def removed(catalog: Catalog, node: str) -> Transaction | None:
    """Remove a node and everything on it; the node itself goes last."""
    gone = [Change(table, node, None) for table in _OF_A_NODE if catalog.view.get(table, node)]
    last = (Piece(changes=tuple(gone), topics=_host_topics(node)),) if gone else ()
    pieces = chain(_removals(catalog, node, frozenset()), last)
    return packed(catalog, pieces, versions(catalog.view, _OF_A_NODE, node))


def packed(catalog: Catalog, pieces: Iterable[Piece], guard: Expect) -> Transaction | None:
    """Return the transaction of as many pieces as one may hold, the first ones first.

    Whether names or tags of services come or go is seen of all of them together.
    """
    changes, topics, expect = list[Change](), set[str](), dict(guard)
    for piece in pieces:
        if changes and len(changes) + len(piece.changes) + len(topics | piece.topics) > _ROOM:
            break
        changes += piece.changes
        topics |= piece.topics
        expect |= piece.expect
    if not changes:
        return None
    names, told = _names(catalog, changes)
    return Transaction(
        changes=tuple(changes),
        expect=expect | names,
        topics=frozenset(topics | ({SERVICES_TOPIC} if told else set())),
    )


def _standing(catalog: Catalog, by: Registrant) -> dict[str, ServiceRow]:
    """Return what this very agent has registered, by id; not what one before it had."""
    node = by.agent.node
    told = read(catalog.view, NodeRow, NODES, node)
    if told is None or told.joined != by.joined:
        return {}
    rows = ((key, read(catalog.view, ServiceRow, SERVICES, key)) for key in _keys(catalog, node))
    return {parts_of(key)[1]: row for key, row in rows if row is not None}


def _wanted(
    catalog: Catalog, by: Registrant, state: RegisteredState, refused: frozenset[str]
) -> dict[str, ServiceRow]:
    """Return what shall stand, by key."""
    standing = _standing(catalog, by) if refused else {}
    wanted = {}
    for one in state.services:
        row = ServiceRow(service=one.service, checks=one.checks)
        if one.service.id in refused:
            before = standing.get(one.service.id)
            if before is None or before.service.service != one.service.service:
                continue
            row = ServiceRow(service=before.service, checks=one.checks)
        wanted[service_key(by.agent.node, one.service.id)] = row
    return wanted


def _node_pieces(
    view: View, by: Registrant, state: RegisteredState, now: datetime
) -> Iterator[Piece]:
    node = by.agent.node
    row = NodeRow(
        id=str(uuid5(NAMESPACE_URL, str(by.agent))),
        datacenter=by.agent.datacenter,
        address=state.address,
        meta=state.meta,
        joined=by.joined,
    )
    changes = [put(NODES, node, row), put(NODE_CHECKS, node, NodeChecksRow(checks=state.checks))]
    if view.get(NODES, node) is None:
        changes.append(put(LIVENESS, node, LivenessRow(status=CheckStatus.PASSING, since=now)))
        changes.append(put(HEARING, node, HearingRow(server=by.server)))
    new = [change for change in changes if differs(view, change)]
    topics = {_HOST_TOPIC[change.table] for change in new} - {""}
    if new:
        yield Piece(
            changes=tuple(new),
            topics=frozenset({*topics, node_topic(node), host_topic(node)}),
            expect=versions(view, _OF_A_NODE, node),
        )


_HOST_TOPIC = {NODES: NODES_TOPIC, NODE_CHECKS: CHECKS_TOPIC, LIVENESS: CHECKS_TOPIC, HEARING: ""}


def _host_topics(node: str) -> frozenset[str]:
    return frozenset({NODES_TOPIC, CHECKS_TOPIC, node_topic(node), host_topic(node)})


def _removals(catalog: Catalog, node: str, wanted: frozenset[str]) -> Iterator[Piece]:
    for key in _keys(catalog, node):
        if key not in wanted:
            yield _piece(catalog, Change(SERVICES, key, None))


def _piece(catalog: Catalog, change: Change) -> Piece:
    """Return the change of an instance with all that it touches."""
    before = catalog.placed.get(change.key)
    after = None if change.value is None else Placed.of(change.value)
    node, _ = parts_of(change.key)
    topics = {node_topic(node)}
    for each in (before, after):
        if each is not None:
            topics |= _topics_of(each)
    return Piece(
        changes=(change,),
        topics=frozenset(topics),
        expect=versions(catalog.view, (SERVICES,), change.key),
    )


def _topics_of(instance: Placed) -> set[str]:
    topics = {service_topic(instance.name)}
    if instance.connect:
        topics.add(connect_topic(instance.connect))
    if instance.checked:
        topics.add(CHECKS_TOPIC)
    return topics


def _names(catalog: Catalog, changes: list[Change]) -> tuple[Expect, bool]:
    """Return what must not change meanwhile, and whether a name or a tag comes or goes.

    Others change instances of the same service: their commits touch its topic.
    """
    after = catalog.after(catalog.view, changes)
    moved = set[str]()
    for change in changes:
        old, new = catalog.placed.get(change.key), after.placed.get(change.key)
        if change.table == SERVICES and old != new:
            moved |= {each.name for each in (old, new) if each is not None}
    expect: Expect = {}
    for name in moved:
        expect |= versions(catalog.view, (TOPICS,), service_topic(name))
    return expect, any(catalog.tags(name) != after.tags(name) for name in moved)


def _keys(catalog: Catalog, node: str) -> tuple[str, ...]:
    return catalog.by_node.get(node, ())


def versions(view: View, tables: Iterable[str], key: str) -> Expect:
    """Return the versions of a key's rows, as ``Transaction.expect`` wants them."""
    rows = ((table, view.get(table, key)) for table in tables)
    return {(table, key): ABSENT if row is None else row.version for table, row in rows}
