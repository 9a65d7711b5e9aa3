"""What writes intentions: pure, from a view to one transaction, or None if all is so already.

Each expects the rows it looked at: a lost race is asked again with a newer view. ``expect`` is a
client's compare-and-set: the ModifyIndex that the intention must have, 0 for "must not exist", None
for "whatever stands".
"""

from dataclasses import replace
from datetime import datetime

from ca_core.errors import ConflictError, NotFoundError, RequestError
from ca_core.intentions.model import Intention, Name
from ca_core.intentions.rows import (
    INTENTION_IDS,
    INTENTIONS,
    Stored,
    changed_topics,
    key_of,
    stored,
    stored_by_id,
    written,
)
from ca_core.state.protocol import ABSENT, Change, Transaction
from ca_core.state.view import View


def upserted(
    view: View, intention: Intention, now: datetime, *, expect: int | None = None
) -> Transaction | None:
    """Write the intention in place of what its names have; id and creation stay.

    Raises:
        ConflictError: ``expect`` does not hold.
    """
    standing = stored(view, intention.source, intention.destination)
    _require(standing, expect)
    if standing is None:
        made = replace(intention, created=now, updated=now)
        return _transaction(made, None, (written(made),))
    return _replaced(standing, intention, now)


def deleted(
    view: View, source: Name, destination: Name, *, expect: int | None = None
) -> Transaction | None:
    """Remove the intention of exactly this pair.

    Raises:
        ConflictError: ``expect`` does not hold.
    """
    standing = stored(view, source, destination)
    _require(standing, expect)
    return None if standing is None else _removal(standing)


def created(view: View, intention: Intention, id: str, now: datetime) -> Transaction:  # noqa: A002 - the word of the wire
    """Write an intention that does not exist yet, under an id.

    Raises:
        ConflictError: its names have one already.
    """
    _require_free(view, intention)
    made = replace(intention, id=id, created=now, updated=now)
    return _transaction(made, None, (written(made), _named(made)))


def updated_by_id(view: View, id: str, intention: Intention, now: datetime) -> Transaction | None:  # noqa: A002 - the word of the wire
    """Write the intention in place of the one of this id; its source may be another one.

    Raises:
        NotFoundError: there is none of this id.
        RequestError: it has another destination.
        ConflictError: its names have another one already.
    """
    standing = require_id(view, id, "modify")
    if standing.intention.destination != intention.destination:
        raise RequestError(
            "Cannot modify Destination partition/namespace/name for an intention once it exists.",
            field="DestinationName",
            hint="delete it, and create another one",
        )
    if standing.intention.source == intention.source:
        return _replaced(standing, intention, now)
    _require_free(view, intention)
    return _moved(standing, intention, now)


def deleted_by_id(view: View, id: str) -> Transaction:  # noqa: A002 - the word of the wire
    """Remove the intention of this id.

    Raises:
        NotFoundError: there is none of this id.
    """
    return _removal(require_id(view, id, "delete"))


def require_id(view: View, id: str, verb: str) -> Stored:  # noqa: A002 - the word of the wire
    """Return the intention of this id, which somebody wants to ``verb``.

    Raises:
        NotFoundError: there is none.
    """
    standing = stored_by_id(view, id)
    if standing is None:
        raise NotFoundError(f"Cannot {verb} non-existent intention: '{id}'")
    return standing


def meta_kept(view: View, intention: Intention) -> Intention:
    """Return the intention with the meta data that stands for its names, if any does."""
    standing = stored(view, intention.source, intention.destination)
    return intention if standing is None else replace(intention, meta=standing.intention.meta)


def _replaced(standing: Stored, intention: Intention, now: datetime) -> Transaction | None:
    """Write it over what stands; nothing if it says the same."""
    old = standing.intention
    same = replace(intention, id=old.id, created=old.created, updated=old.updated)
    if same == old:
        return None
    return _transaction(same, standing, (written(replace(same, updated=now)),))


def _moved(standing: Stored, intention: Intention, now: datetime) -> Transaction:
    old = standing.intention
    made = replace(intention, id=old.id, created=old.created, updated=now)
    gone = Change(INTENTIONS, key_of(old.source, old.destination), None)
    changes = (gone, written(made), _named(made))
    expect = _expected(standing, old) | _expected(None, made)
    topics = changed_topics(old.source, old.destination) | changed_topics(
        made.source, made.destination
    )
    return Transaction(changes=changes, expect=expect, topics=topics)


def _removal(standing: Stored) -> Transaction:
    old = standing.intention
    gone = Change(INTENTIONS, key_of(old.source, old.destination), None)
    names = (Change(INTENTION_IDS, old.id, None),) if old.id else ()
    return _transaction(old, standing, (gone, *names))


def _transaction(
    intention: Intention, standing: Stored | None, changes: tuple[Change, ...]
) -> Transaction:
    topics = changed_topics(intention.source, intention.destination)
    return Transaction(changes=changes, expect=_expected(standing, intention), topics=topics)


def _expected(standing: Stored | None, intention: Intention) -> dict[tuple[str, str], int]:
    key = key_of(intention.source, intention.destination)
    return {(INTENTIONS, key): ABSENT if standing is None else standing.version}


def _named(intention: Intention) -> Change:
    key = key_of(intention.source, intention.destination)
    return Change(INTENTION_IDS, intention.id, key.encode())


def _require(standing: Stored | None, expect: int | None) -> None:
    found = ABSENT if standing is None else standing.version
    if expect is not None and found != expect:
        said = f"its ModifyIndex is {found}" if found else "there is none"
        raise ConflictError(
            f"the intention was expected at {expect}, but {said}",
            field="cas",
            hint="read it again, and decide anew; 0 means that there must be none",
        )


def _require_free(view: View, intention: Intention) -> None:
    standing = stored(view, intention.source, intention.destination)
    if standing is not None:
        raise ConflictError(
            f"duplicate intention found: {standing.intention}",
            field="SourceName",
            hint="change that one, or write by name: PUT /v1/connect/intentions/exact",
        )
