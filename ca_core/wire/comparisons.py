"""What a change of intentions would do, on the wire; ours."""

import msgspec

from ca_core.wire.intentions import IntentionRequest


class PairBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The names of an intention: ``svc``, ``ns/svc`` or ``*``."""

    source: str = msgspec.field(name="Source")
    destination: str = msgspec.field(name="Destination")


class DiffRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``POST /v1/connect/intentions/diff``.

    Attributes:
        intentions: the wanted whole; null to change what stands.
        upsert, delete: changes of what stands, deletions first; none beside ``intentions``.
    """

    intentions: tuple[IntentionRequest, ...] | None = msgspec.field(name="Intentions", default=None)
    upsert: tuple[IntentionRequest, ...] = msgspec.field(name="Upsert", default=())
    delete: tuple[PairBody, ...] = msgspec.field(name="Delete", default=())


class DifferenceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The same difference between all of the sources and all of the destinations.

    Attributes:
        effect: ``newly allows``, ``newly denies`` (connections), or ``permissions differ``.
        sources, destinations: services; ``any other`` is each one that no intention mentions.
        gained, lost: what is said of requests now, and was before; empty where nothing is.
        text: all but these in one line.
    """

    effect: str = msgspec.field(name="Effect")
    sources: tuple[str, ...] = msgspec.field(name="Sources")
    destinations: tuple[str, ...] = msgspec.field(name="Destinations")
    gained: tuple[str, ...] = msgspec.field(name="Gained", default=())
    lost: tuple[str, ...] = msgspec.field(name="Lost", default=())
    text: str = msgspec.field(name="Text", default="")


class DiffAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``POST /v1/connect/intentions/diff``; empty if nothing is decided anew."""

    differences: tuple[DifferenceAnswer, ...] = msgspec.field(name="Differences")
