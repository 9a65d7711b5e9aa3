"""Whether the agents of nodes still call: what is written when that changes. Pure.

The row ``LIVENESS`` of a node is what others see; ``HEARING`` names the server at which its agent
was parked last, and only that server, or the leader once that server is gone, says that the agent
is silent. An agent that moves to another server changes nothing that anybody sees.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ca_core.catalog.commits import Piece, packed, versions
from ca_core.catalog.hearing import Heard
from ca_core.catalog.index import Catalog
from ca_core.catalog.rows import (
    CHECKS_TOPIC,
    HEARING,
    LIVENESS,
    HearingRow,
    LivenessRow,
    host_topic,
    node_topic,
    put,
)
from ca_core.state.protocol import Change, Transaction
from ca_core.state.rows import decoded, read
from ca_core.state.view import View
from ca_core.wire.catalog import CheckStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A server that says which agents call.

    Attributes:
        server: its lasting name.
        heard: what it hears.
        now: when.
        gone: servers for whose agents it speaks too, as the leader.
    """

    server: str
    heard: Heard
    now: datetime
    gone: frozenset[str] = frozenset()

    def judged(self, catalog: Catalog) -> Transaction | None:
        """Write what changed about which agents call; None if all is so."""
        nodes = catalog.view.table(LIVENESS)
        pieces = (self._piece(catalog.view, node) for node in nodes)
        return packed(catalog, (piece for piece in pieces if piece is not None), {})

    def _piece(self, view: View, node: str) -> Piece | None:
        """Return what changes about one node, or None."""
        said, at = read(view, LivenessRow, LIVENESS, node), read(view, HearingRow, HEARING, node)
        hearer = "" if at is None else at.server
        status = None if said is None else said.status
        turned = self._turned(node, hearer, status)
        moved = node in self.heard.arrived or turned is CheckStatus.PASSING
        changes = list[Change]()
        if turned is not None:
            changes.append(put(LIVENESS, node, LivenessRow(status=turned, since=self.now)))
        if moved and hearer != self.server:
            changes.append(put(HEARING, node, HearingRow(server=self.server)))
        if not changes:
            return None
        return Piece(
            changes=tuple(changes),
            topics=_seen_at(node) if turned is not None else frozenset(),
            expect=versions(view, (LIVENESS, HEARING), node),
        )

    def _turned(self, node: str, hearer: str, status: CheckStatus | None) -> CheckStatus | None:
        """Return what the node's check says from now on; None if that is what it says already."""
        if node in self.heard.nodes:
            return CheckStatus.PASSING if status is not CheckStatus.PASSING else None
        is_mine = hearer == self.server and self.heard.long_enough
        silent = is_mine or hearer in self.gone
        return CheckStatus.CRITICAL if silent and status is not CheckStatus.CRITICAL else None


def unsettled(view: View, node: str, server: str) -> bool:
    """Say whether something else is written of a node than that this server hears its agent."""
    said = read(view, LivenessRow, LIVENESS, node)
    if said is None:  # it comes with the first registration
        return False
    at = read(view, HearingRow, HEARING, node)
    return said.status is not CheckStatus.PASSING or at is None or at.server != server


def heard_elsewhere(view: View, server: str) -> frozenset[str]:
    """Return the nodes whose agents call, as the other servers say that hear them."""
    return frozenset(
        node
        for node, stored in view.table(HEARING).items()
        if decoded(HearingRow, stored.value).server != server
        and (said := read(view, LivenessRow, LIVENESS, node)) is not None
        and said.status is CheckStatus.PASSING
    )


def hearers(view: View) -> frozenset[str]:
    """Return the servers that some agent was parked at last."""
    rows = view.table(HEARING).values()
    return frozenset(decoded(HearingRow, row.value).server for row in rows)


def silent(view: View) -> Iterator[tuple[str, datetime]]:
    """Yield the nodes whose agents do not call, and since when."""
    for node, stored in view.table(LIVENESS).items():
        row = decoded(LivenessRow, stored.value)
        if row.status is CheckStatus.CRITICAL:
            yield node, row.since


def dead(view: View, now: datetime, reap_after: timedelta) -> tuple[str, ...]:
    """Return the nodes whose agents have been silent for so long."""
    return tuple(node for node, since in silent(view) if now - since >= reap_after)


def _seen_at(node: str) -> frozenset[str]:
    return frozenset({CHECKS_TOPIC, node_topic(node), host_topic(node)})
