"""What an agent says about the bundle it uses: checked, and kept as one row for each agent; pure.

The row is written only when the bundle differs from what stands, so agents that repeat themselves
every few seconds cost no commit.
"""

import re
from datetime import datetime

from ca_core.authority.rows import put, read
from ca_core.errors import DeniedError, RequestError
from ca_core.lifecycle.evidence import digest_of
from ca_core.lifecycle.rows import (
    ACKNOWLEDGEMENTS,
    ACKNOWLEDGEMENTS_TOPIC,
    AGENTS,
    AcknowledgementRow,
)
from ca_core.state.protocol import ABSENT, Transaction
from ca_core.state.view import View
from ca_core.wire.operations import Acknowledgement

MOST_ANCHORS = 100
"""Roots that a bundle may hold; a mesh has one, two while it changes."""

_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")


def checked_anchors(said: Acknowledgement) -> tuple[str, ...]:
    """Return the fingerprints of an acknowledgement, once they are what they claim to be.

    Raises:
        RequestError: none or too many, one that is no SHA-256 in lower-case hex, unsorted or
            twice, or another digest; names the field.
    """
    anchors = said.anchors
    if not 1 <= len(anchors) <= MOST_ANCHORS:
        raise RequestError(f"{len(anchors)} anchors, not 1 to {MOST_ANCHORS}", field="Anchors")
    if not all(_FINGERPRINT.match(anchor) for anchor in anchors):
        raise RequestError("an anchor is SHA-256 in 64 lower-case hex digits", field="Anchors")
    if list(anchors) != sorted(set(anchors)):
        raise RequestError("anchors are sorted, each once", field="Anchors")
    if said.digest != digest_of(anchors):
        raise RequestError("not the SHA-256 over these anchors", field="Digest")
    return anchors


def acknowledged(
    view: View, node: str, anchors: tuple[str, ...], now: datetime
) -> Transaction | None:
    """Return what keeps an agent's statement; None if it stands already, in this epoch.

    Args:
        view: agents and acknowledgements.
        node: which agent says it.
        anchors: sorted fingerprints.
        now: aware UTC.

    Raises:
        DeniedError: there is no such agent any more.
    """
    agent = view.get(AGENTS, node)
    if agent is None:
        raise DeniedError(f"agent {node!r} is not a member of this cluster")
    standing = read(view, AcknowledgementRow, ACKNOWLEDGEMENTS, node)
    if standing is not None and (standing.epoch, standing.anchors) == (view.epoch, anchors):
        return None
    row = AcknowledgementRow(digest=digest_of(anchors), anchors=anchors, epoch=view.epoch, at=now)
    stored = view.get(ACKNOWLEDGEMENTS, node)
    return Transaction(
        changes=(put(ACKNOWLEDGEMENTS, node, row),),
        expect={
            (AGENTS, node): agent.version,  # a forgotten agent's statement is not kept
            (ACKNOWLEDGEMENTS, node): ABSENT if stored is None else stored.version,
        },
        topics=frozenset({ACKNOWLEDGEMENTS_TOPIC}),
    )
