"""A valid leaf as a reader gets it, and how fresh it is."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from ca_core.agent.leafrecord import HeldLeaf, LeafRecord
from ca_core.agent.renewal import LeafState
from ca_core.errors import Error, UnavailableError
from ca_core.wire.leaf import IssuedCert
from ca_core.wire.times import wire_time


@dataclass(slots=True, kw_only=True)
class LeafAnswer:
    """A valid leaf; not frozen, since that would triple what making one for each reader costs.

    Attributes:
        body: leaf, chain and key as Consul's JSON; holds a secret.
        hit: True if it came from memory at once.
        age: time since it was received.
        index: at least 1; another one means another leaf.
        failure: why the last attempt to renew it failed, or empty.
    """

    body: bytes = field(repr=False)
    hit: bool
    age: timedelta
    index: int
    failure: str = ""

    @property
    def cert(self) -> IssuedCert:
        """Return leaf, chain and key; holds a secret."""
        return msgspec.json.decode(self.body, type=IssuedCert)


def handed_out(record: LeafRecord, leaf: HeldLeaf, now: datetime, *, hit: bool) -> LeafAnswer:
    """Return a leaf of a record as a reader gets it; ``hit``: from memory, at once."""
    failure = str(record.error) if record.error else ""
    age = now - leaf.issued_at
    return LeafAnswer(body=leaf.body.json, hit=hit, age=age, index=leaf.index, failure=failure)


def unservable(record: LeafRecord, now: datetime) -> Error:
    """Return why a record has no leaf that may be answered at ``now``."""
    leaf = record.leaf
    if leaf is None:
        return UnavailableError("the agent is stopping")
    reason = f": {record.error}" if record.error else ""
    if leaf.state(now) is LeafState.EXPIRED:
        said = f"the leaf of {record.name.service!r} expired at {wire_time(leaf.not_after)}"
    else:
        said = f"the leaf of {record.name.service!r} begins at {wire_time(leaf.not_before)}"
    return UnavailableError(said + reason, hint=record.error.hint if record.error else "")
