"""A valid leaf as a reader gets it, and how fresh it is."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from ca_core.agent.leafrecord import HeldLeaf, LeafRecord
from ca_core.agent.renewal import LeafState
from ca_core.errors import Error, ProviderError, UnavailableError
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


def waited_for(record: LeafRecord, now: datetime) -> LeafAnswer:
    """Return the leaf that a reader waited for, if it is valid at this very moment: the watchdog.

    Raises:
        UnavailableError: there is none.
    """
    leaf = record.leaf
    if leaf is None or not leaf.servable(now):
        raise _unservable(record, now)
    return handed_out(record, leaf, now, hit=False)


def _unservable(record: LeafRecord, now: datetime) -> UnavailableError:
    leaf = record.leaf
    if leaf is None:
        return UnavailableError("the agent is stopping")
    if leaf.revoked:
        return _revoked(record, record.error)
    reason = f": {record.error}" if record.error else ""
    if leaf.state(now) is LeafState.EXPIRED:
        said = f"the leaf of {record.name.service!r} expired at {wire_time(leaf.not_after)}"
    else:
        said = f"the leaf of {record.name.service!r} begins at {wire_time(leaf.not_before)}"
    return UnavailableError(said + reason, hint=record.error.hint if record.error else "")


def refusal(record: LeafRecord, error: Error) -> Error:
    """Return why a reader gets no leaf, whose attempt to have one failed with ``error``.

    One error, many readers: frames do not pile up.
    """
    if record.leaf is not None and record.leaf.revoked and isinstance(error, ProviderError):
        return _revoked(record, error)
    return error.with_traceback(None)


def _revoked(record: LeafRecord, error: Error | None) -> UnavailableError:
    said = f"the leaf of {record.name.service!r} was revoked"
    if error is None:
        return UnavailableError(said)
    soonest = getattr(error, "retry_after", timedelta(seconds=1))
    return UnavailableError(f"{said}: {error}", retry_after=soonest, hint=error.hint)
