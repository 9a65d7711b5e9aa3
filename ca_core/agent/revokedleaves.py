"""Leaves that were revoked, as servers told this agent: none of them is answered any more."""

import logging
from collections.abc import Iterable
from datetime import datetime

from ca_core.agent.leafrecord import HeldLeaf, LeafRecord
from ca_core.wire.revocation import RevokedMark

log = logging.getLogger(__name__)

Mark = tuple[str, str]
"""A leaf by what it says itself: the key id of its issuer and its serial number, colon hex."""


class RevokedLeaves:
    """What was revoked and has not ended. There is no way back, whatever servers say later."""

    def __init__(self) -> None:
        self._ends: dict[Mark, datetime] = {}

    def __len__(self) -> int:
        """Return how many are known."""
        return len(self._ends)

    def __contains__(self, leaf: HeldLeaf) -> bool:
        """Say whether a leaf was revoked, as far as is known."""
        return bool(self._ends) and (leaf.signer_key_id, leaf.body.serial_number) in self._ends

    def learn(self, told: Iterable[RevokedMark], now: datetime) -> None:
        """Keep what was told; what has ended is forgotten."""
        self._ends = {mark: ends for mark, ends in self._ends.items() if ends >= now}
        self._ends.update({(one.key_id, one.serial_number): one.valid_before for one in told})

    def taken_from(self, records: Iterable[LeafRecord], now: datetime) -> list[LeafRecord]:
        """Have every record whose leaf was revoked give it up; return those that did just now."""
        found = [record for record in records if self._is_news_to(record)]
        for record in found:
            record.give_up_leaf(now)
            log.warning("leaf of %s: revoked; it is answered no more", record.name.service)
        return found

    def _is_news_to(self, record: LeafRecord) -> bool:
        leaf = record.leaf
        return leaf is not None and not leaf.revoked and leaf in self
