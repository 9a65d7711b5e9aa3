"""A change that somebody thinks of: what the index would be after it, and which names differ."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ca_core.errors import RequestError
from ca_core.intentions.comparing import Difference
from ca_core.intentions.grouping import grouped, other_words
from ca_core.intentions.index import Index, Pair
from ca_core.intentions.model import Intention
from ca_core.intentions.naming import parsed_name
from ca_core.intentions.validation import named_in, parsed_intention
from ca_core.wire.comparisons import DiffAnswer, DifferenceAnswer, DiffRequest, PairBody
from ca_core.wire.intentions import IntentionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Intentions to write and to remove; ``whole`` is everything that should be, or None."""

    whole: tuple[Intention, ...] | None = None
    upserted: tuple[Intention, ...] = ()
    deleted: tuple[Pair, ...] = ()

    def applied(self, index: Index) -> Index:
        """Return the index after it."""
        if self.whole is not None:
            return Index.of(self.whole, index.default)
        return index.with_changes(self.upserted, self.deleted)

    @property
    def changed(self) -> tuple[Pair, ...] | None:
        """Return the names that may differ; None if that has to be looked for."""
        if self.whole is not None:
            return None
        return (*self.deleted, *((one.source, one.destination) for one in self.upserted))


def parsed_proposal(body: DiffRequest) -> Proposal:
    """Return what a body proposes.

    Raises:
        RequestError: it proposes nothing, or a whole and changes of it; a rule is broken, or a pair
            is written twice: ``field`` is the place.
    """
    changes = (*body.upsert, *body.delete)
    if (body.intentions is None) is not bool(changes):
        raise RequestError("needs either Intentions, or Upsert and Delete", field="body")
    return Proposal(
        whole=None if body.intentions is None else _intentions(body.intentions, "Intentions"),
        upserted=_intentions(body.upsert, "Upsert"),
        deleted=tuple(_pair(one, f"Delete[{at}]") for at, one in enumerate(body.delete)),
    )


def told_differences(differences: Iterable[Difference]) -> DiffAnswer:
    """Return differences as they are sent: grouped."""
    return DiffAnswer(
        differences=tuple(
            DifferenceAnswer(
                effect=group.effect,
                sources=tuple(map(other_words, group.sources)),
                destinations=tuple(map(other_words, group.destinations)),
                gained=group.gained,
                lost=group.lost,
                text=str(group),
            )
            for group in grouped(differences)
        )
    )


def _intentions(bodies: Sequence[IntentionRequest], place: str) -> tuple[Intention, ...]:
    found: dict[Pair, Intention] = {}
    for at, body in enumerate(bodies):
        where = f"{place}[{at}]"
        try:
            one = parsed_intention(body, *named_in(body))
        except RequestError as error:
            raise RequestError(str(error), field=where, hint=error.hint) from None
        if (one.source, one.destination) in found:
            raise RequestError("names a pair that is there before", field=where)
        found[one.source, one.destination] = one
    return tuple(found.values())


def _pair(body: PairBody, place: str) -> Pair:
    source = parsed_name(body.source, f"{place}.Source")
    return source, parsed_name(body.destination, f"{place}.Destination")
