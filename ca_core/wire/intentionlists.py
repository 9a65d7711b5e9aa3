"""How intentions reach agents: lists by destination, asked for by what an agent holds already."""

import msgspec


class ListsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a ``WatchRequest``: answered once something is not what the agent holds.

    Attributes:
        held: destination → index of its list as the agent holds it; 0 holds none. Destinations are
            written ``ns/svc``, ``ns/*`` and ``*/*``; each list is that of exactly this one.
        epoch: that of the indexes; in another one all of them are 0.
        default: the default as the agent holds it (``Default`` of the last answer); '' for none.
        wait: how long an agent waits for news, like ``60s``.
    """

    held: dict[str, int] = msgspec.field(name="Held")
    epoch: str = msgspec.field(name="Epoch", default="")
    default: str = msgspec.field(name="Default", default="")
    wait: str = msgspec.field(name="Wait", default="60s")


class DestinationList(msgspec.Struct, frozen=True, kw_only=True):
    """All intentions of exactly one destination.

    Attributes:
        index: at least 1; another one means another list.
        sources: source → what is kept of the intention, as ``ca_core.intentions.rows`` writes it.
    """

    destination: str = msgspec.field(name="Destination")
    index: int = msgspec.field(name="Index")
    sources: dict[str, msgspec.Raw] = msgspec.field(name="Sources")


class ListsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What differs from what the agent holds; nothing, if ``wait`` went by without news.

    Attributes:
        default: ``allow`` or ``deny``, a blank, and why it holds (a ``Why``).
        lists: each replaces all that the agent holds of that destination. What is too much for one
            answer is in the next.
    """

    epoch: str = msgspec.field(name="Epoch")
    default: str = msgspec.field(name="Default")
    lists: tuple[DestinationList, ...] = msgspec.field(name="Lists", default=())
